//! Rust components: `cargo build --release --target wasm32-wasip2`, in one target directory for the whole app.

use anyhow::{Context as _, Result, anyhow, bail};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

const TARGET: &str = "wasm32-wasip2";

/// Names a toolchain whose rustc has the target's standard library, where the one on the path has not.
const TOOLCHAIN_VARIABLE: &str = "RUSM_GUEST_TOOLCHAIN";

/// Builds the crate in `folder`, with cargo's own judgement of what is up to date, and returns its component.
///
/// # Errors
/// With cargo's whole output, when it fails.
pub(super) fn build(app: &Path, folder: &Path, detail: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    cargo.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(app.join("target"));
    if let Some(toolchain) = std::env::var_os(TOOLCHAIN_VARIABLE) {
        cargo.env("RUSTC", Path::new(&toolchain).join("bin/rustc"));
    }
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cargo.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow!("there is no cargo on the path. Install Rust: https://rustup.rs"),
        _ => anyhow!(error).context("cargo does not start"),
    })?;
    let messages = child.stdout.take().context("cargo's output is piped")?;
    let manifest = manifest.canonicalize()?;
    let reader = std::thread::spawn(move || component_in(messages, &manifest));
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().context("cargo's output is piped")?).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if let Some(crate_name) = line.trim_start().strip_prefix("Compiling ") {
            detail(crate_name);
        }
        said.push_str(&line);
        said.push('\n');
    }
    let status = child.wait().context("cargo does not end")?;
    let component = reader.join().map_err(|_| anyhow!("cargo's messages cannot be read"))?;
    if !status.success() {
        if lacks_target(&said) {
            bail!(MISSING_TARGET);
        }
        bail!("cargo failed in {}\n\n{}", folder.display(), said.trim_end());
    }
    component?.ok_or_else(|| {
        anyhow!(
            "the crate in {} makes no component. Put this into its Cargo.toml:\n\n[lib]\ncrate-type = [\"cdylib\"]",
            folder.display()
        )
    })
}

const MISSING_TARGET: &str = "\
this Rust toolchain has no standard library for wasm32-wasip2, which components are compiled for.
Add it with `rustup target add wasm32-wasip2`, or install it as your distribution packages it";

/// rustc's own words for it, which cargo passes on.
fn lacks_target(said: &str) -> bool {
    said.contains("error[E0463]") && said.contains(TARGET) && said.contains("target may not be installed")
}

/// The last `.wasm` that cargo says it made, or found up to date, for the crate with this manifest.
fn component_in(messages: ChildStdout, manifest: &Path) -> Result<Option<PathBuf>> {
    let mut text = String::new();
    BufReader::new(messages).read_to_string(&mut text)?;
    Ok(text.lines().filter_map(|line| wasm_of(line, manifest)).next_back())
}

fn wasm_of(line: &str, manifest: &Path) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_meant = message["reason"] == "compiler-artifact"
        && Path::new(message["manifest_path"].as_str()?).canonicalize().ok()? == manifest;
    let files = message["filenames"].as_array().filter(|_| is_meant)?;
    files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
}
