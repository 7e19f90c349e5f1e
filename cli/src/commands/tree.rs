//! Processes as a tree.

use super::output::{or_dash, size, table};
use crate::control::ProcessReport;
use std::collections::{BTreeMap, BTreeSet};

const HEAD: [&str; 7] = ["PID", "NAME", "COMPONENT", "SUPERVISOR", "RESTARTS", "MAILBOX", "MEMORY"];
/// Columns of numbers, which are set to the right.
const NUMBERS: [usize; 3] = [4, 5, 6];

/// The processes as a tree of who started whom, one a line.
pub(super) fn draw(processes: &[ProcessReport]) -> String {
    let rows = lines(processes).into_iter().map(|(branch, process)| cells(&branch, process));
    table(HEAD, &NUMBERS, rows.collect())
}

fn cells(branch: &str, process: &ProcessReport) -> [String; 7] {
    [
        format!("{branch}{}", process.pid),
        or_dash(process.name.clone()),
        or_dash(Some(process.component.clone())),
        or_dash(process.supervisor.clone()),
        or_dash(process.restarts.map(|restarts| restarts.to_string())),
        process.mailbox.to_string(),
        or_dash(Some(process.memory).filter(|memory| *memory > 0).map(size)),
    ]
}

/// Each process once, after whoever started it, with the lines that lead to it.
fn lines(processes: &[ProcessReport]) -> Vec<(String, &ProcessReport)> {
    let live: BTreeSet<&str> = processes.iter().map(|process| process.pid.as_str()).collect();
    let mut children: BTreeMap<Option<&str>, Vec<&ProcessReport>> = BTreeMap::new();
    for process in processes {
        let parent = process.parent.as_deref().filter(|parent| live.contains(parent));
        children.entry(parent).or_default().push(process);
    }
    let mut lines = Vec::with_capacity(processes.len());
    // The last is drawn next: what leads to it, whether it is the last of its siblings, and itself.
    let mut open: Vec<(String, Option<bool>, &ProcessReport)> = Vec::new();
    open.extend(children.remove(&None).unwrap_or_default().into_iter().rev().map(|root| (String::new(), None, root)));
    while let Some((lead, is_last, process)) = open.pop() {
        let (branch, below) = match is_last {
            None => (lead.clone(), lead),
            Some(true) => (format!("{lead}└─ "), format!("{lead}   ")),
            Some(false) => (format!("{lead}├─ "), format!("{lead}│  ")),
        };
        lines.push((branch, process));
        let below_it = children.remove(&Some(process.pid.as_str())).unwrap_or_default();
        let last = below_it.len().saturating_sub(1);
        open.extend(below_it.into_iter().enumerate().rev().map(|(i, child)| (below.clone(), Some(i == last), child)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: &str, parent: &str, name: &str, component: &str) -> ProcessReport {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ProcessReport {
            pid: pid.to_owned(),
            name: some(name),
            component: component.to_owned(),
            supervisor: some(name).map(|_| "rooms".to_owned()),
            restarts: some(name).map(|_| 12),
            parent: some(parent),
            mailbox: 3,
            memory: if name.is_empty() { 0 } else { 1_600_000 },
            status: "waiting".to_owned(),
        }
    }

    #[test]
    fn the_tree_is_drawn_with_every_process_once() {
        let processes = [
            process("<0.0>", "", "", "supervisor"),
            process("<1.0>", "<0.0>", "", "supervisor"),
            process("<2.0>", "<1.0>", "room:a", "room"),
            process("<3.0>", "<1.0>", "room:long name", "room"),
            process("<4.0>", "<0.0>", "", "web"),
            process("<5.0>", "<99.0>", "", ""),
        ];
        let expected = "\
PID          NAME            COMPONENT   SUPERVISOR  RESTARTS  MAILBOX   MEMORY
<0.0>        -               supervisor  -                  -        3        -
├─ <1.0>     -               supervisor  -                  -        3        -
│  ├─ <2.0>  room:a          room        rooms             12        3  1.5 MiB
│  └─ <3.0>  room:long name  room        rooms             12        3  1.5 MiB
└─ <4.0>     -               web         -                  -        3        -
<5.0>        -               -           -                  -        3        -
";
        let found = draw(&processes);
        assert_eq!(found, expected, "\n{found}");
    }
}
