use super::spawn::Pending;
use crate::process::Over;
use crate::signal::Kind;
use crate::{ExitReason, Pid, Reference, RemoteKind, SpawnRequest};
use std::collections::btree_map::{BTreeMap, Entry};

/// What ties processes of this node to those of one other node, as the signals of one association have made it: on its end
/// exactly these hear of it. Keeps nothing that the signals have undone.
///
/// Source: OTP keeps the same beside each connection (`erl_monitor_link.h`, `ErtsMonLnkDist`).
#[derive(Default)]
pub(super) struct Relations {
    /// By the process here and the one there, with the number of the unlink that is under way.
    pub(super) links: BTreeMap<(Pid, Pid), Option<u64>>,
    /// Unlinks that have come and that the process here has not acknowledged: a link that it makes meanwhile is none, as the unlink
    /// takes it away here, and who waits for the acknowledgement there; unless a link has come behind the unlink.
    unlinked: BTreeMap<(Pid, Pid), Unlinked>,
    /// Monitors of processes here: the watcher here, and whom it watches there.
    pub(super) watching: BTreeMap<Reference, (Pid, Pid)>,
    /// Monitors of processes there: the watched one here, and the watcher there.
    watched: BTreeMap<Reference, (Pid, Pid)>,
    /// Who here waits to hear whether who there is alive.
    asked: BTreeMap<Reference, (Pid, Pid)>,
    /// What processes here have asked that node to start.
    pub(super) spawning: BTreeMap<Reference, Pending>,
}

/// What has come and waits to be handled.
#[derive(Default)]
struct Unlinked {
    unlinks: Vec<u64>,
    /// A link lies behind the last of them.
    linked_again: bool,
}

impl Relations {
    /// A process here sends this to one there.
    pub(super) fn sent(&mut self, here: Pid, there: Pid, kind: &RemoteKind) {
        match kind {
            RemoteKind::Link if self.unlinked.get(&(here, there)).is_some_and(|waiting| !waiting.linked_again) => {}
            RemoteKind::Link => drop(self.links.insert((here, there), None)),
            RemoteKind::Unlink { id } => drop(self.links.insert((here, there), Some(*id))),
            RemoteKind::UnlinkAck { id } => self.acknowledged(here, there, *id),
            RemoteKind::Exit { linked: true, .. } => drop(self.links.remove(&(here, there))),
            RemoteKind::Monitor { monitor } => drop(self.watching.insert(*monitor, (here, there))),
            RemoteKind::Demonitor { monitor } => drop(self.watching.remove(monitor)),
            RemoteKind::Down { monitor, .. } => drop(self.watched.remove(monitor)),
            RemoteKind::Alive { request } => drop(self.asked.insert(*request, (here, there))),
            RemoteKind::Spawn(request) => drop(self.spawning.insert(request.request, Pending::new(here, request))),
            RemoteKind::Message(_)
            | RemoteKind::Call { .. }
            | RemoteKind::Reply { .. }
            | RemoteKind::Exit { linked: false, .. }
            | RemoteKind::AliveReply { .. }
            | RemoteKind::SpawnReply { .. }
            | RemoteKind::Timeout { .. } => {}
        }
    }

    fn acknowledged(&mut self, here: Pid, there: Pid, id: u64) {
        if let Entry::Occupied(mut waiting) = self.unlinked.entry((here, there)) {
            // One of an earlier association may be acknowledged in this.
            waiting.get_mut().unlinks.retain(|unlink| *unlink != id);
            if waiting.get().unlinks.is_empty() {
                waiting.remove();
            }
        }
    }

    /// A process was started here for one there.
    pub(super) fn spawned(&mut self, here: Pid, there: Pid, request: &SpawnRequest) {
        if request.link {
            self.links.insert((here, there), None);
        }
        if request.monitor {
            self.watched.insert(request.request, (here, there));
        }
    }

    /// Whom a signal concerns that is about something which this node knows of, rather than for a process that the sender
    /// names: `None` when nobody.
    pub(super) fn concerned(&self, there: Pid, kind: &RemoteKind) -> Option<Pid> {
        let (here, of) = match kind {
            RemoteKind::Demonitor { monitor } => self.watched.get(monitor)?,
            RemoteKind::Down { monitor, .. } => return self.watching.get(monitor).map(|(here, _)| *here),
            RemoteKind::AliveReply { request, .. } => return self.asked.get(request).map(|(here, _)| *here),
            _ => return None,
        };
        (*of == there).then_some(*here)
    }

