use super::log::{Entry, Log, What};
use super::order;
use super::tree::Tree;
use rusm_core::Pid;
use std::collections::BTreeSet;

/// An exit reason as the outcomes write it.
pub(super) fn why(reason: &str) -> String {
    if let Some(inner) = inside(reason, "shutdown(") {
        return format!("shutdown({})", why(inner));
    }
    if let Some((id, inner)) = inside(reason, "failed_to_start_child(").and_then(|inner| inner.split_once(", ")) {
        return format!("failed:{id}({})", why(inner));
    }
    if let Some(inner) = inside(reason, "start_spec(") {
        return match (inner.split_once(": "), inner.rsplit_once(' ')) {
            (Some(("duplicate_child_name", _)), Some((_, id))) => format!("start_spec:duplicate:{id}"),
            (Some((word, _)), _) => format!("start_spec:{word}"),
            (None, _) => format!("start_spec:{inner}"),
        };
    }
    reason.to_owned()
}

fn inside<'a>(reason: &'a str, prefix: &str) -> Option<&'a str> {
    reason.strip_prefix(prefix)?.strip_suffix(')')
}

/// What happened since the last time, in canonical order. `by_signal` says that it began with the end of a process.
pub(super) fn entries(log: &mut Log, tree: &Tree, by_signal: bool) -> String {
    let entries = log.take();
    let entries = order::as_one_scheduler_sees_it(entries, log, tree, by_signal);
    let entries: Vec<String> = canonical(entries, log, tree).iter().map(|entry| text(entry, log)).collect();
    if entries.is_empty() { String::new() } else { format!(" : {}", entries.join(", ")) }
}

fn text(Entry { what, label, pid, .. }: &Entry, log: &Log) -> String {
    match what {
        What::Start => format!("start {label}"),
        What::Ignore => format!("ignore {label}"),
        What::Fail => format!("fail {label}"),
        What::Stop => {
            let reason = pid.and_then(|pid| log.reason(pid));
            format!("stop {label} {}", reason.map_or("?".to_owned(), |reason| why(&reason.to_string())))
        }
    }
}

/// Children of a supervisor that was killed die on their own, in any order: they follow their supervisor's stop, sorted.
/// Neighbouring stops of one dynamic supervisor are sorted too.
fn canonical(entries: Vec<Entry>, log: &Log, tree: &Tree) -> Vec<Entry> {
    let is_killed = |pid: Pid| log.reason(pid).is_some_and(|reason| reason.word() == "killed");
    let killed: BTreeSet<Pid> = entries.iter().filter_map(stopped).filter(|pid| is_killed(*pid)).collect();
    let is_orphan = |entry: &Entry| {
        stopped(entry).is_some_and(is_killed) && entry.parent.is_some_and(|parent| killed.contains(&parent))
    };
    let (orphans, rest): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_orphan);
    let mut all = Vec::new();
    for entry in rest {
        with_orphans(entry, &orphans, &mut all);
    }
    sort_instances(&mut all, log, tree);
    all
}

pub(super) fn stopped(entry: &Entry) -> Option<Pid> {
    entry.pid.filter(|_| entry.what == What::Stop)
}

fn with_orphans(entry: Entry, orphans: &[Entry], all: &mut Vec<Entry>) {
    let dead = stopped(&entry);
    all.push(entry);
    let mut children: Vec<Entry> =
        orphans.iter().filter(|orphan| dead.is_some() && orphan.parent == dead).cloned().collect();
    children.sort_by(|a, b| a.label.cmp(&b.label));
    for child in children {
        with_orphans(child, orphans, all);
    }
}

fn sort_instances(all: &mut [Entry], log: &Log, tree: &Tree) {
    let dynamic_parent = |entry: &Entry| {
        let parent = entry.parent.filter(|_| entry.what == What::Stop)?;
        tree.is_dynamic(&log.processes.get(&parent)?.name).then_some(parent)
    };
    let mut start = 0;
    while start < all.len() {
        let parent = dynamic_parent(&all[start]);
        let mut end = start + 1;
        while parent.is_some() && end < all.len() && dynamic_parent(&all[end]) == parent {
            end += 1;
        }
        if parent.is_some() {
            all[start..end].sort_by(|a, b| a.label.cmp(&b.label));
        }
        start = end;
    }
}
