//! One module for each command: its flags, its help and what it does.

mod build;
mod cluster;
mod ps;
mod run;
mod serve;
mod sim;

use crate::log::Filter;
use std::process::ExitCode;

/// What `rusm` can do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Build(build::Build),
    Serve(serve::Serve),
    Run(run::Run),
    Ps(ps::Ps),
    Sim(sim::Sim),
    Cluster(cluster::Cluster),
}

impl Command {
    /// What is logged when nobody says.
    pub(crate) fn default_log(&self) -> Filter {
        match self {
            // Standard error is the component's; how it ended is told once, by the command.
            Self::Run(_) => Filter::fixed("warn,rusm_core::task=off"),
            Self::Build(_) | Self::Serve(_) | Self::Ps(_) | Self::Sim(_) | Self::Cluster(_) => Filter::fixed("info"),
        }
    }

    /// # Errors
    /// What went wrong, where, and what to do.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Build(build) => build.run(),
            Self::Serve(serve) => serve.run(),
            Self::Run(run) => run.run(),
            Self::Ps(ps) => ps.run(),
            Self::Sim(sim) => sim.run(),
            Self::Cluster(cluster) => cluster.run(),
        }
    }
}
