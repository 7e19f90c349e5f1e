use super::output::{print, print_json};
use super::target::{Target, describe};
use super::tree;
use crate::control::{NodeReport, ProcessReport, Request};
use std::process::ExitCode;

/// Show the live processes of a node, as a tree
///
/// Asks a node of this machine that you started, over a socket that only you can open, or through it another node of its
/// cluster: pid, registered name, component, supervisor, restarts, waiting messages and memory of each process.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ps {
    #[command(flatten)]
    target: Target,

    /// Print JSON: an object with `node` and `processes`
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm ps
  rusm ps --node b
  rusm ps --json | jq '.processes[] | select(.restarts > 0)'";

impl Ps {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let node = self.target.find()?;
        let report: NodeReport = node.ask(Request::Node)?;
        let processes: Vec<ProcessReport> = node.ask(Request::Processes)?;
        if self.json {
            print_json(&serde_json::json!({ "node": report, "processes": processes }))?;
        } else {
            print(&format!("{}\n\n{}", describe(&report), tree::draw(&processes)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