    /// One there sends this to a process here. False when it is about a link that is not there.
    pub(super) fn received(&mut self, here: Pid, there: Pid, kind: &RemoteKind) -> bool {
        match kind {
            RemoteKind::Link => {
                self.links.entry((here, there)).or_insert(None);
                if let Some(waiting) = self.unlinked.get_mut(&(here, there)) {
                    waiting.linked_again = true;
                }
            }
            RemoteKind::Unlink { id } => {
                let waiting = self.unlinked.entry((here, there)).or_default();
                waiting.unlinks.push(*id);
                waiting.linked_again = false;
                if self.links.get(&(here, there)) == Some(&None) {
                    self.links.remove(&(here, there));
                }
            }
            RemoteKind::UnlinkAck { id } => {
                if self.links.get(&(here, there)) == Some(&Some(*id)) {
                    self.links.remove(&(here, there));
                }
            }
            RemoteKind::Exit { linked: true, .. } => return self.links.remove(&(here, there)).is_some(),
            RemoteKind::Monitor { monitor } => drop(self.watched.insert(*monitor, (here, there))),
            RemoteKind::Demonitor { monitor } => drop(self.watched.remove(monitor)),
            RemoteKind::Down { monitor, .. } => drop(self.watching.remove(monitor)),
            RemoteKind::AliveReply { request, .. } => drop(self.asked.remove(request)),
            RemoteKind::Message(_)
            | RemoteKind::Call { .. }
            | RemoteKind::Reply { .. }
            | RemoteKind::Exit { linked: false, .. }
            | RemoteKind::Alive { .. }
            | RemoteKind::Spawn(_)
            | RemoteKind::SpawnReply { .. }
            | RemoteKind::Timeout { .. } => {}
        }
        true
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.links.len() + self.watching.len() + self.watched.len() + self.asked.len() + self.spawning.len()
    }

