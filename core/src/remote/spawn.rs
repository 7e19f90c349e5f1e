//! Processes that one node starts on another.

use super::association::Association;
use super::relations::Relations;
use crate::handle::bounce;
use crate::process::Over;
use crate::signal::{Kind, Signal};
use crate::{
    ExitReason, MailboxBound, Node, NodeId, Pid, ProcessSpec, Reference, RemoteKind, RemoteSignal, RemoteTarget,
};

/// What one node asks another to start. Source: OTP `erlang:spawn_request/5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnRequest {
    /// Names the request, and the monitor when one is wanted.
    pub request: Reference,
    /// What to start.
    pub spec: ProcessSpec,
    /// Link it to whoever asks, in one step with the spawn.
    pub link: bool,
    /// Let whoever asks monitor it, in one step with the spawn.
    pub monitor: bool,
    /// Whether it says when it is up: then a second reply follows.
    pub init: bool,
    /// The local name that it has there from its first moment.
    pub name: Option<String>,
    /// How many messages may lie in its mailbox.
    pub mailbox: Option<MailboxBound>,
}

/// How a [`SpawnRequest`] went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpawnOutcome {
    /// It runs, linked and monitored as was asked.
    Spawned,
    /// It says that it is up.
    Up,
    /// It says that there is nothing to run.
    Ignored,
    /// It was not started, or has ended before it was up.
    Failed(ExitReason),
}

/// A reply to a request as the process that asked gets it.
#[derive(Debug)]
pub(crate) struct SpawnReplied {
    pub(crate) request: Reference,
    pub(crate) outcome: SpawnOutcome,
    /// What was asked for.
    pub(crate) link: bool,
    pub(crate) monitor: bool,
    pub(crate) over: Over,
}

impl SpawnReplied {
    /// What a new process hears that nobody waits for any more.
    pub(crate) fn unwanted(&self, why: &ExitReason) -> impl Iterator<Item = Kind> + use<> {
        let spawned = self.outcome == SpawnOutcome::Spawned;
        let exit = (spawned && self.link).then(|| Kind::Exit { reason: why.clone(), linked: Some(self.over) });
        let demonitor = (spawned && self.monitor).then_some(Kind::Demonitor { monitor: self.request });
        demonitor.into_iter().chain(exit)
    }
}

/// A request that is under way to another node.
pub(super) struct Pending {
    pub(super) here: Pid,
    link: bool,
    monitor: bool,
    init: bool,
    /// The new process, once it is known and not up yet.
    there: Option<Pid>,
    /// Why the process here has ended that asked.
    ended: Option<ExitReason>,
}

impl Pending {
    pub(super) fn new(here: Pid, request: &SpawnRequest) -> Self {
        let SpawnRequest { link, monitor, init, .. } = *request;
        Self { here, link, monitor, init, there: None, ended: None }
    }

    /// Whether that process may reply.
    fn expects(&self, there: Pid) -> bool {
        self.there.is_none_or(|known| known == there)
    }

    /// What the process here gets when the association is over.
    pub(super) fn lost(self, over: Over, request: Reference) -> (Pid, Pid, Kind) {
        let there = self.there.unwrap_or(self.here);
        let outcome = SpawnOutcome::Failed(ExitReason::NOCONNECTION);
        (there, self.here, self.replied(over, request, outcome))
    }

    fn replied(&self, over: Over, request: Reference, outcome: SpawnOutcome) -> Kind {
        let Self { link, monitor, .. } = *self;
        Kind::SpawnReply(Box::new(SpawnReplied { request, outcome, link, monitor, over }))
    }
}

impl Relations {
    /// A reply has come: for whom it is and what that one gets, with the reason with which it has ended meanwhile.
    fn replied(
        &mut self,
        over: Over,
        there: Pid,
        request: Reference,
        outcome: SpawnOutcome,
    ) -> Option<(Pid, Kind, Option<ExitReason>)> {
        let pending = self.spawning.get_mut(&request).filter(|pending| pending.expects(there))?;
        let here = pending.here;
        let kind = pending.replied(over, request, outcome.clone());
        let ended = pending.ended.clone();
        let spawned = outcome == SpawnOutcome::Spawned;
        if spawned && pending.link {
            self.links.insert((here, there), None);
        }
        if spawned && pending.monitor {
            self.watching.insert(request, (here, there));
        }
        if spawned && pending.init {
            pending.there = Some(there);
        } else {
            self.spawning.remove(&request);
        }
        Some((here, kind, ended))
    }
}

