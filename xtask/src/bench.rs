//! `cargo xtask bench`: builds a comparison, each a workspace of its own, and runs it.

use crate::steps::command;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use std::path::Path;
use std::process::Command;

/// Compares with peers, in one interleaved run.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The simulator beside turmoil and madsim. `--help` says more, once it is built.
    #[command(disable_help_flag = true)]
    Sim(PassedOn),
    /// rusm-core beside bare tokio, ractor, kameo, hydra and real Erlang. `--help` says more, once it is built.
    #[command(disable_help_flag = true)]
    Otp(PassedOn),
    /// Two nodes over QUIC beside two Erlang nodes, plain and over TLS.
    #[command(disable_help_flag = true)]
    Cluster(PassedOn),
}

#[derive(Args)]
pub(crate) struct PassedOn {
    /// For the comparison itself.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Sim(passed_on) => run_in("benches/sim/Cargo.toml", &["--madsim", &madsim()?], passed_on),
        Bench::Cluster(passed_on) => run_in("benches/cluster/Cargo.toml", &[], passed_on),
        Bench::Otp(passed_on) => run_in("benches/otp/Cargo.toml", &[], passed_on),
    }
}

fn run_in(manifest: &str, own: &[&str], PassedOn { arguments }: &PassedOn) -> anyhow::Result<()> {
    let build = ["run", "--release", "--quiet", "--manifest-path", manifest, "--"];
    let arguments = build.iter().chain(own).copied().chain(arguments.iter().map(String::as_str));
    command("cargo", &arguments.collect::<Vec<_>>())
}

/// Builds the workload in madsim, apart: madsim wants a cfg for everything that is compiled with it.
fn madsim() -> anyhow::Result<String> {
    let target = Path::new("benches/sim/target/madsim");
    let arguments =
        ["build", "--release", "--quiet", "--manifest-path", "benches/sim/madsim/Cargo.toml", "--target-dir"];
    println!("$ RUSTFLAGS=\"--cfg madsim\" cargo {} {}", arguments.join(" "), target.display());
    let status =
        Command::new("cargo").args(arguments).arg(target).env("RUSTFLAGS", "--cfg madsim").status().context("cargo")?;
    if !status.success() {
        bail!("the workload in madsim was not built");
    }
    Ok(target.join("release/bench-sim-madsim").display().to_string())
}
