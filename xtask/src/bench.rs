//! `cargo xtask bench`: builds a comparison, each a workspace of its own, and runs it.

use crate::steps::command;
use clap::{Args, Subcommand};

/// Compares with peers, in one interleaved run.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// rusm-core beside bare tokio, ractor, kameo, hydra and real Erlang. `--help` says more, once it is built.
    #[command(disable_help_flag = true)]
    Otp(PassedOn),
}

#[derive(Args)]
pub(crate) struct PassedOn {
    /// For the comparison itself.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let Bench::Otp(PassedOn { arguments }) = bench;
    let build = ["run", "--release", "--quiet", "--manifest-path", "benches/otp/Cargo.toml", "--"];
    let arguments = build.into_iter().chain(arguments.iter().map(String::as_str));
    command("cargo", &arguments.collect::<Vec<_>>())
}
