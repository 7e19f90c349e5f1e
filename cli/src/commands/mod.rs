//! One module for each command: its flags, its help and what it does.

mod ps;

use std::process::ExitCode;

/// What `rusm` can do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Ps(ps::Ps),
}

impl Command {
    /// # Errors
    /// What went wrong, where, and what to do.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ps(ps) => ps.run(),
        }
    }
}
