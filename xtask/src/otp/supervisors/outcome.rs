use super::log::{Entry, Log};
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
        let word = inner.split(':').next().unwrap_or(inner);
        return format!("start_spec:{word}");
    }
    reason.to_owned()
}

fn inside<'a>(reason: &'a str, prefix: &str) -> Option<&'a str> {
    reason.strip_prefix(prefix)?.strip_suffix(')')
}

/// What happened since the last time, in canonical order.
pub(super) fn entries(log: &mut Log, tree: &Tree) -> String {
    let entries = log.take();
    let entries: Vec<String> = canonical(entries, log, tree).iter().map(|entry| text(entry, log)).collect();
    if entries.is_empty() { String::new() } else { format!(" : {}", entries.join(", ")) }
}

fn text(entry: &Entry, log: &Log) -> String {
    match entry {
        Entry::Start { how, label } => format!("{how} {label}"),
        Entry::Stop(pid) => {
            let label = log.processes.get(pid).map_or_else(|| pid.to_string(), |process| process.label.clone());
            format!("stop {label} {}", log.reason(*pid).map_or("?".to_owned(), |reason| why(&reason.to_string())))
        }
    }
}

/// Children of a supervisor that was killed die on their own, in any order: they follow their supervisor's stop, sorted.
/// Neighbouring stops of one dynamic supervisor are sorted too.
fn canonical(entries: Vec<Entry>, log: &Log, tree: &Tree) -> Vec<Entry> {
    let is_killed = |pid: &Pid| log.reason(*pid).is_some_and(|reason| reason.word() == "killed");
    let parent = |pid: &Pid| log.processes.get(pid).and_then(|process| process.parent);
    let killed: BTreeSet<Pid> = entries.iter().filter_map(stopped).filter(is_killed).collect();
    let is_orphan = |entry: &Entry| {
        stopped(entry).is_some_and(|pid| is_killed(&pid) && parent(&pid).is_some_and(|pid| killed.contains(&pid)))
    };
    let (orphans, rest): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_orphan);
    let mut all = Vec::new();
    for entry in rest {
        with_orphans(entry, &orphans, log, &mut all);
    }
    sort_instances(&mut all, log, tree);
    all
}

fn stopped(entry: &Entry) -> Option<Pid> {
    match entry {
        Entry::Stop(pid) => Some(*pid),
        Entry::Start { .. } => None,
    }
}

fn label<'a>(entry: &Entry, log: &'a Log) -> &'a str {
    stopped(entry).and_then(|pid| log.processes.get(&pid)).map_or("", |process| &process.label)
}

fn with_orphans(entry: Entry, orphans: &[Entry], log: &Log, all: &mut Vec<Entry>) {
    let dead = stopped(&entry);
    all.push(entry);
    let is_child = |orphan: &&Entry| {
        dead.is_some()
            && stopped(orphan).and_then(|pid| log.processes.get(&pid)).and_then(|process| process.parent) == dead
    };
    let mut children: Vec<Entry> = orphans.iter().filter(is_child).cloned().collect();
    children.sort_by(|a, b| label(a, log).cmp(label(b, log)));
    for child in children {
        with_orphans(child, orphans, log, all);
    }
}

fn sort_instances(all: &mut [Entry], log: &Log, tree: &Tree) {
    let dynamic_parent = |entry: &Entry| {
        let parent = log.processes.get(&stopped(entry)?)?.parent?;
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
            all[start..end].sort_by(|a, b| label(a, log).cmp(label(b, log)));
        }
        start = end;
    }
}
