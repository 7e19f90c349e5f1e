use super::member::MemberName;
use rusm_core::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What is due when: one time for each name, and the first is found at the same cost however many there are.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    entries: BTreeMap<MemberName, (Timestamp, T)>,
    by_time: BTreeSet<(Timestamp, MemberName)>,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<T> Schedule<T> {
    /// From now on that time counts for that name, and no other.
    pub(super) fn set(&mut self, name: &MemberName, at: Timestamp, what: T) {
        if let Some((before, _)) = self.entries.insert(name.clone(), (at, what)) {
            self.by_time.remove(&(before, name.clone()));
        }
        self.by_time.insert((at, name.clone()));
    }

    /// The same, unless the name has a time already.
    pub(super) fn set_first(&mut self, name: &MemberName, at: Timestamp, what: T) {
        if !self.entries.contains_key(name) {
            self.set(name, at, what);
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some((name, (at, _))) = self.entries.remove_entry(name) {
            self.by_time.remove(&(at, name));
        }
    }

    /// The time of the first.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out what is due, in the order of time.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(MemberName, T)> {
        self.by_time.first().filter(|(at, _)| *at <= now)?;
        let (_, name) = self.by_time.pop_first()?;
        let (_, what) = self.entries.remove(&name)?;
        Some((name, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_time_and_what_is_due_comes_in_the_order_of_time() {
        let at = |ms: u64| Timestamp::from_nanos(ms * 1_000_000);
        let [a, b, c, d] = ["a", "b", "c", "d"].map(MemberName::from);
        let mut schedule = Schedule::default();
        schedule.set(&a, at(30), 1);
        schedule.set(&b, at(10), 2);
        schedule.set(&a, at(20), 3);
        schedule.set_first(&b, at(5), 4);
        schedule.set_first(&c, at(15), 5);
        schedule.set(&d, at(1), 6);
        schedule.remove("d");
        assert_eq!((schedule.first(), schedule.take_due(at(9))), (Some(at(10)), None));
        assert_eq!(schedule.take_due(at(20)), Some((b, 2)));
        assert_eq!(schedule.take_due(at(20)), Some((c, 5)));
        assert_eq!(schedule.take_due(at(20)), Some((a, 3)));
        assert_eq!((schedule.take_due(at(99)), schedule.first()), (None, None));
    }
}
