use super::convert::inwards;
use super::relations::Relations;
use crate::handle::bounce;
use crate::process::Over;
use crate::seam::{Lanes, Pressure};
use crate::signal::Signal;
use crate::{ExitReason, Node, NodeId, Pid, RemoteKind, RemoteSignal, RemoteTarget};
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An association with another node, as this node has it: signals of that node come in through it, and its end is the
/// `noconnection` of every link and monitor that crosses it. Cheap to clone. An example is at [`Peers`](crate::seam::Peers).
#[derive(Clone)]
pub struct Association(Arc<Inner>);

struct Inner {
    peer: NodeId,
    lanes: Arc<dyn Lanes>,
    /// `None` when it is over. Signals are handed on under this lock: none comes behind the end.
    relations: Mutex<Option<Relations>>,
}

/// A node does not speak for this process, or not to that one: the signal was refused, nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Foreign {
    /// The sender, or the reference that it made, is of another node.
    #[error("a node speaks only for its own processes")]
    Sender,
    /// The receiver is of another node.
    #[error("a signal for another node")]
    Receiver,
}

/// The associations of a node, by the other one.
#[derive(Default)]
pub(crate) struct Associations(Mutex<BTreeMap<NodeId, Latest>>);

/// The latest association with one node: one that is over never comes back.
struct Latest {
    number: u64,
    present: Option<Association>,
}

impl Associations {
    pub(super) fn present(&self, peer: NodeId) -> Option<Association> {
        self.0.lock().get(&peer).and_then(|latest| latest.present.clone())
    }

    /// Puts in the one of these lanes, unless it or a later one was there. An earlier one ends before anybody finds this one.
    fn put(&self, node: &Node, peer: NodeId, lanes: Arc<dyn Lanes>) -> Association {
        let mut all = self.0.lock();
        let number = lanes.number();
        let (ended, before) = match all.get_mut(&peer) {
            Some(Latest { number: there, present: Some(present) }) if *there == number => return present.clone(),
            Some(latest) if latest.number >= number => (true, None),
            Some(latest) => (false, latest.present.take()),
            None => (false, None),
        };
        if let Some(before) = before {
            before.end_relations(node);
        }
        let relations = Mutex::new((!ended).then(Relations::default));
        let association = Association(Arc::new(Inner { peer, lanes, relations }));
        if !ended {
            all.insert(peer, Latest { number, present: Some(association.clone()) });
        }
        association
    }

    fn remove(&self, association: &Association) {
        let mut all = self.0.lock();
        let latest = all.get_mut(&association.0.peer);
        if let Some(latest) = latest.filter(|latest| latest.number == association.number()) {
            latest.present = None;
        }
    }
}

impl Node {
    /// Takes in an association with that node. An older one with it ends first; one that is older itself is over. The same
    /// lanes, again, are the same association.
    ///
    /// Only implementations of [`Peers`](crate::seam::Peers) call it.
    pub fn associate(&self, peer: NodeId, lanes: Arc<dyn Lanes>) -> Association {
        self.associations().put(self, peer, lanes)
    }
}

impl Association {
    /// Its number on this node: see [`Lanes::number`].
    pub fn number(&self) -> u64 {
        self.0.lanes.number()
    }

    pub(super) fn peer(&self) -> NodeId {
        self.0.peer
    }

    pub(super) fn lanes(&self) -> &dyn Lanes {
        &*self.0.lanes
    }

