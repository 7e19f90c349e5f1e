use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// Of the program's digest, enough to tell two builds apart.
const DIGEST_LEN: usize = 12;

/// Which program this is: the version, and of the program's own file the digest, as in `0.1.0+3f9a1c0b77e2`. A run replays in the
/// same program only.
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION
        .get_or_init(|| format!("{}+{}", env!("CARGO_PKG_VERSION"), digest().unwrap_or_else(|| "unknown".to_owned())))
}

#[expect(clippy::disallowed_methods, reason = "reads its own program, which no run sees")]
fn digest() -> Option<String> {
    let program = std::fs::read(std::env::current_exe().ok()?).ok()?;
    let digest = Sha256::digest(&program);
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..DIGEST_LEN].to_owned())
}
