//! What each kind of signal does to the process that receives it.

use crate::discard::discard;
use crate::mark::sometimes;
use crate::process::{AliasMode, Answer, Link, Monitor, Over, Process, State, Watcher};
use crate::remote::SpawnReplied;
use crate::signal::{Kind, Signal};
use crate::{ExitReason, Message, Node, Payload, Pid, Reference, SpawnOutcome, SpawnReply, Started, TraceEvent};

#[cfg(test)]
mod tests;

/// Signals that the handling of others causes: to whom, and what.
type Outgoing = Vec<(Pid, Kind)>;

/// For how many signals a process keeps room, at most.
const BATCH_KEPT_MAX: usize = 128;

/// Handles everything that is queued, in order, up to the signal that ends the process.
pub(crate) fn handle_signals(node: &Node, process: &Process) {
    if !node.table().has_signals(process.pid) || process.is_exiting() {
        return;
    }
    let mut outgoing = Outgoing::new();
    {
        let mut state = process.state.lock();
        let mut batch = std::mem::take(&mut state.batch);
        node.table().take_signals(process.pid, &mut batch);
        let mut signals = batch.drain(..);
        while let Some((from, signal)) = signals.next() {
            node.trace(|| TraceEvent::Handled { to: process.pid, from, kind: signal.kind() });
            state.handle(node, process.pid, from, signal.0, &mut outgoing);
            if state.exit.is_some() {
                process.set_exiting();
                state.ended_by = (from != process.pid).then(|| Box::new(from));
                if signals.len() > 0 {
                    sometimes!(node, SignalsBehindExit);
                }
                node.table().put_back(process.pid, signals.by_ref());
            }
        }
        drop(signals);
        if batch.capacity() <= BATCH_KEPT_MAX {
            state.batch = batch;
        }
        process.set_unread(state.mailbox.len());
    }
    for (to, kind) in outgoing {
        node.signal(process.pid, to, Signal(kind));
    }
}

impl State {
    fn handle(&mut self, node: &Node, own: Pid, from: Pid, kind: Kind, outgoing: &mut Outgoing) {
        match kind {
            Kind::Message(message) => self.arrive(own, from, message, outgoing),
            Kind::Call { from: caller, payload } => {
                self.monitored_by.insert(caller.reference, Watcher { pid: from, calls: true });
                self.arrive(own, from, Message::Call { from: caller, payload }, outgoing);
            }
            Kind::Alias { alias, payload } => {
                if self.passes_alias(alias, outgoing) {
                    self.mailbox.push(Message::Plain(payload));
                } else {
                    sometimes!(node, LateReply);
                    discard(payload);
                }
            }
            Kind::Reply { call, payload, demonitored } => {
                if demonitored {
                    self.monitors.remove(&call);
                }
                if self.passes_alias(call, outgoing) {
                    self.mailbox.push(Message::Reply { reference: call, payload });
                } else {
                    sometimes!(node, LateReply);
                    discard(payload);
                }
            }
            Kind::Link { over } => {
                // While this half waits for an acknowledgement the link that arrives is older than our unlink, which
                // takes it away on the other side as well.
                match self.links.get(&from) {
                    None => drop(self.links.insert(from, Link::Active(over))),
                    // What this half was made or is taken away by has not crossed, or did before.
                    Some(Link::Active(of) | Link::Unlinking { over: of, .. }) if *of < over => {
                        self.links.insert(from, Link::Active(over));
                    }
                    Some(Link::Unlinking { .. }) => sometimes!(node, LinkCrossedUnlink),
                    Some(Link::Active(_)) => {}
                }
            }
            Kind::Unlink { id, over } => {
                // One that crossed before this link was made is about an earlier one.
                if matches!(self.links.get(&from), Some(Link::Active(of)) if *of <= over) {
                    self.links.remove(&from);
                } else {
                    sometimes!(node, UnlinkOfNoLink);
                }
                outgoing.push((from, Kind::UnlinkAck { id }));
            }
            Kind::UnlinkAck { id } => {
                if self.links.get(&from).is_some_and(|link| link.is_unlinking(id)) {
                    self.links.remove(&from);
                } else {
                    sometimes!(node, StaleUnlinkAck);
                }
            }
            Kind::Exit { reason, linked: Some(over) } => self.handle_link_exit(node, from, over, reason),
            Kind::Exit { reason, linked: None } => self.handle_exit(own, from, reason),
            Kind::Monitor { monitor } => {
                self.monitored_by.insert(monitor, Watcher { pid: from, calls: false });
            }
            Kind::Demonitor { monitor } => {
                self.monitored_by.remove(&monitor);
            }
            Kind::Down { monitor, reason } => self.handle_down(node, monitor, reason),
            Kind::Alive { request } => outgoing.push((from, Kind::AliveReply { request, alive: true })),
            Kind::AliveReply { request, alive } => self.answer(request, Answer::Alive(alive)),
            Kind::Spawn(request) => unreachable!("a node is asked to spawn, not a process: {request:?}"),
            Kind::SpawnReply(reply) => self.handle_spawn_reply(from, *reply, outgoing),
            Kind::Started { request, outcome } => {
                if let Started::Failed(_) | Started::Ignored = outcome {
                    // A start that came to nothing leaves no EXIT behind. Source: OTP 26, `proc_lib:start_link`.
                    self.links.remove(&from);
                }
                self.answer(request, Answer::Started(outcome));
            }
        }
    }