    pub(super) fn relations_lock(&self) -> MutexGuard<'_, Option<Relations>> {
        self.0.relations.lock()
    }

    pub(super) fn over(&self) -> Over {
        Over(self.number())
    }

    /// How many links, monitors and questions cross it.
    pub fn relations(&self) -> usize {
        self.relations_lock().as_ref().map_or(0, Relations::len)
    }

    /// Sends; `None`, and the signal stays, when the association is over.
    pub(super) fn send(&self, there: Pid, signal: &mut Option<RemoteSignal>) -> Option<Pressure> {
        let mut relations = self.relations_lock();
        let relations = relations.as_mut()?;
        let signal = signal.take()?;
        relations.sent(signal.from, there, &signal.kind);
        Some(self.0.lanes.send(signal))
    }

    /// Holds a sender until its lane is open.
    pub(super) fn hold(&self, node: &Node, sender: Pid) {
        node.hold(sender);
        if !self.0.lanes.holds(sender) {
            node.release(sender);
        }
    }

    /// A signal of the other node has come. Behind the end it is dropped.
    ///
    /// # Errors
    /// The other node has no right to send it.
    pub fn receive(&self, node: &Node, signal: RemoteSignal) -> Result<(), Foreign> {
        self.check(node, &signal)?;
        let RemoteSignal { from, to, kind } = signal;
        let kind = match kind {
            RemoteKind::Spawn(request) => {
                self.receive_spawn(node, from, *request);
                return Ok(());
            }
            RemoteKind::SpawnReply { request, outcome } => {
                self.receive_spawn_reply(node, from, request, outcome);
                return Ok(());
            }
            kind => kind,
        };
        let undelivered = {
            let mut relations = self.relations_lock();
            let Some(relations) = &mut *relations else { return Ok(()) };
            let here = match &kind {
                RemoteKind::Demonitor { .. } | RemoteKind::Down { .. } | RemoteKind::AliveReply { .. } => {
                    relations.concerned(from, &kind)
                }
                _ => match &to {
                    RemoteTarget::Pid(pid) => Some(*pid),
                    RemoteTarget::Name(name) => node.whereis(name),
                    RemoteTarget::Alias(alias) => node.alias_owner(*alias),
                    RemoteTarget::Node => None,
                },
            };
            let signal = |kind| inwards(self.over(), from, &to, kind).map(Signal);
            match here {
                None => signal(kind).map(|signal| (node.outside(), signal)),
                Some(here) if !relations.received(here, from, &kind) => None,
                Some(here) => {
                    signal(kind).and_then(|signal| node.push(from, here, signal)).map(|signal| (here, signal))
                }
            }
        };
        // Without the lock: the answer takes the same way back.
        if let Some((here, signal)) = undelivered {
            bounce(node, here, from, signal, &ExitReason::NOPROC);
        }
        Ok(())
    }

    fn check(&self, node: &Node, signal: &RemoteSignal) -> Result<(), Foreign> {
        let made = match &signal.kind {
            RemoteKind::Call { reference, .. } => Some(reference),
            RemoteKind::Monitor { monitor } | RemoteKind::Demonitor { monitor } => Some(monitor),
            RemoteKind::Alive { request } => Some(request),
            RemoteKind::Spawn(request) => Some(&request.request),
            RemoteKind::Timeout { timer, .. } => Some(timer),
            _ => None,
        };
        if signal.from.node != self.0.peer || made.is_some_and(|made| made.node != self.0.peer) {
            return Err(Foreign::Sender);
        }
        match &signal.to {
            RemoteTarget::Pid(pid) if pid.node != node.id() => Err(Foreign::Receiver),
            RemoteTarget::Alias(alias) if alias.node != node.id() => Err(Foreign::Receiver),
            _ => Ok(()),
        }
    }

    /// The association is over: its links and monitors fire with `noconnection`, behind everything that has come. Again it
    /// does nothing.
    pub fn end(&self, node: &Node) {
        self.end_relations(node);
        node.associations().remove(self);
    }

    fn end_relations(&self, node: &Node) {
        let mut relations = self.relations_lock();
        if let Some(ended) = relations.take() {
            for (there, here, kind) in ended.end(self.over()) {
                // Whoever is dead by now has nothing to hear.
                drop(node.push(there, here, Signal(kind)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::{Peers, Seams};
    use crate::{NodeOptions, Term};

    /// Takes everything.
    #[derive(Default)]
    struct Taken {
        number: u64,
        signals: Mutex<Vec<RemoteSignal>>,
    }

    impl Lanes for Taken {
        fn number(&self) -> u64 {
            self.number
        }

        fn send(&self, signal: RemoteSignal) -> Pressure {
            self.signals.lock().push(signal);
            Pressure::None
        }

        fn holds(&self, _: Pid) -> bool {
            false
        }
    }

    struct One(Arc<Taken>);

    impl Peers for One {
        fn associate(&self, _: NodeId) -> Option<Arc<dyn Lanes>> {
            Some(self.0.clone())
        }

        fn message_len_max(&self) -> usize {
            100
        }
    }

    fn lanes(number: u64) -> Arc<Taken> {
        Arc::new(Taken { number, ..Taken::default() })
    }

    #[tokio::test]
    async fn an_association_begins_with_the_first_signal_and_only_its_own_end_takes_it_away() {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        let (peer, first) = (NodeId::of_name("b"), lanes(1));
        node.set_peers(Arc::new(One(first.clone())));
        let present = || node.associations().present(peer);
        assert!(present().is_none());
        node.send(Pid { random: 7, ..Pid::somebody_of(peer) }, Term::empty()).expect("a pid");
        assert_eq!(first.signals.lock().len(), 1);
        let first = present().expect("it has begun");
        let second = node.associate(peer, lanes(2));
        first.end(&node);
        assert_eq!(present().map(|present| present.number()), Some(2));
        second.end(&node);
        assert!(present().is_none());
        node.associate(peer, lanes(1));
        assert!(present().is_none(), "one that is over does not come back");
    }
}
