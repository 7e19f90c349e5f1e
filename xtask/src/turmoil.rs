//! `cargo xtask turmoil`: the cluster and the server as production runs them, over turmoil's network.

use anyhow::{Context as _, bail};
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seeds of the faults.
    #[arg(long, value_name = "N", default_value_t = 50)]
    seeds: u64,
    /// The first of them.
    #[arg(long, value_name = "N", default_value_t = 1)]
    from: u64,
}

/// Seeds in CI.
const SEEDS_IN_CI: u64 = 4;

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    seeds(options.from, options.seeds)
}

/// The slice of it that CI runs. The server's is one of the workspace's tests.
pub(crate) fn in_ci() -> anyhow::Result<()> {
    cluster(1, SEEDS_IN_CI)
}

/// So many seeds of both from that one on.
pub(crate) fn seeds(from: u64, count: u64) -> anyhow::Result<()> {
    cluster(from, count)?;
    test(&["-p", "rusm-host", "--test", "turmoil"], from, count)
}

/// A workspace of its own: nobody else pays for QUIC on turmoil.
fn cluster(from: u64, count: u64) -> anyhow::Result<()> {
    test(&["--manifest-path", "tests/turmoil/Cargo.toml", "--test", "cluster"], from, count)
}

fn test(which: &[&str], from: u64, count: u64) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet"]).args(which).args(["--", "--nocapture"]);
    command.env("RUSM_FROM", from.to_string()).env("RUSM_SEEDS", count.to_string());
    let status = command.status().context("starting cargo")?;
    if !status.success() {
        bail!("a seed failed: RUSM_SEED=N cargo test {} runs it again", which.join(" "));
    }
    Ok(())
}
