//! `cargo xtask otp`: runs conformance programs on `rusm-core` and prints what happened.
//!
//! A program is a list of steps; real Erlang/OTP ran the same programs, and the outcomes must be equal. Everything here
//! goes through the public API: which signals arrive, who dies and what is restarted is decided by the core alone.

#[cfg(test)]
mod concurrent;
mod program;
#[cfg(test)]
mod rules_page;
mod signals;
mod supervisors;
#[cfg(test)]
mod tests;
mod world;

use clap::{Args, Subcommand};
use std::path::PathBuf;
use world::World;

/// Runs conformance programs and prints their outcomes.
#[derive(Subcommand)]
pub(crate) enum Otp {
    /// Programs of processes, links, monitors, aliases, names and exit signals.
    Signals(Run),
    /// Programs of supervision trees.
    Supervisors(Run),
}

/// On what to run which programs.
#[derive(Args)]
pub(crate) struct Run {
    /// The programs, one after the other.
    file: PathBuf,
    /// Run in the simulator with this seed.
    #[arg(long, conflicts_with = "threads")]
    seed: Option<u64>,
    /// Run on the production executor with so many worker threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// Runs the command.
///
/// # Errors
/// The file cannot be read, or is not in the format.
#[expect(clippy::disallowed_methods, reason = "a task of this repository reads its files")]
pub(crate) fn run(command: &Otp) -> anyhow::Result<()> {
    let (Otp::Signals(run) | Otp::Supervisors(run)) = command;
    let text = std::fs::read_to_string(&run.file)
        .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", run.file.display()))?;
    let world = match run.seed {
        Some(seed) => World::Simulated { seed },
        None => World::Threads(run.threads),
    };
    let outcomes = match command {
        Otp::Signals(_) => signals::outcomes(&text, world)?,
        Otp::Supervisors(_) => supervisors::outcomes(&text, world)?,
    };
    print!("{outcomes}");
    Ok(())
}
