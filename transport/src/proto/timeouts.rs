use super::event::ConnectionId;
use indexmap::IndexMap;
use rusm_core::{NodeId, Timestamp};
use rustc_hash::FxBuildHasher;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Later than any time.
const FAR: Timestamp = Timestamp::from_nanos(u64::MAX);

/// What waits for a time to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Waits {
    /// A connection: for a sign of life, or for its handshake.
    Connection(ConnectionId),
    /// A node that there is no connection with: to be dialled, or given up.
    Node(NodeId),
}

/// When to look at what, found at the same cost however many there are. Most deadlines only ever move away, with every
/// packet: they are left where they are, and whoever looks too early says when to look again.
#[derive(Debug, Default)]
pub(super) struct Timeouts {
    /// The earliest first. What was armed for an earlier time since is in it twice.
    by_time: BinaryHeap<Reverse<(Timestamp, Waits)>>,
    times: IndexMap<Waits, Timestamp, FxBuildHasher>,
}

impl Timeouts {
    /// Looks at it at that time at the latest.
    pub(super) fn arm(&mut self, waits: Waits, at: Timestamp) {
        let armed = self.times.entry(waits).or_insert(FAR);
        if at < *armed {
            *armed = at;
            self.by_time.push(Reverse((at, waits)));
        }
    }

    /// When the first is to be looked at.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.by_time.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out what is to be looked at now, in the order of time.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Waits> {
        loop {
            let Reverse((at, waits)) = *self.by_time.peek().filter(|Reverse((at, _))| *at <= now)?;
            self.by_time.pop();
            if self.times.get(&waits) == Some(&at) {
                self.times.swap_remove(&waits);
                return Some(waits);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    fn node(name: &str) -> Waits {
        Waits::Node(NodeId::of_name(name))
    }

    #[test]
    fn a_deadline_moves_to_an_earlier_time_and_stays_before_a_later_one() {
        let mut timeouts = Timeouts::default();
        timeouts.arm(node("a"), at(20));
        timeouts.arm(node("a"), at(30));
        assert_eq!(timeouts.first(), Some(at(20)));
        timeouts.arm(node("a"), at(10));
        timeouts.arm(node("b"), at(15));
        assert_eq!(timeouts.first(), Some(at(10)));
        assert_eq!(timeouts.take_due(at(9)), None);
        assert_eq!(timeouts.take_due(at(15)), Some(node("a")));
        assert_eq!(timeouts.take_due(at(15)), Some(node("b")));
        assert_eq!((timeouts.take_due(at(99)), timeouts.first()), (None, None));
    }
}
