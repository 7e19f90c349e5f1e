//! How the simulation suites are run: those of the core and those of a cluster.

use anyhow::Context;
use std::process::{Command, ExitStatus};

/// The test programs.
const SUITES: [&str; 4] = ["--test", "chaos", "--test", "cluster"];

/// What carries the protocol between nodes: each suite of a cluster runs over each.
pub(crate) const WIRES: [&str; 2] = ["links", "quic"];

/// What is compiled when nothing else is wanted: no Wasmtime.
pub(crate) const ALONE: [&str; 4] = ["-p", "rusm-suites", "-p", "rusm-sim"];

/// Runs the scenarios whose name contains this, with these variables for `rusm_sim::suite`.
pub(crate) fn run(
    selection: &[&str],
    name: &str,
    threads: Option<usize>,
    variables: &[(&str, String)],
) -> anyhow::Result<ExitStatus> {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "--no-fail-fast"]).args(selection).args(SUITES).args(["--", name]);
    if let Some(threads) = threads {
        command.arg(format!("--test-threads={threads}"));
    }
    command.envs(variables.iter().map(|(name, value)| (name, value))).status().context("starting cargo")
}