    /// Who is linked and monitored is known from now on; of a process that nobody waits for any more nothing is kept. Source:
    /// OTP `erlang:spawn_request/5`, `spawn_request_abandon/1`.
    fn handle_spawn_reply(&mut self, from: Pid, reply: SpawnReplied, outgoing: &mut Outgoing) {
        let by_message = match self.answers.get(&reply.request) {
            Some(Answer::Asked { by_message, .. }) => *by_message,
            Some(_) => false,
            None => return outgoing.extend(reply.unwanted(&ExitReason::ABANDONED).map(|kind| (from, kind))),
        };
        let SpawnReplied { request, outcome, link, monitor, over } = reply;
        let spawned = outcome == SpawnOutcome::Spawned;
        if spawned && link {
            self.links.insert(from, Link::Active(over));
        }
        if spawned && monitor {
            self.monitors.insert(request, Monitor::Pid(from));
        }
        let answer = match outcome {
            SpawnOutcome::Spawned => Answer::Spawned(from),
            SpawnOutcome::Up => Answer::Started(Started::Up(from)),
            SpawnOutcome::Ignored => Answer::Started(Started::Ignored),
            SpawnOutcome::Failed(reason) => Answer::Started(Started::Failed(reason)),
        };
        if let Answer::Started(Started::Failed(_) | Started::Ignored) = answer {
            self.links.remove(&from);
        }
        if !by_message {
            return self.answer(request, answer);
        }
        self.answers.remove(&request);
        let outcome = match answer {
            Answer::Started(Started::Failed(reason)) => Err(reason),
            _ => Ok(from),
        };
        self.mailbox.push(Message::Plain(Payload::local(SpawnReply { request, outcome })));
    }

    /// An answer that nobody waits for any more is dropped.
    fn answer(&mut self, request: Reference, answer: Answer) {
        if let Some(waiting) = self.answers.get_mut(&request) {
            *waiting = answer;
        }
    }

    /// Whether a message through that alias arrives.
    fn passes_alias(&mut self, alias: Reference, outgoing: &mut Outgoing) -> bool {
        match self.aliases.get(&alias) {
            None => return false,
            Some(AliasMode::Reply) => {
                self.aliases.remove(&alias);
                self.end_monitor(alias, outgoing);
            }
            Some(AliasMode::Explicit | AliasMode::Demonitor) => {}
        }
        true
    }

    fn handle_exit(&mut self, own: Pid, from: Pid, reason: ExitReason) {
        if reason.is_kill() {
            self.exit = Some(ExitReason::KILLED);
        } else if self.trap_exit {
            self.mailbox.push(Message::Exit { from, reason });
        } else if !reason.is_normal() || from == own {
            self.exit = Some(reason);
        }
    }

