//! `cargo xtask otp`: runs conformance programs on `rusm-core` and prints what happened.
//!
//! A program is a list of steps; real Erlang/OTP ran the same programs, and the outcomes must be equal. Everything here
//! goes through the public API: which signals arrive, who dies and what is restarted is decided by the core alone.

#[cfg(test)]
mod concurrent;
mod nodes;
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
    /// Spread the processes over so many nodes, with the links between them simulated. For programs of signals.
    #[arg(long, requires = "seed", value_parser = clap::value_parser!(u16).range(1..=16))]
    nodes: Option<u16>,
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
    let world = match (run.seed, run.nodes) {
        (Some(seed), Some(nodes)) => World::Nodes { seed, nodes: nodes.into() },
        (Some(seed), None) => World::Simulated { seed },
        (None, _) => World::Threads(run.threads),
    };
    let outcomes = match command {
        Otp::Signals(_) => signals::outcomes(&text, world)?,
        Otp::Supervisors(_) => {
            anyhow::ensure!(run.nodes.is_none(), "--nodes: a supervisor starts its children on its own node");
            supervisors::outcomes(&text, world)?
        }
    };
    print!("{outcomes}");
    if let Some(nodes) = run.nodes {
        // Not among the outcomes, which are compared as they are.
        eprintln!("{} signals crossed between {nodes} nodes", nodes::crossed());
    }
    Ok(())
}
