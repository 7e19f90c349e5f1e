mod table;

use crate::control::{ProcessReport, Request, RunningNode, RuntimeDir, running_nodes};
use anyhow::bail;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show the live processes of a node on this machine, as a tree
///
/// Asks a node that you started, over a socket that only you can open: pid, registered name, component, supervisor,
/// restarts, waiting messages and memory of each process.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ps {
    /// The node's name, when several run: the name of its app
    #[arg(long, value_name = "NAME")]
    node: Option<String>,

    /// The data directory of the node, when several have one name
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Print JSON: an object with `node` and `processes`
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm ps
  rusm ps --node chat
  rusm ps --json | jq '.processes[] | select(.restarts > 0)'";

impl Ps {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let node = self.choose(running_nodes(&RuntimeDir::open()?)?)?;
        let processes: Vec<ProcessReport> = node.ask(&Request::Processes)?;
        let text = if self.json {
            let whole = serde_json::json!({ "node": node.report, "processes": processes });
            format!("{whole:#}\n")
        } else {
            format!("{}\n\n{}", describe(&node), table::draw(&processes))
        };
        match std::io::stdout().write_all(text.as_bytes()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
        }
    }

    /// The one node that is meant.
    fn choose(&self, nodes: Vec<RunningNode>) -> anyhow::Result<RunningNode> {
        if nodes.is_empty() {
            bail!("no node of yours runs on this machine: start one with `rusm serve DIR`");
        }
        let data = self.data.as_ref().map(|data| data.canonicalize().unwrap_or_else(|_| data.clone()));
        let is_meant = |node: &RunningNode| {
            self.node.as_ref().is_none_or(|name| *name == node.report.name)
                && data.as_ref().is_none_or(|data| *data == node.report.data)
        };
        let (mut meant, others): (Vec<_>, Vec<_>) = nodes.into_iter().partition(is_meant);
        match meant.len() {
            0 => bail!("no such node runs; these do:\n{}", list(&others)),
            1 => Ok(meant.remove(0)),
            _ => bail!("several nodes run: choose one with --node NAME or --data DIR\n{}", list(&meant)),
        }
    }
}

fn list(nodes: &[RunningNode]) -> String {
    nodes.iter().fold(String::new(), |mut text, node| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "  {}, data {}", describe(node), node.report.data.display());
        text
    })
}

/// `chat  http://127.0.0.1:8080  examples/chat  process 123`
fn describe(node: &RunningNode) -> String {
    let report = &node.report;
    let listen = report.listen.as_ref().map_or("no routes".to_owned(), |address| format!("http://{address}"));
    format!("{}  {listen}  {}  process {}", report.name, report.app.display(), report.os_pid)
}
