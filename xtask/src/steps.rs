//! `cargo xtask test`: the steps of CI, in order, each timed.

use crate::{breaks, disk, documents, edges, guest_toolchain, hashes, turmoil};
use anyhow::{Context, bail};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these steps, in their usual order.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Names the steps and ends.
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> anyhow::Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", what: "formatting", run: fmt },
    Step { name: "edges", what: "which crate depends on which", run: edges::check },
    Step { name: "documents", what: "README's commands, links, words that must not be there", run: documents::check },
    Step { name: "breaks", what: "that each rule has a patch that breaks it, which applies", run: breaks::check },
    Step { name: "toolchain", what: "the standard library of wasm32-wasip2", run: guest_toolchain::ensure },
    Step { name: "clippy", what: "lints", run: clippy },
    Step { name: "seams", what: "that going round a seam does not build", run: seams },
    Step { name: "build", what: "the command and all tests", run: build },
    Step {
        name: "guests",
        what: "the components of examples and of the tests' app: rusm build, their own tests and lints",
        run: guests,
    },
    Step { name: "test", what: "unit, model and integration tests, simulation suites", run: test },
    Step { name: "hashes", what: "that the same seed gives the same trace in other processes", run: same_hashes },
    Step { name: "turmoil", what: "the cluster on tokio and QUIC, over turmoil's network", run: turmoil::in_ci },
    Step { name: "doctest", what: "the examples in the documentation", run: doctest },
    Step { name: "chat", what: "the chat example in the simulator, on one node and on three", run: chat },
];

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.list {
        for step in STEPS {
            println!("{:<10} {}", step.name, step.what);
        }
        return Ok(());
    }
    if let Some(unknown) = options.only.iter().find(|only| STEPS.iter().all(|step| step.name != **only)) {
        bail!("there is no step {unknown:?}; `cargo xtask test --list` names them");
    }
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|step| options.only.is_empty() || options.only.iter().any(|only| only == step.name))
        .collect();
    disk::warn_if_short();
    let mut times = Vec::new();
    for (i, step) in chosen.iter().enumerate() {
        println!("\n[{} of {}] {}: {}", i + 1, chosen.len(), step.name, step.what);
        let start = Instant::now();
        let result = (step.run)();
        times.push((step.name, start.elapsed()));
        if let Err(error) = result {
            print_times(&times);
            let (name, hint) = (step.name, disk::hint());
            return Err(error.context(format!("the step {name:?} failed; again: cargo xtask test --only {name}{hint}")));
        }
    }
    print_times(&times);
    Ok(())
}

fn print_times(times: &[(&str, Duration)]) {
    println!();
    for (name, time) in times {
        println!("{name:<10} {:>7.1} s", time.as_secs_f64());
    }
    println!("{:<10} {:>7.1} s", "all", times.iter().map(|(_, time)| time.as_secs_f64()).sum::<f64>());
}

/// Runs a command of ours and shows what it prints. Model tests draw the same cases each time; run by hand without this
/// variable, they draw fresh ones.
pub(crate) fn command(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    command_with(program, arguments, &[])
}

/// The same with these variables.
pub(crate) fn command_with(program: &str, arguments: &[&str], variables: &[(&str, String)]) -> anyhow::Result<()> {
    println!("$ {program} {}", arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).env("PROPTEST_RNG_SEED", "20261124").envs(guest_toolchain::environment());
    command.envs(variables.iter().map(|(name, value)| (*name, value)));
    // What cargo says of this program itself: a build script that reads it would run again after each build by hand.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(&name);
        }
    }
    let status = command.status().with_context(|| format!("starting {program}"))?;
    if !status.success() {
        bail!("`{program} {}` ended with {status}", arguments.join(" "));
    }
    Ok(())
}

/// Apps, each with a workspace of its own for its components in Rust.
const APPS: &[&str] = &["examples/chat", "examples/counter", "tests/nodes/app", "tests/nodes/ledger"];

