use super::output::{print, print_json, printable};
use super::target::{Node, Target};
use crate::control::{LogReport, Request};
use std::process::ExitCode;
use std::time::Duration;

/// How often a node is asked for what is new.
const INTERVAL: Duration = Duration::from_millis(500);

/// Show what a process has logged, or what was logged of it
///
/// A node keeps the last 4 MiB of its processes' lines, those of processes that have ended among them. What its `--log` leaves
/// out is not there either.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Logs {
    /// The process: its pid, as `5.0` or '<5.0>', or its registered name
    #[arg(value_name = "PID")]
    process: String,

    /// Go on with what it logs from now on, until it ends
    #[arg(long, short)]
    follow: bool,

    #[command(flatten)]
    target: Target,

    /// Print JSON: for each look an object with `pid`, `lives`, `lines` and `last`
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm logs 5.0
  rusm logs room:lobby --follow --node b
  rusm logs 5.0 --json | jq -r '.lines[]'";

impl Logs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let node = self.target.find()?;
        let mut report = self.look(&node, self.process.clone(), 0)?;
        while self.show(&report)? && self.follow && report.lives {
            std::thread::sleep(INTERVAL);
            // By its pid: whoever has the name later is another.
            report = self.look(&node, report.pid, report.last)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn look(&self, node: &Node, process: String, after: u64) -> anyhow::Result<LogReport> {
        node.ask(Request::Log { process, after })
    }

    /// False when nobody reads it any more.
    fn show(&self, report: &LogReport) -> anyhow::Result<bool> {
        if self.json {
            return print_json(report);
        }
        print(&report.lines.iter().map(|line| printable(line) + "\n").collect::<String>())
    }
}
