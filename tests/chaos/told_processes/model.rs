//! What Erlang's reference manual says of signals, in the plainest words: what everybody has when all is at rest.

use rusm_core::AliasMode;
use std::collections::{BTreeMap, BTreeSet};

/// A process, by the order in which they were spawned.
pub(super) type Index = usize;

#[derive(Default)]
pub(super) struct Process {
    pub(super) node: usize,
    pub(super) parent: Option<Index>,
    pub(super) dead: bool,
    pub(super) traps: bool,
    pub(super) links: BTreeSet<Index>,
    pub(super) name: Option<&'static str>,
    pub(super) label: Option<String>,
    /// In no order: who sent at the same time as another is not said.
    pub(super) mailbox: Vec<String>,
    /// Keeps its callers waiting.
    pub(super) is_mute: bool,
}

/// A reference that `monitor` or `alias` gave: a monitor, an alias, or both.
pub(super) struct Watch {
    pub(super) owner: Index,
    pub(super) target: Option<Index>,
    pub(super) active: bool,
    pub(super) alias: Option<AliasMode>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) processes: Vec<Process>,
    pub(super) watches: Vec<Watch>,
}

impl Model {
    pub(super) fn spawn(&mut self, node: usize, parent: Option<Index>) -> Index {
        self.processes.push(Process { node, parent, ..Process::default() });
        self.processes.len() - 1
    }

    pub(super) fn alive(&self) -> Vec<Index> {
        (0..self.processes.len()).filter(|process| !self.processes[*process].dead).collect()
    }

    pub(super) fn whereis(&self, node: usize, name: &str) -> Option<Index> {
        self.alive().into_iter().find(|process| {
            let process = &self.processes[*process];
            process.node == node && process.name == Some(name)
        })
    }

    pub(super) fn names(&self) -> BTreeMap<(usize, &'static str), Index> {
        let named = self.alive().into_iter().filter_map(|index| {
            let Process { node, name, .. } = &self.processes[index];
            Some(((*node, (*name)?), index))
        });
        named.collect()
    }

    /// Its parent, the parent's parent and so on: what its node can know.
    pub(super) fn ancestors(&self, process: Index) -> Vec<Index> {
        let node = self.processes[process].node;
        let parent_of = |of: &Index| {
            let Process { parent, dead, node: there, .. } = &self.processes[*of];
            if *dead || *there != node { None } else { *parent }
        };
        std::iter::successors(self.processes[process].parent, parent_of).collect()
    }

    pub(super) fn end(&mut self, process: Index, reason: &str) {
        let ended = &mut self.processes[process];
        if std::mem::replace(&mut ended.dead, true) {
            return;
        }
        for other in std::mem::take(&mut ended.links) {
            self.processes[other].links.remove(&process);
            self.exit_of_link(process, other, reason);
        }
        for watch in 0..self.watches.len() {
            if self.watches[watch].owner == process {
                (self.watches[watch].active, self.watches[watch].alias) = (false, None);
            } else if self.watches[watch].active && self.watches[watch].target == Some(process) {
                self.down(watch, reason);
            }
        }
    }

    fn exit_of_link(&mut self, from: Index, to: Index, reason: &str) {
        if self.processes[to].traps {
            self.processes[to].mailbox.push(format!("exit {from} {reason}"));
        } else if reason != "normal" {
            self.end(to, reason);
        }
    }

    fn down(&mut self, watch: usize, reason: &str) {
        self.end_watch(watch);
        let owner = self.watches[watch].owner;
        self.processes[owner].mailbox.push(format!("down {watch} {reason}"));
    }

    fn end_watch(&mut self, watch: usize) -> bool {
        let watch = &mut self.watches[watch];
        if watch.alias != Some(AliasMode::Explicit) {
            watch.alias = None;
        }
        std::mem::take(&mut watch.active)
    }

    pub(super) fn exit_signal(&mut self, from: Index, to: Index, reason: &str) {
        match reason {
            _ if self.processes[to].dead => {}
            "kill" => self.end(to, "killed"),
            _ if self.processes[to].traps => self.processes[to].mailbox.push(format!("exit {from} {reason}")),
            "normal" if from != to => {}
            _ => self.end(to, reason),
        }
    }

    pub(super) fn link(&mut self, from: Index, to: Index) {
        if from == to {
            return;
        }
        if self.processes[to].dead {
            return self.exit_of_link(to, from, "noproc");
        }
        self.processes[from].links.insert(to);
        self.processes[to].links.insert(from);
    }

    pub(super) fn unlink(&mut self, from: Index, to: Index) {
        self.processes[from].links.remove(&to);
        self.processes[to].links.remove(&from);
    }

    pub(super) fn monitor(&mut self, owner: Index, target: Option<Index>, alias: Option<AliasMode>) {
        self.watches.push(Watch { owner, target, active: target != Some(owner), alias });
        if target.is_none_or(|target| self.processes[target].dead) {
            self.down(self.watches.len() - 1, "noproc");
        }
    }

    pub(super) fn alias(&mut self, owner: Index) {
        self.watches.push(Watch { owner, target: None, active: false, alias: Some(AliasMode::Explicit) });
    }

    pub(super) fn demonitor(&mut self, watch: usize, flush: bool) -> bool {
        let active = self.end_watch(watch);
        if flush {
            let down = format!("down {watch} ");
            self.processes[self.watches[watch].owner].mailbox.retain(|seen| !seen.starts_with(&down));
        }
        active
    }

    pub(super) fn send(&mut self, to: Option<Index>, number: u64) {
        if let Some(to) = to.filter(|to| !self.processes[*to].dead) {
            self.processes[to].mailbox.push(format!("message {number}"));
        }
    }

    pub(super) fn send_to_alias(&mut self, watch: usize, number: u64) {
        let Watch { owner, alias: Some(mode), .. } = self.watches[watch] else { return };
        if mode == AliasMode::Reply {
            self.end_watch(watch);
        }
        self.send(Some(owner), number);
    }

    pub(super) fn register(&mut self, name: &'static str, process: Index) -> bool {
        let Process { node, dead, name: has, .. } = &self.processes[process];
        let (node, dead) = (*node, *dead);
        if dead || has.is_some() || self.whereis(node, name).is_some() {
            return false;
        }
        self.processes[process].name = Some(name);
        true
    }

    pub(super) fn unregister(&mut self, node: usize, name: &str) -> bool {
        let Some(owner) = self.whereis(node, name) else { return false };
        self.processes[owner].name = None;
        true
    }

    /// How a call of a second ends.
    pub(super) fn call(&self, from: Index, to: Option<Index>) -> &'static str {
        match to {
            None => "badarg",
            Some(to) if to == from => "itself",
            Some(to) if self.processes[to].dead => "noproc",
            Some(to) if self.processes[to].is_mute => "timeout",
            Some(_) => "answer",
        }
    }

    /// How many monitors each process has on others, and others on it.
    pub(super) fn monitors(&self, process: Index) -> (usize, usize) {
        let active = || self.watches.iter().filter(|watch| watch.active);
        let of = active().filter(|watch| watch.owner == process).count();
        (of, active().filter(|watch| watch.target == Some(process)).count())
    }
}
