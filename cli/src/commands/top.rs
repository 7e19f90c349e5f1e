use super::output::{or_dash, print, print_json, size, table};
use super::target::{Node, Target, describe};
use crate::control::{NodeReport, ProcessReport, Request};
use std::cmp::Reverse;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

/// Watch the processes of a node that take most
///
/// Shows anew every few seconds which processes hold most memory, or let most messages wait, until Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Top {
    #[command(flatten)]
    target: Target,

    /// By what
    #[arg(long, value_enum, default_value_t = Sort::Memory)]
    sort: Sort,

    /// How many processes
    #[arg(long, value_name = "N", default_value_t = 20)]
    lines: usize,

    /// Seconds from one look to the next
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,

    /// Look once
    #[arg(long)]
    once: bool,

    /// Print JSON: for each look an object with `node`, `totals` and `processes`
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Sort {
    Memory,
    Mailbox,
    Restarts,
}

const EXAMPLES: &str = "\
Examples:
  rusm top
  rusm top --node b --sort mailbox
  rusm top --once --json | jq .totals";

/// Clears a terminal and begins at its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

impl Top {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let node = self.target.find()?;
        let clear = std::io::stdout().is_terminal() && !self.once && !self.json;
        loop {
            let goes_on = self.look(&node, if clear { CLEAR } else { "" })?;
            if self.once || !goes_on {
                return Ok(ExitCode::SUCCESS);
            }
            std::thread::sleep(Duration::from_secs(self.interval));
        }
    }

    /// False when nobody reads it any more.
    fn look(&self, node: &Node, before: &str) -> anyhow::Result<bool> {
        let report: NodeReport = node.ask(Request::Node)?;
        let mut processes: Vec<ProcessReport> = node.ask(Request::Processes)?;
        let totals = Totals {
            processes: processes.len(),
            mailbox: processes.iter().map(|process| process.mailbox).sum(),
            memory: processes.iter().map(|process| process.memory).sum(),
        };
        self.sort.greatest_first(&mut processes);
        processes.truncate(self.lines);
        if self.json {
            return print_json(&serde_json::json!({ "node": report, "totals": totals, "processes": processes }));
        }
        let Totals { processes: count, mailbox, memory } = totals;
        let memory = size(memory);
        let head = format!("{count} processes, {mailbox} messages wait, {memory}");
        print(&format!("{before}{}\n{head}\n\n{}\n", describe(&report), draw(&processes)))
    }
}

#[derive(serde::Serialize)]
struct Totals {
    processes: usize,
    mailbox: usize,
    memory: u64,
}

impl Sort {
    /// Those with as much stay in the order of their pids.
    fn greatest_first(self, processes: &mut [ProcessReport]) {
        processes.sort_by_key(|process| {
            Reverse(match self {
                Self::Memory => process.memory,
                Self::Mailbox => process.mailbox as u64,
                Self::Restarts => process.restarts.unwrap_or(0).into(),
            })
        });
    }
}

fn draw(processes: &[ProcessReport]) -> String {
    let cells = |process: &ProcessReport| {
        [
            process.pid.clone(),
            or_dash(process.name.clone()),
            or_dash(Some(process.component.clone())),
            process.status.clone(),
            or_dash(process.restarts.map(|restarts| restarts.to_string())),
            process.mailbox.to_string(),
            size(process.memory),
        ]
    };
    let head = ["PID", "NAME", "COMPONENT", "STATUS", "RESTARTS", "MAILBOX", "MEMORY"];
    table(head, &[4, 5, 6], processes.iter().map(cells).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_come_first() {
        let process = |pid: &str, mailbox: usize, memory: u64, restarts: Option<u32>| ProcessReport {
            pid: pid.to_owned(),
            name: None,
            component: String::new(),
            supervisor: None,
            restarts,
            parent: None,
            mailbox,
            memory,
            status: "waiting".to_owned(),
        };
        let processes = [process("a", 1, 10, None), process("b", 3, 30, Some(1)), process("c", 2, 30, Some(2))];
        let check = |sort: Sort, expected: [&str; 3]| {
            let mut processes = processes.clone();
            sort.greatest_first(&mut processes);
            assert_eq!(processes.map(|process| process.pid), expected);
        };
        check(Sort::Memory, ["b", "c", "a"]);
        check(Sort::Mailbox, ["b", "c", "a"]);
        check(Sort::Restarts, ["c", "b", "a"]);
    }
}
