use super::lanes::{Line, Outward};
use super::mark::Mark;
use super::wire::{Input, Wire};
use crate::proto::{Action, Config, EndReason, Endpoint, Envelope, Event, Lane, NodeNews, Refusal, Trust};
use parking_lot::Mutex;
use rand_core::Rng;
use rusm_core::seam::Clock;
use rusm_core::{Association, Node, NodeId, NodeInfo, Pid, TraceEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use tokio::sync::Notify;

/// How a node takes part in a cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// Which cluster: nodes of another are refused.
    pub cluster: u128,
    /// The names of nodes to join: each is dialled until it answers, and tells of the others. Whoever dials this node is known from
    /// then on.
    pub nodes: Vec<String>,
    /// Where the others can dial this node, as the wire writes that, at most 255 bytes; empty when the wire needs none, or
    /// nobody can.
    pub address: String,
    /// Limits and times.
    pub config: Config,
}

/// A node's part in its cluster: the protocol, driven. Cheap to clone.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

pub(super) struct Inner {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: Mutex<State>,
    pub(super) wake: Notify,
    pub(super) signal_len_max: u32,
    inputs: Mutex<Vec<Input>>,
    stopping: AtomicBool,
}

pub(super) struct State {
    pub(super) endpoint: Endpoint,
    /// Who waits for which lane of which association to open.
    pub(super) held: BTreeSet<(u64, Lane, Pid)>,
}