    fn handle_link_exit(&mut self, node: &Node, from: Pid, over: Over, reason: ExitReason) {
        match self.links.get(&from) {
            // Its association has ended before this link was made.
            Some(Link::Active(of) | Link::Unlinking { over: of, .. }) if *of > over => return,
            Some(Link::Active(_)) => self.links.remove(&from),
            // The dead do not acknowledge: what was being unlinked is gone now, without an exit.
            Some(Link::Unlinking { .. }) => {
                self.links.remove(&from);
                return sometimes!(node, DeathCrossedUnlink);
            }
            None => return sometimes!(node, ExitOfNoLink),
        };
        if self.trap_exit {
            self.mailbox.push(Message::Exit { from, reason });
        } else if !reason.is_normal() {
            self.exit = Some(reason);
        }
    }

    fn handle_down(&mut self, node: &Node, monitor: Reference, reason: ExitReason) {
        let Some(ended) = self.monitors.remove(&monitor) else { return sometimes!(node, LateDown) };
        if matches!(self.aliases.get(&monitor), Some(AliasMode::Demonitor | AliasMode::Reply)) {
            self.aliases.remove(&monitor);
        }
        self.mailbox.push(Message::Down { monitor, object: ended.object(), reason });
    }

    /// Takes a monitor of this process away and tells the other side.
    fn end_monitor(&mut self, monitor: Reference, outgoing: &mut Outgoing) -> bool {
        let Some(ended) = self.monitors.remove(&monitor) else { return false };
        if let Some(target) = ended.target() {
            outgoing.push((target, Kind::Demonitor { monitor }));
        }
        true
    }

    /// Ends the monitor that came with a call to this process; false when there is none.
    pub(crate) fn end_call_monitor(&mut self, call: Reference) -> bool {
        let calls = self.monitored_by.get(&call).is_some_and(|watcher| watcher.calls);
        calls && self.monitored_by.remove(&call).is_some()
    }

    /// As OTP's `demonitor`: true when the monitor was active. An alias of the modes that end with it ends.
    pub(crate) fn demonitor(&mut self, monitor: Reference, outgoing: &mut Vec<(Pid, Kind)>) -> bool {
        if matches!(self.aliases.get(&monitor), Some(AliasMode::Demonitor | AliasMode::Reply)) {
            self.aliases.remove(&monitor);
        }
        self.end_monitor(monitor, outgoing)
    }
}

/// What a signal for a dead process does instead: whoever must hear of it gets the answer, in the dead one's name.
pub(crate) fn bounce(node: &Node, dead: Pid, from: Pid, signal: Signal, why: &ExitReason) {
    if let Kind::SpawnReply(reply) = &signal.0 {
        return reply.unwanted(why).for_each(|kind| node.signal(dead, from, Signal(kind)));
    }
    if let Some(answer) = answer(signal.0, why) {
        node.signal(dead, from, Signal(answer));
    }
}

/// What the sender of a signal gets that reaches nobody.
pub(crate) fn answer(kind: Kind, why: &ExitReason) -> Option<Kind> {
    Some(match kind {
        Kind::Link { over } => Kind::Exit { reason: why.clone(), linked: Some(over) },
        Kind::Monitor { monitor } => Kind::Down { monitor, reason: why.clone() },
        Kind::Call { from, payload } => {
            discard(payload);
            Kind::Down { monitor: from.reference, reason: why.clone() }
        }
        Kind::Unlink { id, .. } => Kind::UnlinkAck { id },
        Kind::Alive { request } => Kind::AliveReply { request, alive: false },
        Kind::Spawn(request) => {
            let (request, outcome) = (request.request, SpawnOutcome::Failed(why.clone()));
            let replied = SpawnReplied { request, outcome, link: false, monitor: false, over: Over::NONE };
            Kind::SpawnReply(Box::new(replied))
        }
        Kind::Message(message) => {
            discard(message);
            return None;
        }
        Kind::Alias { payload, .. } | Kind::Reply { payload, .. } => {
            discard(payload);
            return None;
        }
        Kind::UnlinkAck { .. }
        | Kind::Exit { .. }
        | Kind::Demonitor { .. }
        | Kind::Down { .. }
        | Kind::AliveReply { .. }
        | Kind::Started { .. }
        | Kind::SpawnReply(_) => return None,
    })
}
