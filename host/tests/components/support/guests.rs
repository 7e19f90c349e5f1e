//! Builds the guests: once a test run, by the cargo that runs the tests.

#![expect(clippy::disallowed_methods, reason = "a build is no part of a node")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const NAMES: [&str; 2] = ["actor", "command"];

/// A guest's component.
pub(crate) fn guest(name: &str) -> &'static [u8] {
    static GUESTS: OnceLock<BTreeMap<&str, Vec<u8>>> = OnceLock::new();
    &GUESTS.get_or_init(build)[name]
}

/// What is built lies here, away from what the running cargo builds and locks.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests")
}

fn build() -> BTreeMap<&'static str, Vec<u8>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2", "--manifest-path"]).arg(manifest);
    cargo.arg("--target-dir").arg(directory());
    // What is set for the host's own build does not fit the guests'.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER"] {
        cargo.env_remove(variable);
    }
    let status = cargo.status().expect("cargo can be run again");
    assert!(status.success(), "the guests cannot be built: `cargo xtask test` sets up what they need");
    let read = |name: &'static str| {
        let path = directory().join("wasm32-wasip2/release").join(name).with_extension("wasm");
        (name, std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    NAMES.into_iter().map(read).collect()
}
