//! Who is in the room.

use std::collections::BTreeMap;

use rusm_sdk::Pid;

/// The members' processes and names. One person with two windows is two members.
#[derive(Debug, Default)]
pub(crate) struct Members {
    names: BTreeMap<Pid, String>,
}

impl Members {
    /// Adds a member. False when that process is one already; it keeps its place and takes the new name.
    pub(crate) fn add(&mut self, pid: Pid, name: String) -> bool {
        self.names.insert(pid, name).is_none()
    }

    /// Takes a member out. False when that process is none.
    pub(crate) fn remove(&mut self, pid: Pid) -> bool {
        self.names.remove(&pid).is_some()
    }

    /// The names, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.names.values().cloned().collect();
        names.sort();
        names
    }

    /// The processes.
    pub(crate) fn pids(&self) -> impl Iterator<Item = Pid> {
        self.names.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(index: u32) -> Pid {
        Pid { node: 0, incarnation: 1, index, serial: 0, random: 0 }
    }

    #[test]
    fn a_process_is_a_member_once_and_a_person_may_be_two() {
        let mut members = Members::default();
        assert!(members.add(pid(2), "bob".into()));
        assert!(!members.add(pid(2), "bob".into()));
        assert!(members.add(pid(1), "ada".into()));
        assert!(members.add(pid(3), "ada".into()));
        assert_eq!(members.names(), ["ada", "ada", "bob"]);
        assert!(members.remove(pid(1)));
        assert!(!members.remove(pid(1)));
        assert_eq!(members.pids().collect::<Vec<_>>(), [pid(2), pid(3)]);
    }
}
