use super::output::{print, print_json};
use super::target::Target;
use crate::control::{ExitReport, Request};
use std::process::ExitCode;

/// Send a process an exit signal
///
/// The reason `kill` ends any process; another one ends a process that does not trap exits, and is a message to one that
/// does. Its supervisor does what its restart type says: permanent children come back, and so do transient ones unless
/// the reason is `normal` or `shutdown`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Kill {
    /// The process: its pid, as `5.0` or '<5.0>', or its registered name
    #[arg(value_name = "PID")]
    process: String,

    /// Why: `kill`, `shutdown` or a word of yours
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,

    #[command(flatten)]
    target: Target,

    /// Print JSON: an object with `pid`, and with `ended`, the reason with which it ended, or null when it lives on
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm kill 5.0 kill
  rusm kill room:lobby shutdown --node b";

impl Kill {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self { process, reason, target, json } = self;
        let report: ExitReport = target.find()?.ask(Request::Exit { process, reason: reason.clone() })?;
        if json {
            print_json(&report)?;
            return Ok(ExitCode::SUCCESS);
        }
        let ExitReport { pid, ended } = report;
        print(&match ended {
            Some(ended) => format!("{pid} has ended: {ended}\n"),
            None if reason == "normal" => format!("{pid} lives on: `normal` ends nobody else\n"),
            None => format!("{pid} has got the exit signal `{reason}` and lives on: it traps exits, or is busy\n"),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
