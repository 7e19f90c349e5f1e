//! What a component was made from, so that nothing is built twice.

use super::modules::sdk_sources;
use super::world::{PACKAGES, World};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lies beside the component.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Digest of what `rusm` itself puts in.
    tool: String,
    world: World,
    /// Digest of the component.
    wasm: String,
    /// The app's files, by path, with the digest of each.
    sources: BTreeMap<String, String>,
}

impl Stamp {
    pub(super) fn new(world: World, wasm: &[u8], sources: BTreeMap<String, String>) -> Self {
        let sources = sources.into_iter().map(|(path, source)| (path, hex(Sha256::digest(source)))).collect();
        Self { tool: tool(), world, wasm: hex(Sha256::digest(wasm)), sources }
    }

    /// `build/NAME.wasm` has `build/.stamps/NAME.json`.
    pub(super) fn file_of(wasm: &Path) -> PathBuf {
        let folder = wasm.parent().unwrap_or(Path::new("")).join(".stamps");
        folder.join(wasm.file_stem().unwrap_or_default()).with_extension("json")
    }

    /// Nothing when there is none that can be read: then everything has changed.
    pub(super) fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(self)?)
    }

    pub(super) fn is_up_to_date(&self, app: &Path, world: World, wasm: &Path) -> bool {
        let same = |file: &Path, digest: &String| digest_of(file).is_some_and(|found| found == *digest);
        self.tool == tool()
            && self.world == world
            && same(wasm, &self.wasm)
            && self.sources.iter().all(|(path, digest)| same(&app.join(path), digest))
    }
}

/// The version, the WIT packages and the SDK; and in a build of RUSM's own, which binary it is.
fn tool() -> String {
    let mut digest = Sha256::new();
    digest.update(env!("CARGO_PKG_VERSION"));
    for part in PACKAGES.into_iter().flat_map(|(name, text)| [name, text]).chain(sdk_sources()) {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    if cfg!(debug_assertions)
        && let Ok(binary) = std::env::current_exe().and_then(|path| path.metadata())
    {
        digest.update(format!("{} {:?}", binary.len(), binary.modified().ok()));
    }
    hex(digest.finalize())
}

fn digest_of(file: &Path) -> Option<String> {
    std::fs::read(file).ok().map(|content| hex(Sha256::digest(content)))
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