impl Cluster {
    /// Makes the other nodes reachable for a node's processes, and starts the task that drives the protocol. `None` when that
    /// was done before.
    ///
    /// # Panics
    /// As [`Endpoint::new`].
    pub fn start(node: &Node, wire: Arc<dyn Wire>, options: ClusterOptions) -> Option<Self> {
        let ClusterOptions { cluster, nodes, address, config } = options;
        let signal_len_max = config.signal_len_max;
        let now = node.seams().clock.now();
        let mut seed = [0; 32];
        node.seams().entropy.stream("membership").fill_bytes(&mut seed);
        let endpoint = Endpoint::new(node.name(), node.incarnation(), cluster, config);
        let mut endpoint = endpoint.with_membership(now, &address, seed);
        for name in nodes.iter().filter(|name| *name != node.name()) {
            if !endpoint.join(now, name) {
                tracing::error!(node = %name, "this name cannot be used: it is empty, too long, or has another's number");
            }
        }
        let inner = Arc::new(Inner {
            clock: node.seams().clock.clone(),
            state: Mutex::new(State { endpoint, held: BTreeSet::new() }),
            wake: Notify::new(),
            signal_len_max,
            inputs: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        if !node.set_peers(Arc::new(Outward(inner.clone()))) {
            return None;
        }
        let task = Task { node: node.clone(), wire, inner: inner.clone(), associations: BTreeMap::new() };
        node.seams().executor.spawn(Box::pin(task.run()));
        Some(Self(inner))
    }

    /// There is a node of that name, and it is to be a member: it is dialled until it answers. False when the name cannot be
    /// used.
    pub fn join(&self, node: &str) -> bool {
        let known = self.0.state.lock().endpoint.join(self.0.clock.now(), node);
        self.0.wake.notify_one();
        known
    }

    /// Something has happened on the wire.
    pub fn input(&self, input: Input) {
        self.0.inputs.lock().push(input);
        self.0.wake.notify_one();
    }

    /// Closes all connections and ends all associations; the other nodes hear of it at once. The node stays as it is, alone
    /// from then on.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.0.wake.notify_one();
    }
}

/// Lets all tasks that are ready run once: an executor puts whoever wakes itself behind them.
async fn behind_the_others() {
    let mut let_them = false;
    poll_fn(|task| {
        if std::mem::replace(&mut let_them, true) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The one task that takes what comes in and does what is to be done, in order.
struct Task {
    node: Node,
    wire: Arc<dyn Wire>,
    inner: Arc<Inner>,
    associations: BTreeMap<u64, Association>,
}

impl Task {
    async fn run(mut self) {
        loop {
            // Whoever else is ready to run may have something to send: it goes out together. A turn for each small message costs
            // more than all else that is done for it.
            behind_the_others().await;
            let clock = self.inner.clock.clone();
            let (actions, events, deadline) = self.turn();
            if actions.is_empty() && events.is_empty() {
                if self.inner.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let woken = self.inner.wake.notified();
                match deadline {
                    None => woken.await,
                    Some(deadline) => tokio::select! {
                        biased;
                        () = woken => {}
                        () = clock.sleep_until(deadline) => {}
                    },
                }
                continue;
            }
            // Neither the wire nor the node is called with the lock.
            for action in actions {
                match action {
                    Action::Dial { connection, node } => self.wire.dial(connection, &node),
                    Action::Locate { node, address } => self.wire.locate(&node, &address),
                    Action::Forget { node } => self.wire.forget(&node),
                    Action::Transmit { connection, stream, bytes } => self.wire.transmit(connection, stream, bytes),
                    Action::Close { connection } => self.wire.close(connection),
                }
            }
            for event in events {
                self.handle(event);
            }
        }
    }

    /// Takes in what has happened, and the time.
    fn turn(&self) -> (Vec<Action>, Vec<Event>, Option<rusm_core::Timestamp>) {
        let inputs = std::mem::take(&mut *self.inner.inputs.lock());
        let now = self.inner.clock.now();
        let endpoint = &mut self.inner.state.lock().endpoint;
        let mut refused = Vec::new();
        for input in inputs {
            match input {
                Input::Connected(connection, certificate) => endpoint.handle_connected(now, connection, certificate),
                Input::Accepted(connection, certificate) => {
                    if !endpoint.handle_accepted(now, connection, certificate) {
                        refused.push(Action::Close { connection });
                    }
                }
                Input::Received(connection, stream, bytes) => {
                    endpoint.handle_received(now, connection, stream, &bytes);
                }
                Input::Writable(connection, stream, room) => endpoint.handle_writable(now, connection, stream, room),
                Input::Closed(connection) => endpoint.handle_closed(now, connection),
            }
        }
        if self.inner.stopping.load(Ordering::SeqCst) {
            endpoint.stop(now);
        }
        if endpoint.poll_timeout().is_some_and(|at| at <= now) {
            endpoint.handle_timeout(now);
        }
        let actions = refused.into_iter().chain(std::iter::from_fn(|| endpoint.poll_action())).collect();
        let events = std::iter::from_fn(|| endpoint.poll_event()).collect();
        (actions, events, endpoint.poll_timeout())
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Begun { peer, association } => drop(self.association(peer, association)),
            Event::Up { association, node, incarnation } => {
                tracing::debug!(%node, incarnation, "an association has a connection");
                drop(self.association(NodeId::of_name(&node), association));
            }
            Event::Signal { association, envelope } => {
                let Some(association) = self.associations.get(&association) else { return };
                let from = envelope.signal.from;
                if let Err(foreign) = association.receive(&self.node, envelope.signal) {
                    tracing::warn!(?from, "a signal was refused: {foreign}");
                    self.mark(Mark::Foreign);
                }
            }
            Event::Unsupported { association, signal } => {
                let Some(association) = self.associations.get(&association) else { return };
                match Envelope::decode(&signal) {
                    Ok(envelope) => association.unsupported(&self.node, &envelope.signal),
                    Err(error) => unreachable!("an envelope of our own: {error}"),
                }
            }
            Event::Trust { association, trust } => {
                tracing::debug!(association, "a node is {trust:?}");
                if trust == Trust::Trusted {
                    self.mark(Mark::TrustedAgain);
                }
            }
            Event::Node(NodeNews::Changed(info)) => {
                let NodeInfo { name, incarnation, status, reason, member, .. } = &info;
                tracing::info!(node = %name, incarnation, ?member, "a node is {status:?}: {reason}");
                self.node.node_changed(info);
            }
            Event::Node(NodeNews::Forgotten(peer)) => self.node.node_forgotten(peer),
            Event::Open { association, lane } => {
                self.mark(Mark::LaneOpened);
                self.release(|held| (held.0, held.1) == (association, lane));
            }
            Event::Ended { peer, association, reason } => {
                tracing::debug!(?peer, "an association has ended: {reason}");
                match &reason {
                    EndReason::Replaced => self.mark(Mark::Replaced),
                    EndReason::Silent => self.mark(Mark::Silent),
                    EndReason::Lost => self.mark(Mark::Lost),
                    EndReason::Unreachable => self.mark(Mark::Unreachable),
                    EndReason::Protocol(_) => {
                        tracing::warn!(?peer, "an association has ended: {reason}");
                        self.mark(Mark::Violated);
                    }
                    _ => {}
                }
                if let Some(ended) = self.association(peer, association) {
                    ended.end(&self.node);
                }
                self.associations.remove(&association);
                self.release(|held| held.0 == association);
            }
            Event::Refused { certificate, refusal } => {
                tracing::warn!(%certificate, "a node was refused: {refusal}");
                match refusal {
                    Refusal::Crossed => self.mark(Mark::DialsCrossed),
                    Refusal::Stale => self.mark(Mark::StaleDial),
                    Refusal::Incarnation => self.mark(Mark::PastLife),
                    _ => {}
                }
            }
        }
    }

    fn mark(&self, mark: Mark) {
        self.node.trace_event(&TraceEvent::Sometimes { mark: mark.name() });
    }

    /// The node's half of an association; `None` when the node has a later one.
    fn association(&mut self, peer: NodeId, number: u64) -> Option<Association> {
        if let Some(known) = self.associations.get(&number) {
            return Some(known.clone());
        }
        let line = Line { inner: self.inner.clone(), number };
        let association = self.node.associate(peer, Arc::new(line));
        if association.number() != number {
            return None;
        }
        self.associations.insert(number, association.clone());
        Some(association)
    }

    fn release(&self, which: impl Fn(&(u64, Lane, Pid)) -> bool) {
        let released: Vec<Pid> = {
            let held = &mut self.inner.state.lock().held;
            held.extract_if(.., |held| which(held)).map(|(_, _, pid)| pid).collect()
        };
        for pid in released {
            self.node.release(pid);
        }
    }
}
