//! What guests in Rust need beyond cargo: the standard library of `wasm32-wasip2`.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// Where a toolchain that was built from the distribution's sources stands, for `rusm build` to use.
pub(crate) const TOOLCHAIN_VARIABLE: &str = "RUSM_GUEST_TOOLCHAIN";

/// Makes sure that guests can be built: the target is there already, `rustup` adds it, or its standard library is built
/// from the distribution's sources into `target/guest-toolchain`.
pub(crate) fn ensure() -> anyhow::Result<()> {
    if installed("rustc")? {
        println!("{TARGET} is installed");
        return Ok(());
    }
    if built().is_some() {
        println!("{TARGET} stands in target/guest-toolchain");
        return Ok(());
    }
    println!("{TARGET} is missing: `rustup target add {TARGET}`");
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    if added.is_ok_and(|status| status.success()) && installed("rustc")? {
        return Ok(());
    }
    println!("rustup cannot add it: building it from the distribution's sources, into target/guest-toolchain");
    let status = Command::new("bash")
        .args(["xtask/guest-toolchain.sh", "target/guest-toolchain"])
        .status()
        .context("starting bash for xtask/guest-toolchain.sh")?;
    if !status.success() {
        bail!("{TARGET} cannot be had: install it by `rustup target add {TARGET}`, or rust-src and wasi-libc by apt");
    }
    Ok(())
}

/// The variables that a command which builds guests is given.
pub(crate) fn environment() -> Option<(&'static str, PathBuf)> {
    built().map(|toolchain| (TOOLCHAIN_VARIABLE, toolchain))
}

fn built() -> Option<PathBuf> {
    let toolchain = Path::new("target/guest-toolchain/toolchain");
    let usable = toolchain.join("bin/rustc").exists();
    usable.then(|| std::fs::canonicalize(toolchain).ok()).flatten()
}

fn installed(rustc: &str) -> anyhow::Result<bool> {
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("starting rustc: is the Rust toolchain on PATH?")?;
    let directory = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(false) };
    Ok(entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}
