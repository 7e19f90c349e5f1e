use crate::Pid;
use std::collections::BTreeMap;

/// How often a process can be under one key.
pub(crate) const COUNT_MAX: u32 = 65_535;

/// What one node shares: which of its processes are under which keys, each as often as it was put there, with the stamp of when
/// it first was. A part is as it was after so many changes, in one life of whoever shares it: two that are in the same
/// [`Version`] are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(super) version: Version,
    pub(super) entries: BTreeMap<String, BTreeMap<Pid, Held>>,
    /// How many there are.
    pub(super) len: usize,
}

/// How far a part is: the later one is the one that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(super) struct Version {
    /// Which life of the node.
    pub(super) incarnation: u32,
    /// When, in that life, who shares it was started: nanoseconds of the node's clock.
    pub(super) started: u64,
    /// How many changes there were since.
    pub(super) changes: u64,
}

/// One process under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Held {
    /// How often.
    pub(crate) count: u32,
    /// When it came there.
    pub(crate) stamp: u64,
}

/// A process comes under a key, or goes: so often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) pid: Pid,
    pub(crate) count: u32,
    /// None takes it away.
    pub(crate) stamp: Option<u64>,
}

impl Part {
    pub(super) fn new(incarnation: u32, started: u64) -> Self {
        Self { version: Version { incarnation, started, changes: 0 }, ..Self::default() }
    }

    /// Of two of one node the one that is further. It does not matter in which order, or how often, parts are merged.
    pub(super) fn merge(&mut self, other: Self) {
        if other.version > self.version {
            *self = other;
        }
    }

    pub(super) fn apply(&mut self, change: &Change) {
        let Change { key, pid, count, stamp } = change;
        if let Some(stamp) = *stamp {
            let held = self.entries.entry(key.clone()).or_default().entry(*pid).or_insert(Held { count: 0, stamp });
            self.len += usize::from(held.count == 0);
            held.count = held.count.saturating_add(*count).min(COUNT_MAX);
            return;
        }
        let Some(under) = self.entries.get_mut(key) else { return };
        if let Some(held) = under.get_mut(pid) {
            held.count = held.count.saturating_sub(*count);
            if held.count == 0 {
                under.remove(pid);
                self.len -= 1;
            }
        }
        if under.is_empty() {
            self.entries.remove(key);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, Pid, Held)> {
        self.entries.iter().flat_map(|(key, under)| under.iter().map(move |(pid, held)| (key, *pid, *held)))
    }

    /// What makes this of `before`: what goes first.
    pub(super) fn changes_since(&self, before: &Self) -> Vec<Change> {
        let held = |part: &Self, key: &str, pid| part.entries.get(key).and_then(|under| under.get(&pid)).copied();
        let mut changes = Vec::new();
        for (key, pid, old) in before.iter() {
            let left = held(self, key, pid).filter(|new| new.stamp == old.stamp).map_or(0, |new| new.count);
            if left < old.count {
                changes.push(Change { key: key.clone(), pid, count: old.count - left, stamp: None });
            }
        }
        for (key, pid, new) in self.iter() {
            let had = held(before, key, pid).filter(|old| old.stamp == new.stamp).map_or(0, |old| old.count);
            if had < new.count {
                changes.push(Change { key: key.clone(), pid, count: new.count - had, stamp: Some(new.stamp) });
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;

    fn change(index: u32, count: u32, stamp: Option<u64>) -> Change {
        let pid = Pid { node: NodeId::from_u32(1), incarnation: 1, index, serial: 0, random: 0 };
        Change { key: "key".to_owned(), pid, count, stamp }
    }

    #[test]
    fn its_length_is_how_many_processes_are_under_keys() {
        let mut part = Part::new(1, 0);
        let lengths =
            [change(1, 2, Some(7)), change(2, 1, Some(8)), change(1, 1, None), change(1, 1, None)].map(|change| {
                part.apply(&change);
                (part.len, part.iter().count())
            });
        assert_eq!(lengths, [(1, 1), (2, 2), (2, 2), (1, 1)]);
    }

    #[test]
    fn equal_parts_differ_by_nothing() {
        let mut part = Part::new(1, 0);
        part.apply(&change(1, 2, Some(7)));
        assert_eq!(part.changes_since(&part.clone()), []);
    }
}
