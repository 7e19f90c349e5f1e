use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("")
}

/// The `rusm` command as it is now. It is asked for as what the command's own tests need: built alone, without the features
/// that tests add to what the crates share, most of it would be compiled again.
pub(crate) fn rusm() -> &'static Path {
    static RUSM: OnceLock<PathBuf> = OnceLock::new();
    RUSM.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--no-run", "--workspace", "--features", "sim,apps", "--test", "cli", "--manifest-path"]);
        cargo.arg(root().join("Cargo.toml"));
        let status = cargo.arg("--target-dir").arg(target()).status().expect("cargo can be run again");
        assert!(status.success(), "the rusm command cannot be built");
        target().join("debug/rusm")
    })
}

/// Where the components of these tests lie.
pub(super) fn components() -> &'static Path {
    static COMPONENTS: OnceLock<PathBuf> = OnceLock::new();
    COMPONENTS.get_or_init(|| for_wasm("tests/serve/guests"))
}

/// The actor that does what it is told, which the host's own tests use too.
pub(crate) fn puppet() -> PathBuf {
    for_wasm("host/tests/guests").join("actor.wasm")
}

/// Builds a workspace of components, and says where they lie then.
fn for_wasm(workspace: &str) -> PathBuf {
    let directory = target().join("guests");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2", "--target-dir"]).arg(&directory);
    cargo.arg("--manifest-path").arg(root().join(workspace).join("Cargo.toml"));
    // What is set for the node's own build does not fit the components'.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER"] {
        cargo.env_remove(variable);
    }
    // A toolchain that `cargo xtask test` has built, where none can be installed.
    if let Some(toolchain) = std::env::var_os("RUSM_GUEST_TOOLCHAIN") {
        cargo.env("RUSTC", Path::new(&toolchain).join("bin/rustc"));
    }
    let status = cargo.status().expect("cargo can be run again");
    assert!(status.success(), "the components cannot be built: `cargo xtask test` sets up what they need");
    directory.join("wasm32-wasip2/release")
}

/// The chat example, with its components built.
pub(crate) fn chat() -> &'static Path {
    static CHAT: OnceLock<PathBuf> = OnceLock::new();
    CHAT.get_or_init(|| built("examples/chat"))
}

/// The app of the tests over real nodes, with its components built.
pub(crate) fn couriers() -> &'static Path {
    static COURIERS: OnceLock<PathBuf> = OnceLock::new();
    COURIERS.get_or_init(|| built("tests/nodes/app"))
}

/// The app of the tests of singletons on real nodes, with its components built.
pub(crate) fn ledgers() -> &'static Path {
    static LEDGERS: OnceLock<PathBuf> = OnceLock::new();
    LEDGERS.get_or_init(|| built("tests/nodes/ledger"))
}

fn built(app: &str) -> PathBuf {
    let app = root().join(app);
    let status = Command::new(rusm()).arg("build").arg(&app).status().expect("rusm can be started");
    assert!(status.success(), "{} cannot be built", app.display());
    app
}

/// Where compiled code is kept from test to test.
pub(super) fn code_cache() -> PathBuf {
    target().join("guests/serve-code")
}
