//! One module for each command: its flags, its help and what it does.

mod build;
mod ps;
mod run;
mod serve;
mod sim;

use std::process::ExitCode;

/// What `rusm` can do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Build(build::Build),
    Serve(serve::Serve),
    Run(run::Run),
    Ps(ps::Ps),
    Sim(sim::Sim),
}

impl Command {
    /// # Errors
    /// What went wrong, where, and what to do.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Build(build) => build.run(),
            Self::Serve(serve) => serve.run(),
            Self::Run(run) => run.run(),
            Self::Ps(ps) => ps.run(),
            Self::Sim(sim) => sim.run(),
        }
    }
}
