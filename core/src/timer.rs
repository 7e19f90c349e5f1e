use crate::discard::discard;
use crate::mark::sometimes;
use crate::sync::Mutex;
use crate::{Badarg, Destination, Node, NodeId, Payload, Pid, Reference, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The timers of a node. One task sleeps until the earliest; there is none while there are no timers.
#[derive(Default)]
pub(crate) struct Timers {
    state: Mutex<TimerState>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct TimerState {
    by_deadline: BTreeMap<(Timestamp, Reference), Timer>,
    deadlines: BTreeMap<Reference, Timestamp>,
    /// The timers whose message goes to a pid: they end with it.
    by_pid: BTreeMap<(Pid, Reference), ()>,
    running: bool,
}

struct Timer {
    owner: Pid,
    to: Destination,
    payload: Payload,
}

impl Timers {
    /// Sends `payload` from `owner` at `deadline`, never earlier. A name is looked up then. To a process of this node
    /// that is dead there is no timer.
    pub(crate) fn start(
        &self,
        node: &Node,
        timer: Reference,
        deadline: Timestamp,
        owner: Pid,
        to: Destination,
        payload: Payload,
    ) {
        let mut state = self.state.lock();
        if let Destination::Pid(pid) = to {
            // Asked under the lock: a process that ends later finds its timer in `forget`.
            if pid.node == node.id() && !node.table().living(pid).is_some_and(|process| process.note()) {
                drop(state);
                sometimes!(node, TimerOfTheDead);
                return discard(payload);
            }
            state.by_pid.insert((pid, timer), ());
        }
        let earliest = state.by_deadline.first_key_value().is_none_or(|((first, _), _)| deadline < *first);
        state.deadlines.insert(timer, deadline);
        state.by_deadline.insert((deadline, timer), Timer { owner, to, payload });
        if !state.running {
            state.running = true;
            node.seams().executor.spawn(Box::pin(run(node.clone(), self.changed.clone())));
        } else if earliest {
            self.changed.notify_one();
        }
    }

    /// The time that was left; `None` when it has fired, was cancelled, or is unknown.
    pub(crate) fn cancel(&self, timer: Reference, now: Timestamp) -> Option<Duration> {
        let mut state = self.state.lock();
        let deadline = *state.deadlines.get(&timer)?;
        let cancelled = state.remove(deadline, timer);
        drop(state);
        discard(cancelled);
        self.changed.notify_one();
        Some(deadline.since(now))
    }

    /// The time that is left; `None` as with `cancel`.
    pub(crate) fn left(&self, timer: Reference, now: Timestamp) -> Option<Duration> {
        self.state.lock().deadlines.get(&timer).map(|deadline| deadline.since(now))
    }

    /// Ends all timers whose message would go to a process that has ended.
    pub(crate) fn forget(&self, node: &Node, pid: Pid) {
        let mut state = self.state.lock();
        let first = Reference { node: NodeId::from_u32(0), incarnation: 0, index: 0, serial: 0, random: 0 };
        let timers: Vec<Reference> = state
            .by_pid
            .range((pid, first)..)
            .take_while(|((owner, _), ())| *owner == pid)
            .map(|((_, timer), ())| *timer)
            .collect();
        let ended: Vec<Timer> = timers
            .into_iter()
            .filter_map(|timer| {
                let deadline = state.deadlines.get(&timer).copied()?;
                state.remove(deadline, timer)
            })
            .collect();
        drop(state);
        if !ended.is_empty() {
            sometimes!(node, TimersForgotten);
            self.changed.notify_one();
        }
        ended.into_iter().for_each(discard);
    }

    /// Takes what is due; `Err` says until when to sleep, `Ok(None)` that there are no timers left.
    fn next(&self, now: Timestamp) -> Result<Option<Timer>, Timestamp> {
        let mut state = self.state.lock();
        match state.by_deadline.first_key_value().map(|(key, _)| *key) {
            None => {
                state.running = false;
                Ok(None)
            }
            Some((deadline, _)) if deadline > now => Err(deadline),
            Some((deadline, timer)) => Ok(state.remove(deadline, timer)),
        }
    }
}

impl TimerState {
    fn remove(&mut self, deadline: Timestamp, timer: Reference) -> Option<Timer> {
        self.deadlines.remove(&timer);
        let removed = self.by_deadline.remove(&(deadline, timer))?;
        if let Destination::Pid(pid) = removed.to {
            self.by_pid.remove(&(pid, timer));
        }
        Some(removed)
    }
}

async fn run(node: Node, changed: Arc<Notify>) {
    loop {
        match node.timers().next(node.seams().clock.now()) {
            Ok(None) => return,
            Ok(Some(timer)) => {
                // A name that nobody has any more is no error: the message is dropped, as in OTP.
                let far = node.other_node(&timer.to).is_some();
                let Timer { owner, to, payload } = timer;
                if let Err(Badarg(why)) = node.send_from(owner, to, payload)
                    && far
                {
                    tracing::error!(%owner, "what a timer sends cannot leave the node: {why}");
                }
            }
            Err(deadline) => {
                tokio::select! {
                    biased;
                    () = changed.notified() => {}
                    () = node.seams().clock.sleep_until(deadline) => {}
                }
            }
        }
    }
}