/// The other workspaces beside the root's: they are built for Wasm, or only for measuring.
const OTHER_WORKSPACES: &[&str] = &[
    "sdk/rust",
    "benches/cluster",
    "benches/otp",
    "benches/sim",
    "fuzz/libfuzzer",
    "host/tests/guests",
    "tests/serve/guests",
    "tests/turmoil",
];

/// What every step that compiles for this machine selects. One selection, so that nothing is compiled twice: another
/// one would give other features to what the crates share.
const SELECTION: [&str; 3] = ["--workspace", "--features", "sim,apps"];

fn fmt() -> anyhow::Result<()> {
    command("cargo", &["fmt", "--all", "--check"])?;
    for workspace in APPS.iter().chain(OTHER_WORKSPACES) {
        command("cargo", &["fmt", "--all", "--check", "--manifest-path", &format!("{workspace}/Cargo.toml")])?;
    }
    Ok(())
}

fn clippy() -> anyhow::Result<()> {
    command("cargo", &[&["clippy", "--all-targets"], &SELECTION[..], &["--", "-D", "warnings"]].concat())
}

/// A crate that goes round every kind of seam must not pass the lints: each call is named.
fn seams() -> anyhow::Result<()> {
    let manifest = "xtask/round-the-seams/Cargo.toml";
    let arguments = ["clippy", "--quiet", "--manifest-path", manifest, "--", "-D", "warnings"];
    let target = Path::new("target/round-the-seams");
    // Fresh each time: what cargo has checked already it does not say again.
    let _ = std::fs::remove_dir_all(target);
    let output = Command::new("cargo")
        .args(arguments)
        .env("CARGO_TARGET_DIR", target)
        .env("CLIPPY_CONF_DIR", std::env::current_dir()?)
        .output()
        .context("running clippy")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let source = std::fs::read_to_string("xtask/round-the-seams/src/lib.rs")?;
    let expected: Vec<&str> =
        source.lines().filter_map(|line| line.split_once("// caught: ")).map(|(_, what)| what).collect();
    let missed: Vec<&&str> = expected.iter().filter(|what| !said.contains(&format!("`{what}`"))).collect();
    if output.status.success() || !missed.is_empty() || expected.is_empty() {
        bail!("clippy let these go round the seams: {missed:?}\n{said}");
    }
    println!("clippy caught all {} ways round the seams", expected.len());
    Ok(())
}

fn build() -> anyhow::Result<()> {
    run_tests(&["--no-run"])
}

fn guests() -> anyhow::Result<()> {
    for app in APPS {
        let manifest = format!("{app}/Cargo.toml");
        command(&rusm(), &["build", app])?;
        command("cargo", &["clippy", "--all-targets", "--manifest-path", &manifest, "--", "-D", "warnings"])?;
        command("cargo", &["test", "--quiet", "--manifest-path", &manifest])?;
    }
    Ok(())
}

fn test() -> anyhow::Result<()> {
    run_tests(&[])
}

/// By nextest where it is there. `rusm` is among what it builds.
fn run_tests(more: &[&str]) -> anyhow::Result<()> {
    let nextest =
        Command::new("cargo").args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success());
    let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test", "--lib", "--bins", "--tests"] };
    command("cargo", &[runner, &SELECTION, more].concat())
}

fn same_hashes() -> anyhow::Result<()> {
    hashes::in_ci(&SELECTION)
}

fn doctest() -> anyhow::Result<()> {
    command("cargo", &[&["test", "--doc", "--quiet"], &SELECTION[..]].concat())
}

fn chat() -> anyhow::Result<()> {
    command(&rusm(), &["sim", "examples/chat", "--seeds", "20"])?;
    command(&rusm(), &["sim", "examples/chat", "--nodes", "3", "--seeds", "20"])
}

/// The command, as the tests were built with it.
pub(crate) fn rusm() -> String {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    format!("{target}/debug/rusm")
}