impl Association {
    /// Starts what the other node asks for. Whether it is started, linked and monitored is one step with the end of the
    /// association: who is linked hears of that.
    pub(super) fn receive_spawn(&self, node: &Node, parent: Pid, request: SpawnRequest) {
        let body = node.body_for(&request);
        let prepared = {
            let mut relations = self.relations_lock();
            let Some(relations) = &mut *relations else { return };
            let prepared = body.and_then(|body| node.prepare(parent, self.over(), &request, body));
            let (from, outcome) = match &prepared {
                Ok(prepared) => (prepared.process.pid, SpawnOutcome::Spawned),
                Err(reason) => (node.outside(), SpawnOutcome::Failed(reason.clone())),
            };
            if prepared.is_ok() {
                relations.spawned(from, parent, &request);
            }
            let kind = RemoteKind::SpawnReply { request: request.request, outcome };
            // Before everything that it sends: it does not run yet.
            self.lanes().send(RemoteSignal { from, to: RemoteTarget::Pid(parent), kind });
            prepared
        };
        match prepared {
            Ok(prepared) => node.run(prepared),
            Err(reason) => {
                tracing::warn!(%reason, kind = request.spec.kind, "a process of another node's was not started");
            }
        }
    }

    /// The other node says how a start went.
    pub(super) fn receive_spawn_reply(&self, node: &Node, there: Pid, request: Reference, outcome: SpawnOutcome) {
        let undelivered = {
            let mut relations = self.relations_lock();
            let Some(relations) = &mut *relations else { return };
            let Some((here, kind, ended)) = relations.replied(self.over(), there, request, outcome) else { return };
            match ended {
                Some(reason) => Some((here, Signal(kind), reason)),
                None => node.push(there, here, Signal(kind)).map(|signal| (here, signal, ExitReason::NOPROC)),
            }
        };
        // Without the lock: what the new process hears takes the same way back.
        if let Some((here, signal, reason)) = undelivered {
            bounce(node, here, there, signal, &reason);
        }
    }

    /// Another node cannot be told this, as it speaks an older version of the protocol: whoever must hear of it does.
    ///
    /// Only implementations of [`Peers`](crate::seam::Peers) call it.
    pub fn unsupported(&self, node: &Node, signal: &RemoteSignal) {
        let RemoteSignal { from, kind, .. } = signal;
        tracing::error!(%from, kind = kind.name(), "a node of an older version does not know this signal");
        if let RemoteKind::Spawn(request) = kind {
            let lacks = if request.spec.grants.is_some() { "processes with grants" } else { "anything" };
            let why = ExitReason::new("notsup")
                .with_detail(format!("the node is of an older version, which does not start {lacks} for others"));
            self.receive_spawn_reply(node, Pid::somebody_of(self.peer()), request.request, SpawnOutcome::Failed(why));
        }
    }
}

/// The process that asked for this has ended.
pub(crate) fn asker_ended(node: &Node, of: NodeId, request: Reference, reason: &ExitReason) {
    let Some(association) = node.associations().present(of) else { return };
    if let Some(relations) = &mut *association.relations_lock()
        && let Some(pending) = relations.spawning.get_mut(&request)
    {
        pending.ended = Some(reason.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Term;

    fn pid(index: u32) -> Pid {
        Pid { node: NodeId::from_u32(2), incarnation: 1, index, serial: 0, random: 0 }
    }

    fn request() -> Reference {
        Reference { serial: 1, index: 0, node: NodeId::from_u32(1), incarnation: 1, random: 0 }
    }

    #[test]
    fn a_process_that_nobody_waits_for_hears_of_what_it_was_given() {
        for (outcome, spawned) in [(SpawnOutcome::Spawned, true), (SpawnOutcome::Up, false)] {
            for (link, monitor) in [(false, false), (false, true), (true, false), (true, true)] {
                let outcome = outcome.clone();
                let replied = SpawnReplied { request: request(), outcome, link, monitor, over: Over(1) };
                let kinds: Vec<Kind> = replied.unwanted(&ExitReason::ABANDONED).collect();
                let exits =
                    kinds.iter().filter(|kind| matches!(kind, Kind::Exit { linked: Some(Over(1)), .. })).count();
                let demonitors = kinds.iter().filter(|kind| matches!(kind, Kind::Demonitor { .. })).count();
                let expected = (usize::from(spawned && link), usize::from(spawned && monitor));
                assert_eq!((exits, demonitors), expected, "{replied:?}");
            }
        }
    }

    #[test]
    fn only_the_new_process_replies_once_it_is_known() {
        let spec = ProcessSpec {
            kind: "kind".to_owned(),
            target: "target".to_owned(),
            digest: None,
            args: Term::empty(),
            grants: None,
        };
        let (link, monitor, init) = (false, false, true);
        let asked = SpawnRequest { request: request(), spec, link, monitor, init, name: None, mailbox: None };
        let mut relations = Relations::default();
        relations.spawning.insert(request(), Pending::new(pid(0), &asked));
        let mut replied = |from, outcome| relations.replied(Over(1), from, request(), outcome).is_some();
        assert!(replied(pid(1), SpawnOutcome::Spawned), "nobody is known yet");
        assert!(!replied(pid(2), SpawnOutcome::Up));
        assert!(replied(pid(1), SpawnOutcome::Up));
        assert!(!replied(pid(1), SpawnOutcome::Up), "that was all");
    }
}
