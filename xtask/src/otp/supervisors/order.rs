//! The order in which OTP's outcomes list what is concurrent.
//!
//! The outcomes were recorded with one scheduler, whose run queue is first in, first out. Nearly all of what a tree does
//! is one chain of causes, and needs no help. But when a supervisor is killed and one of its children is a supervisor,
//! that one ends its own children in an orderly way while the killed one's parent goes on with something else. Those
//! two chains are independent: here their entries are put in order by how many turns of processes lead to each. What
//! happened is not touched: no entry is added, changed or left out.

use super::log::{Entry, Log, Role, What};
use super::outcome::stopped;
use super::tree::Tree;
use rusm_core::Pid;
use std::collections::BTreeMap;

/// A process's turn: how many turns came before it, and, among those of the same number, which comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    time: i64,
    chain: Vec<usize>,
}

impl Turn {
    fn after(&self, turns: i64) -> Self {
        Self { time: self.time + turns, chain: self.chain.clone() }
    }

    fn branch(&self, position: usize) -> Self {
        let mut next = self.after(1);
        next.chain.push(position);
        next
    }
}

/// A timeout is later than any number of turns.
const TIMEOUT: i64 = 1_000_000;

/// More turns than lie between an entry and the next; and what happened with an earlier event lies so long before this one. So of two
/// that wait for a timeout since earlier events the one that began to wait first goes on first.
const ENTRY: i64 = 1_000;
const EARLIER: i64 = TIMEOUT / 2;

pub(super) fn as_one_scheduler_sees_it(entries: Vec<Entry>, log: &Log, tree: &Tree, by_signal: bool) -> Vec<Entry> {
    let ends: BTreeMap<Pid, usize> =
        entries.iter().enumerate().filter_map(|(index, entry)| Some((stopped(entry)?, index))).collect();
    // A supervisor that outlives its parent and ends children of its own.
    let is_orphan = |pid: Pid| {
        let parent = log.processes.get(&pid).and_then(|process| process.parent);
        parent.and_then(|parent| ends.get(&parent)).is_some_and(|end| ends.get(&pid).is_none_or(|own| end < own))
    };
    if !entries.iter().any(|entry| entry.what == What::Stop && entry.parent.is_some_and(is_orphan)) {
        return entries;
    }
    let mut timeline = Timeline {
        log,
        tree,
        ends,
        turns: BTreeMap::new(),
        starting: BTreeMap::new(),
        ended: BTreeMap::new(),
        last_instance: BTreeMap::new(),
    };
    let mut timed: Vec<(Turn, Entry)> = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let turn = match entry.what {
            What::Stop => timeline.stop(index, &entry, by_signal && index == 0),
            What::Start | What::Ignore | What::Fail => timeline.start(&entry),
        };
        timed.push((turn, entry));
    }
    timed.sort_by(|(a, _), (b, _)| a.cmp(b));
    timed.into_iter().map(|(_, entry)| entry).collect()
}

struct Timeline<'a> {
    log: &'a Log,
    tree: &'a Tree,
    /// Where in the log a process ends.
    ends: BTreeMap<Pid, usize>,
    /// When each supervisor goes on.
    turns: BTreeMap<Pid, Turn>,
    /// Which supervisor waits for the start of which.
    starting: BTreeMap<Pid, Pid>,
    ended: BTreeMap<Pid, Turn>,
    /// The latest end of an instance of a dynamic supervisor, which ends them all at once.
    last_instance: BTreeMap<Pid, Turn>,
}

