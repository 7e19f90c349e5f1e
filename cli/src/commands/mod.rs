//! One module for each command: its flags, its help and what it does.

mod ps;
mod run;

use std::process::ExitCode;

/// What `rusm` can do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Ps(ps::Ps),
}

impl Command {
    /// # Errors
    /// What went wrong, where, and what to do.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Run(run) => run.run(),
            Self::Ps(ps) => ps.run(),
        }
    }
}
