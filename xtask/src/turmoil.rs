//! `cargo xtask turmoil`: the cluster as production runs it, over turmoil's network. It has a workspace of its own.

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

/// The slice of it that CI runs.
pub(crate) fn in_ci() -> anyhow::Result<()> {
    seeds(1, SEEDS_IN_CI)
}

/// So many seeds from that one on.
pub(crate) fn seeds(from: u64, count: u64) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args([
        "test",
        "--quiet",
        "--manifest-path",
        "tests/turmoil/Cargo.toml",
        "--test",
        "cluster",
        "--",
        "--nocapture",
    ]);
    command.env("RUSM_FROM", from.to_string()).env("RUSM_SEEDS", count.to_string());
    let status = command.status().context("starting cargo")?;
    if !status.success() {
        bail!("a seed failed: RUSM_SEED=N cargo test --manifest-path tests/turmoil/Cargo.toml runs it again");
    }
    Ok(())
}