impl Timeline<'_> {
    fn parent(&self, pid: Pid) -> Option<Pid> {
        self.log.processes.get(&pid)?.parent
    }

    /// The next turn of a supervisor.
    fn turn(&mut self, pid: Pid) -> Turn {
        if let Some(started) = self.starting.remove(&pid) {
            let up = self.ended.get(&started).cloned().unwrap_or_else(|| self.turn(started));
            self.turns.insert(pid, up.after(1));
        }
        let known = self.turns.get(&pid).cloned();
        let turn = match self.parent(pid) {
            // It has been at it since an earlier event.
            Some(parent) if let Some(entry) = self.ended_before(parent) => {
                known.unwrap_or_else(|| Turn::default().after(entry as i64 * ENTRY - EARLIER))
            }
            Some(parent) if self.ended.contains_key(&parent) => {
                known.unwrap_or_default().max(self.orphaned(parent, pid))
            }
            // Its parent ends it.
            Some(parent) if self.ends.contains_key(&pid) && self.starting.get(&parent) != Some(&pid) => {
                match (known, self.turns.contains_key(&parent) || self.ends.contains_key(&parent)) {
                    (Some(known), false) => known,
                    (Some(known), true) => known.max(self.turn(parent).after(1)),
                    (None, _) => self.turn(parent).after(1),
                }
            }
            _ => known.unwrap_or_default(),
        };
        self.turns.insert(pid, turn.clone());
        turn
    }

    /// Which entry of an earlier event is the end of that process.
    fn ended_before(&self, pid: Pid) -> Option<usize> {
        self.log.processes.get(&pid)?.ended.filter(|_| !self.ends.contains_key(&pid))
    }

    fn orphaned(&self, parent: Pid, pid: Pid) -> Turn {
        self.ended[&parent].branch(self.position(parent, pid))
    }

    fn start(&mut self, entry: &Entry) -> Turn {
        let Some(parent) = entry.parent else { return Turn::default() };
        let now = self.turn(parent);
        let (noted, goes_on) = match (entry.what, entry.role) {
            // The supervisor asks the log, spawns the process, which tells the log and then the supervisor.
            (What::Start, Role::Worker | Role::StubbornWorker) => (3, 6),
            (What::Start, Role::Supervisor) => {
                if let Some(pid) = entry.pid {
                    self.turns.insert(pid, now.after(3));
                    self.starting.insert(parent, pid);
                }
                (1, 0)
            }
            // The supervisor asks the log twice.
            _ => (2, 4),
        };
        self.turns.insert(parent, now.after(goes_on));
        now.after(noted)
    }

    fn stop(&mut self, index: usize, entry: &Entry, first: bool) -> Turn {
        let (Some(pid), Some(parent)) = (entry.pid, entry.parent) else { return Turn::default() };
        let is_dynamic = self.log.processes.get(&parent).is_some_and(|parent| self.tree.is_dynamic(&parent.name));
        let at_once = is_dynamic && self.ends.get(&parent).is_some_and(|end| index < *end);
        let turn = if first {
            Turn::default()
        } else if entry.role == Role::Supervisor {
            self.turn(pid)
        } else if self.ended.contains_key(&parent) {
            self.orphaned(parent, pid)
        } else {
            self.turn(parent).after(if entry.role == Role::StubbornWorker { TIMEOUT } else { 1 })
        };
        let turn = self.last_instance.remove(&pid).map_or(turn.clone(), |last| last.after(1).max(turn));
        self.ended.insert(pid, turn.clone());
        if at_once && !first {
            let last = self.last_instance.entry(parent).or_default();
            *last = turn.clone().max(last.clone());
        } else if !self.ended.contains_key(&parent) {
            let next = match entry.role {
                Role::Supervisor => turn.branch(self.position(pid, parent)),
                Role::Worker | Role::StubbornWorker => turn.after(1),
            };
            self.turns.insert(parent, next);
        }
        turn
    }

    /// In which place a process hears of the end of one it is linked to.
    fn position(&self, ended: Pid, linked: Pid) -> usize {
        let end = self.ends.get(&ended);
        let mut children: Vec<(usize, Pid)> = self
            .log
            .processes
            .iter()
            .filter(|(pid, process)| {
                let lived = process.ended.is_none() || self.ends.get(pid).is_some_and(|own| Some(own) > end);
                process.parent == Some(ended) && lived
            })
            .map(|(pid, process)| (process.born, *pid))
            .collect();
        children.sort();
        let links: Vec<Pid> = self.parent(ended).into_iter().chain(children.into_iter().map(|(_, pid)| pid)).collect();
        let order = links_in_order(links.len());
        order.iter().position(|index| links[*index] == linked).unwrap_or(usize::MAX)
    }
}

/// The order in which the BEAM tells `count` links, numbered in the order in which they were made: it takes its
/// red-black tree of links apart, left, right, then the node itself.
fn links_in_order(count: usize) -> Vec<usize> {
    let mut tree = RedBlack::default();
    for number in 0..count {
        tree.append(number);
    }
    let mut order = Vec::new();
    tree.leaves_first(tree.root, &mut order);
    order
}

/// A red-black tree into which only ever the greatest is inserted: all that matters is its right spine.
#[derive(Default)]
struct RedBlack {
    root: Option<usize>,
    left: BTreeMap<usize, usize>,
    right: BTreeMap<usize, usize>,
    red: BTreeMap<usize, bool>,
}

impl RedBlack {
    fn append(&mut self, number: usize) {
        let mut spine: Vec<usize> = std::iter::successors(self.root, |node| self.right.get(node).copied()).collect();
        match spine.last() {
            Some(last) => drop(self.right.insert(*last, number)),
            None => self.root = Some(number),
        }
        spine.push(number);
        self.red.insert(number, true);
        let mut at = spine.len() - 1;
        while at >= 2 && self.red[&spine[at - 1]] {
            let (parent, grandparent) = (spine[at - 1], spine[at - 2]);
            match self.left.get(&grandparent).copied().filter(|uncle| self.red[uncle]) {
                Some(uncle) => {
                    self.red.insert(uncle, false);
                    self.red.insert(parent, false);
                    self.red.insert(grandparent, true);
                    at -= 2;
                }
                None => {
                    self.rotate_left(grandparent, parent, at.checked_sub(3).map(|above| spine[above]));
                    break;
                }
            }
        }
        if let Some(root) = self.root {
            self.red.insert(root, false);
        }
    }

    fn rotate_left(&mut self, top: usize, right: usize, above: Option<usize>) {
        match self.left.remove(&right) {
            Some(inner) => self.right.insert(top, inner),
            None => self.right.remove(&top),
        };
        self.left.insert(right, top);
        self.red.insert(right, false);
        self.red.insert(top, true);
        match above {
            Some(above) => drop(self.right.insert(above, right)),
            None => self.root = Some(right),
        }
    }

    fn leaves_first(&self, node: Option<usize>, order: &mut Vec<usize>) {
        let Some(node) = node else { return };
        self.leaves_first(self.left.get(&node).copied(), order);
        self.leaves_first(self.right.get(&node).copied(), order);
        order.push(node);
    }
}
