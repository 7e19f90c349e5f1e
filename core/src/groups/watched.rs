use super::membership::Membership;
use crate::{Context, Message, Monitored, Pid, Reference};
use std::collections::BTreeMap;

/// A [`Membership`] whose processes are monitored, so that the dead leave.
pub(super) struct Watched<V> {
    pub(super) membership: Membership<V>,
    monitors: BTreeMap<Pid, Reference>,
}

impl<V> Default for Watched<V> {
    fn default() -> Self {
        Self { membership: Membership::default(), monitors: BTreeMap::new() }
    }
}

impl<V> Watched<V> {
    pub(super) fn add(&mut self, context: &Context, key: &str, pid: Pid, value: V) {
        self.monitors.entry(pid).or_insert_with(|| context.monitor(pid));
        self.membership.add(key, pid, value);
    }

    /// As [`Membership::remove`]; whoever is under no key any more is not watched any more.
    pub(super) fn remove(&mut self, context: &Context, key: &str, pid: Pid) -> bool {
        let removed = self.membership.remove(key, pid);
        if !self.membership.has(pid)
            && let Some(monitor) = self.monitors.remove(&pid)
        {
            context.demonitor_flush(monitor);
        }
        removed
    }

    /// Takes a process that is dead away, before its DOWN.
    pub(super) fn forget(&mut self, context: &Context, pid: Pid) {
        self.membership.remove_all(pid);
        if let Some(monitor) = self.monitors.remove(&pid) {
            context.demonitor_flush(monitor);
        }
    }

    /// The process whose end a message is, with the keys that it left and how often; none when it is another message.
    pub(super) fn down(&mut self, message: &Message) -> Option<(Pid, BTreeMap<String, usize>)> {
        let Message::Down { monitor, object: Monitored::Pid(pid), .. } = message else { return None };
        if self.monitors.get(pid) != Some(monitor) {
            return None;
        }
        self.monitors.remove(pid);
        Some((*pid, self.membership.remove_all(*pid)))
    }
}