    /// That association is over: what processes here get, in the names of those there.
    pub(super) fn end(self, over: Over) -> impl Iterator<Item = (Pid, Pid, Kind)> {
        let gone = || ExitReason::NOCONNECTION;
        // A start that came to nothing leaves no EXIT: that it did comes first.
        let spawning = self.spawning.into_iter().map(move |(request, pending)| pending.lost(over, request));
        let links = self.links.into_keys();
        let links = links.map(move |(here, there)| (there, here, Kind::Exit { reason: gone(), linked: Some(over) }));
        let watching = self.watching.into_iter();
        let watching =
            watching.map(move |(monitor, (here, there))| (there, here, Kind::Down { monitor, reason: gone() }));
        let watched = self.watched.into_iter();
        let watched = watched.map(|(monitor, (here, there))| (there, here, Kind::Demonitor { monitor }));
        let asked = self.asked.into_iter();
        let asked = asked.map(|(request, (here, there))| (there, here, Kind::AliveReply { request, alive: false }));
        spawning.chain(links).chain(watching).chain(watched).chain(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeId, ProcessSpec, Term};

    fn pid(node: u32, index: u32) -> Pid {
        Pid { node: NodeId::from_u32(node), incarnation: 1, index, serial: 0, random: 0 }
    }

    fn reference(serial: u64) -> Reference {
        Reference { serial, index: 0, node: NodeId::from_u32(1), incarnation: 1, random: 0 }
    }

    const EXIT: RemoteKind = RemoteKind::Exit { reason: ExitReason::NORMAL, linked: true };

    #[test]
    fn a_link_that_crosses_an_unlink_from_there_is_none_until_that_is_acknowledged() {
        let (mut relations, here, there) = (Relations::default(), pid(1, 0), pid(2, 0));
        for id in [1, 2] {
            relations.received(here, there, &RemoteKind::Unlink { id });
        }
        for id in [1, 2] {
            relations.sent(here, there, &RemoteKind::Link);
            assert_eq!(relations.len(), 0);
            relations.sent(here, there, &RemoteKind::UnlinkAck { id });
        }
        relations.sent(here, there, &RemoteKind::UnlinkAck { id: 3 });
        relations.sent(here, there, &RemoteKind::Link);
        assert_eq!(relations.len(), 1);
    }

    #[test]
    fn a_link_that_crosses_an_unlink_and_the_link_behind_it_stays_when_an_earlier_unlink_is_acknowledged() {
        let (mut relations, here, there) = (Relations::default(), pid(1, 0), pid(2, 0));
        relations.sent(here, there, &RemoteKind::Link);
        relations.sent(here, there, &RemoteKind::Unlink { id: 1 });
        relations.received(here, there, &RemoteKind::Unlink { id: 2 });
        relations.received(here, there, &RemoteKind::Link);
        // The process here has not handled those yet: its link goes with the unlink, and comes with the link behind it.
        relations.sent(here, there, &RemoteKind::Link);
        relations.sent(here, there, &RemoteKind::UnlinkAck { id: 2 });
        relations.received(here, there, &RemoteKind::UnlinkAck { id: 1 });
        assert_eq!(relations.len(), 1);
    }

    #[test]
    fn each_kind_of_relation_counts() {
        let (mut relations, here, there) = (Relations::default(), pid(1, 0), pid(2, 0));
        relations.sent(here, there, &RemoteKind::Link);
        for serial in 0..2 {
            relations.sent(here, there, &RemoteKind::Monitor { monitor: reference(serial) });
        }
        for serial in 0..3 {
            relations.received(here, there, &RemoteKind::Monitor { monitor: reference(serial) });
        }
        for serial in 0..4 {
            relations.sent(here, there, &RemoteKind::Alive { request: reference(serial) });
        }
        let (kind, target, args) = (String::new(), String::new(), Term::empty());
        let spec = ProcessSpec { kind, target, digest: None, args, grants: None };
        for serial in 0..5 {
            let (request, spec) = (reference(serial), spec.clone());
            let asked =
                SpawnRequest { request, spec, link: false, monitor: false, init: false, name: None, mailbox: None };
            relations.sent(here, there, &RemoteKind::Spawn(Box::new(asked)));
        }
        assert_eq!(relations.len(), 1 + 2 + 3 + 4 + 5);
        assert_eq!(relations.end(Over(1)).count(), 1 + 2 + 3 + 4 + 5);
    }

    #[test]
    fn what_is_about_a_relation_concerns_whoever_has_it() {
        let (mut relations, here, there) = (Relations::default(), pid(1, 0), pid(2, 0));
        relations.received(here, there, &RemoteKind::Monitor { monitor: reference(1) });
        relations.sent(here, there, &RemoteKind::Monitor { monitor: reference(2) });
        relations.sent(here, there, &RemoteKind::Alive { request: reference(3) });
        let down = RemoteKind::Down { monitor: reference(2), reason: ExitReason::NORMAL };
        let alive = RemoteKind::AliveReply { request: reference(3), alive: true };
        for (kind, of_anybody) in
            [(RemoteKind::Demonitor { monitor: reference(1) }, None), (down, Some(here)), (alive, Some(here))]
        {
            assert_eq!(relations.concerned(there, &kind), Some(here), "{kind:?}");
            assert_eq!(relations.concerned(pid(2, 1), &kind), of_anybody, "{kind:?}");
            assert!(relations.received(here, there, &kind));
            assert_eq!(relations.concerned(there, &kind), None, "{kind:?}");
        }
        assert_eq!(relations.concerned(there, &RemoteKind::Link), None);
        assert_eq!(relations.len(), 0);
    }

    #[test]
    fn a_link_is_there_until_an_unlink_is_known_on_this_side() {
        let (mut relations, here, there) = (Relations::default(), pid(1, 0), pid(2, 0));
        assert!(!relations.received(here, there, &EXIT), "there is no link");
        assert!(relations.received(here, there, &RemoteKind::Link));
        assert!(relations.received(here, there, &EXIT));
        assert_eq!(relations.len(), 0);

        relations.sent(here, there, &RemoteKind::Link);
        relations.received(here, there, &RemoteKind::Unlink { id: 7 });
        assert_eq!(relations.len(), 0);

        relations.sent(here, there, &RemoteKind::Unlink { id: 8 });
        // They cross: the acknowledgement of this one is still to come.
        relations.received(here, there, &RemoteKind::Unlink { id: 9 });
        relations.received(here, there, &RemoteKind::Link);
        relations.received(here, there, &RemoteKind::UnlinkAck { id: 7 });
        assert_eq!(relations.len(), 1);
        relations.received(here, there, &RemoteKind::UnlinkAck { id: 8 });
        assert_eq!(relations.len(), 0);

        relations.sent(here, there, &RemoteKind::Link);
        relations.sent(here, there, &EXIT);
        assert_eq!(relations.len(), 0);
    }
}
