use super::output::{or_dash, print, print_json, printable, size};
use super::target::Target;
use crate::control::{ProcessDetails, Request};
use std::process::ExitCode;
use std::time::Duration;

/// Show all that is known of a process
///
/// Its place in the tree, what it runs, its links and monitors, its mailbox and memory, and of a server, a state machine
/// or a supervisor what its state is.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Info {
    /// The process: its pid, as `5.0` or '<5.0>', or its registered name
    #[arg(value_name = "PID")]
    process: String,

    #[command(flatten)]
    target: Target,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm info 5.0
  rusm info room:lobby --node b
  rusm info 5.0 --json | jq .links";

impl Info {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let details: ProcessDetails = self.target.find()?.ask(Request::Process { process: self.process })?;
        if self.json {
            print_json(&details)?;
        } else {
            print(&describe(&details))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(details: &ProcessDetails) -> String {
    let ProcessDetails { process, .. } = details;
    let list = |items: &[String]| or_dash(Some(items.join(" ")));
    let suspended = if details.suspended == Some(true) { ", suspended" } else { "" };
    let supervisor = process.supervisor.as_ref().map(|supervisor| match process.restarts {
        Some(restarts) => format!("{supervisor}, restarted {restarts} times"),
        None => supervisor.clone(),
    });
    let rows = [
        ("pid", process.pid.clone()),
        ("name", or_dash(process.name.clone())),
        ("component", or_dash(Some(process.component.clone()))),
        ("behaviour", details.behaviour.clone()),
        ("function", details.function.clone()),
        ("status", format!("{}{suspended}", process.status)),
        ("age", format!("{:?}", Duration::from_millis(details.age_ms))),
        ("supervisor", or_dash(supervisor)),
        ("ancestors", list(&details.ancestors)),
        ("links", list(&details.links)),
        ("monitors", list(&details.monitors)),
        ("monitored by", format!("{} monitors", details.monitored_by)),
        ("trap exit", if details.trap_exit { "yes" } else { "no" }.to_owned()),
        ("mailbox", format!("{} messages and signals", process.mailbox)),
        ("memory", size(process.memory)),
        ("state", or_dash(details.state.clone())),
    ];
    rows.iter().map(|(what, value)| format!("{what:<13} {}\n", printable(value))).collect()
}
