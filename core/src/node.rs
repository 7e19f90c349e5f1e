mod options;
mod spawning;
mod spawning_for;
#[cfg(test)]
mod tests;

pub use options::NodeOptions;

use crate::context::Context;
use crate::discard::discard;
use crate::factory::{Factory, ProcessBody, ProcessSpec};
use crate::handle::bounce;
use crate::long_schedule;
use crate::process::{Over, Process};
use crate::registry::{Badarg, Registry};
use crate::remote::{self, Associations, KnownNodes};
use crate::seam::{Envelope, Peers, RandomStream, Seams, Timestamp};
use crate::signal::{Kind, Signal};
use crate::table::ProcessTable;
use crate::timer::Timers;
use crate::trace::{TraceEvent, Tracer};
use crate::{
    Behaviour, CallError, ClusterNames, Destination, ExitReason, Message, Monitored, NodeId, Payload, Pid, Reference,
    RemoteTarget,
};
use parking_lot::{Mutex, RwLock};
use siphasher::sip::SipHasher13;
use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::future::Future;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// One node: a process table, local names and timers, on the seams it was given. Cheap to clone.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// use rusm_core::{ExitReason, Message, Node, NodeOptions, Payload, seam::Seams};
///
/// let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// let greeter = node.spawn(|context| async move {
///     let Message::Plain(payload) = context.receive().await else { return ExitReason::new("unexpected") };
///     let name: String = payload.downcast().unwrap();
///     ExitReason::NORMAL.with_detail(format!("hello, {name}"))
/// });
/// let exit = tokio::spawn({ let node = node.clone(); async move { node.await_exit(greeter).await } });
/// tokio::task::yield_now().await;
/// node.send(greeter, Payload::local("you".to_owned())).unwrap();
/// # let _ = exit.await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    name: String,
    id: NodeId,
    incarnation: u32,
    seams: Seams,
    tracer: Option<Arc<dyn Tracer>>,
    table: ProcessTable,
    registry: Registry,
    timers: Timers,
    peers: OnceLock<Arc<dyn Peers>>,
    associations: Associations,
    nodes: KnownNodes,
    factories: RwLock<BTreeMap<String, Arc<dyn Factory>>>,
    references: AtomicU64,
    random: Mutex<RandomStream>,
    /// Makes the random parts of pids and references: nobody can tell one from others.
    secret: SipHasher13,
    extensions: Mutex<BTreeMap<TypeId, Box<dyn Any + Send + Sync>>>,
}

/// Why nothing was sent to that name.
pub(crate) fn nobody_in_the_cluster(name: &str) -> Badarg {
    Badarg(format!("nobody has the name {name:?} in the cluster, as this node knows it"))
}

/// A node that does not live on for whoever has this.
pub(crate) struct WeakNode(Weak<Inner>);

impl WeakNode {
    pub(crate) fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(Node)
    }
}

/// What is known of a live process: OTP's `process_info`.
#[derive(Clone, Debug)]
pub struct ProcessInfo {
    /// The process.
    pub pid: Pid,
    /// Its registered name.
    pub name: Option<String>,
    /// What it is, for people: a component's name.
    pub label: String,
    /// What it is an instance of.
    pub behaviour: Behaviour,
    /// What it runs: the type of a behaviour's callbacks, or the function that is its body, as the compiler names it.
    pub function: &'static str,
    /// Who spawned it.
    pub parent: Option<Pid>,
    /// Its parent, the parent's parent and so on, up to the first that is dead. Source: OTP `proc_lib`, `'$ancestors'`.
    pub ancestors: Vec<Pid>,
    /// The other ends of its links, sorted.
    pub links: Vec<Pid>,
    /// What its active monitors watch.
    pub monitors: Vec<Monitored>,
    /// How many monitors watch it.
    pub monitored_by: usize,
    /// Whether exit signals become messages.
    pub trap_exit: bool,
    /// Messages in the mailbox and signals that it has not handled yet.
    pub mailbox_len: usize,
    /// Bytes that it holds, as far as is known: what the runtime keeps for it, and what its host says (of a component, its
    /// memory). What native code has allocated, and what messages point to, is not in it.
    pub memory_bytes: u64,
    /// When it was spawned.
    pub started_at: Timestamp,
    /// `running` while its task is being polled, `hibernating` in [`Context::hibernate`], `waiting` otherwise.
    pub status: &'static str,
}

impl Node {
    /// Starts a node. It stops when nothing refers to it any more.
    pub fn start(options: NodeOptions) -> Self {
        let NodeOptions { name, incarnation, seams, tracer, long_schedule } = options;
        let id = NodeId::of_name(&name);
        let mut random = seams.entropy.stream("core");
        let secret = SipHasher13::new_with_keys(random.next_u64(), random.next_u64());
        let node = Self(Arc::new(Inner {
            name,
            id,
            incarnation,
            seams,
            tracer,
            table: ProcessTable::new(id, incarnation),
            registry: Registry::default(),
            timers: Timers::default(),
            peers: OnceLock::new(),
            associations: Associations::default(),
            nodes: KnownNodes::default(),
            factories: RwLock::default(),
            references: AtomicU64::new(1),
            random: Mutex::new(random),
            secret,
            extensions: Mutex::default(),
        }));
        if let Some(limit) = long_schedule {
            let watch = long_schedule::watch(WeakNode(Arc::downgrade(&node.0)), limit);
            node.seams().executor.spawn(Box::pin(watch));
        }
        node
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The node's number.
    pub fn id(&self) -> NodeId {
        self.0.id
    }

    /// Which life of this node.
    pub fn incarnation(&self) -> u32 {
        self.0.incarnation
    }

    /// What it runs on.
    pub fn seams(&self) -> &Seams {
        &self.0.seams
    }

    pub(crate) fn table(&self) -> &ProcessTable {
        &self.0.table
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub(crate) fn timers(&self) -> &Timers {
        &self.0.timers
    }

    pub(crate) fn associations(&self) -> &Associations {
        &self.0.associations
    }

    pub(crate) fn nodes_table(&self) -> &KnownNodes {
        &self.0.nodes
    }

    pub(crate) fn peers(&self) -> Option<&Arc<dyn Peers>> {
        self.0.peers.get()
    }

    /// Makes processes of other nodes reachable: OTP's start of the distribution. Once; false when it was done before, and
    /// then nothing has changed.
    pub fn set_peers(&self, peers: Arc<dyn Peers>) -> bool {
        self.0.peers.set(peers).is_ok()
    }

    /// The event is only made when somebody watches.
    pub(crate) fn trace<'a>(&self, event: impl FnOnce() -> TraceEvent<'a>) {
        if let Some(tracer) = &self.0.tracer {
            tracer.event(self, &event());
        }
    }

    /// Hands an event of a host or a behaviour to the tracer.
    pub fn trace_event(&self, event: &TraceEvent<'_>) {
        if let Some(tracer) = &self.0.tracer {
            tracer.event(self, event);
        }
    }

    /// What somebody above the core keeps for this node: one value of each type, made at first use, gone with the node.
    /// `make` may not ask for an extension itself.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self, make: impl FnOnce(&Self) -> T) -> T {
        let mut extensions = self.0.extensions.lock();
        let value = extensions.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(make(self)));
        value.downcast_ref::<T>().expect("an extension is kept under its own type").clone()
    }

    /// A random number from this node's own stream.
    pub fn random(&self) -> u64 {
        self.0.random.lock().next_u64()
    }

    /// The random part of the pid or reference of that number: 53 bits, so that a guest whose numbers are floats
    /// (JavaScript) hands it back unchanged.
    fn unguessable(&self, of: &'static str, number: u64) -> u64 {
        let mut hasher = self.0.secret;
        hasher.write(of.as_bytes());
        hasher.write_u64(number);
        hasher.finish() >> 11
    }

    /// A unique reference whose alias messages go to the process in slot `index`.
    pub(crate) fn reference(&self, index: u32) -> Reference {
        let serial = self.0.references.fetch_add(1, Ordering::Relaxed);
        let random = self.unguessable("reference", serial);
        Reference { node: self.0.id, incarnation: self.0.incarnation, index, serial, random }
    }

    /// In whose name the outside of all processes acts. Nobody can be reached by it.
    pub fn outside(&self) -> Pid {
        Pid { node: self.0.id, incarnation: self.0.incarnation, index: u32::MAX, serial: 0, random: 0 }
    }

    /// Sends a message from outside. Sending to the dead is no error.
    ///
    /// # Errors
    /// Nobody has that name.
    pub fn send(&self, to: impl Into<Destination>, payload: impl Into<Payload>) -> Result<(), Badarg> {
        self.send_from(self.outside(), to.into(), payload.into())
    }

    pub(crate) fn send_from(&self, from: Pid, to: Destination, payload: Payload) -> Result<(), Badarg> {
        if self.other_node(&to).is_some() {
            remote::check_message(self, &payload)?;
        }
        match to {
            Destination::Pid(pid) => self.signal(from, pid, Signal(Kind::Message(Message::Plain(payload)))),
            Destination::NameAt { name, node } if node == self.0.id => {
                // As to a name of another node: that nobody has it is no error.
                match self.whereis(&name) {
                    Some(pid) => self.signal(from, pid, Signal(Kind::Message(Message::Plain(payload)))),
                    None => discard(payload),
                }
            }
            Destination::NameAt { name, node } => {
                self.signal_name(from, &name, node, Signal(Kind::Message(Message::Plain(payload))));
            }
            Destination::Name(name) => {
                let Some(pid) = self.whereis(&name) else {
                    discard(payload);
                    return Err(Badarg(format!("nobody has the name {name:?}")));
                };
                self.signal(from, pid, Signal(Kind::Message(Message::Plain(payload))));
            }
            Destination::ClusterName(name) => {
                let Some(pid) = ClusterNames::whereis(self, &name) else {
                    discard(payload);
                    return Err(nobody_in_the_cluster(&name));
                };
                self.signal(from, pid, Signal(Kind::Message(Message::Plain(payload))));
            }
            Destination::Alias(alias) if alias.node != self.0.id => {
                self.signal(from, Pid::somebody_of(alias.node), Signal(Kind::Alias { alias, payload }));
            }
            Destination::Alias(alias) => match self.alias_owner(alias) {
                Some(owner) => self.signal(from, owner, Signal(Kind::Alias { alias, payload })),
                None => discard(payload),
            },
        }
        Ok(())
    }

    /// The process in whose slot the alias was made. A later one in that slot does not know the alias.
    pub(crate) fn alias_owner(&self, alias: Reference) -> Option<Pid> {
        let here = alias.node == self.0.id && alias.incarnation == self.0.incarnation;
        here.then(|| self.0.table.pid_at(alias.index)).flatten()
    }

    /// The other node that it is on.
    pub(crate) fn other_node(&self, to: &Destination) -> Option<NodeId> {
        let node = match to {
            Destination::Pid(pid) => pid.node,
            Destination::Alias(alias) => alias.node,
            Destination::NameAt { node, .. } => *node,
            Destination::ClusterName(name) => ClusterNames::whereis(self, name)?.node,
            Destination::Name(_) => return None,
        };
        (node != self.0.id).then_some(node)
    }

    /// Sends a signal to whoever has that name on another node when it arrives.
    pub(crate) fn signal_name(&self, from: Pid, name: &str, node: NodeId, signal: Signal) {
        let to = Pid::somebody_of(node);
        self.trace(|| TraceEvent::Sent { from, to, kind: signal.kind() });
        remote::send(self, from, to, Some(RemoteTarget::Name(name.to_owned())), signal);
    }

    /// Sends an exit signal from outside: OTP's `exit/2`.
    pub fn exit_signal(&self, to: Pid, reason: ExitReason) {
        self.signal(self.outside(), to, Signal(Kind::Exit { reason, linked: None }));
    }

    /// Calls from outside. See [`Context::call`].
    ///
    /// # Errors
    /// As [`Context::call`].
    pub async fn call(
        &self,
        to: impl Into<Destination>,
        payload: impl Into<Payload>,
        timeout: Duration,
    ) -> Result<Payload, CallError> {
        let (to, payload) = (to.into(), payload.into());
        let answer = self.inside(move |context| async move { context.call(to, payload, timeout).await }).await;
        answer.unwrap_or_else(|| Err(CallError::Down(ExitReason::new("system_limit"))))
    }

    /// Waits until the process has ended and says why; `noproc` when there is none.
    pub async fn await_exit(&self, pid: Pid) -> ExitReason {
        let reason = self
            .inside(move |context| async move {
                let monitor = context.monitor(pid);
                let down =
                    context.receive_match(|m| matches!(m, Message::Down { monitor: of, .. } if *of == monitor)).await;
                match down {
                    Message::Down { reason, .. } => reason,
                    other => unreachable!("receive_match gave what it was not asked for: {other:?}"),
                }
            })
            .await;
        reason.unwrap_or(ExitReason::NOPROC)
    }

    /// Runs something that only a process can do in a process of its own; `None` when that one was killed.
    pub(crate) async fn inside<F, Fut, T>(&self, job: F) -> Option<T>
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.spawn(move |context| async move {
            // Nobody waits any more when the caller was dropped: then the answer has no reader.
            let _ = answer.send(job(context).await);
        });
        answered.await.ok()
    }

    /// Whoever has that local name.
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.0.registry.whereis(name)
    }

    /// Gives a process of this node a name. See [`Context::register`].
    ///
    /// # Errors
    /// The name is in use, or the process is dead or has another one.
    pub fn register(&self, name: &str, pid: Pid) -> Result<(), Badarg> {
        let alive = || self.0.table.living(pid).is_some_and(|process| process.note());
        self.0.registry.register(name, pid, alive)?;
        self.trace(|| TraceEvent::Registered { name, pid });
        Ok(())
    }

    /// Takes a name away. See [`Context::unregister`].
    ///
    /// # Errors
    /// Nobody has that name.
    pub fn unregister(&self, name: &str) -> Result<(), Badarg> {
        let pid = self.0.registry.unregister(name)?;
        self.trace(|| TraceEvent::Unregistered { name, pid });
        Ok(())
    }

    /// All live processes, by index.
    pub fn processes(&self) -> Vec<Pid> {
        self.0.table.pids()
    }

    /// How many processes live.
    pub fn process_count(&self) -> usize {
        self.0.table.len()
    }

    /// What is known of a live process of this node.
    pub fn process_info(&self, pid: Pid) -> Option<ProcessInfo> {
        let process = self.0.table.living(pid)?;
        let name = self.0.registry.name_of(pid);
        let ancestors = self.ancestors(&process);
        let (signals, signals_room) = self.0.table.queue_size(pid);
        let queue_bytes = signals_room * size_of::<(Pid, Signal)>();
        let memory_bytes = process.host_bytes() + process.runtime_bytes() + queue_bytes as u64;
        let state = process.state.lock();
        Some(ProcessInfo {
            pid,
            name,
            label: state.label.clone(),
            behaviour: state.behaviour,
            function: state.function,
            parent: process.parent,
            ancestors,
            links: state.links.iter().filter(|(_, link)| link.is_active()).map(|(pid, _)| *pid).collect(),
            monitors: state.monitors.iter().map(|(_, monitor)| monitor.object()).collect(),
            monitored_by: state.monitored_by.len(),
            trap_exit: state.trap_exit,
            mailbox_len: state.mailbox.len() + signals,
            memory_bytes,
            started_at: process.started_at,
            status: match process.turn() {
                Some(_) => "running",
                None if state.hibernating => "hibernating",
                None => "waiting",
            },
        })
    }

    fn ancestors(&self, process: &Process) -> Vec<Pid> {
        let parent_of = |pid: &Pid| self.0.table.living(*pid).and_then(|process| process.parent);
        std::iter::successors(process.parent, parent_of).collect()
    }

    /// Makes processes of that kind startable here, from a [`ProcessSpec`]. A second registration replaces the first.
    pub fn register_factory(&self, kind: &str, factory: Arc<dyn Factory>) {
        self.0.factories.write().insert(kind.to_owned(), factory);
    }

    /// The body of a new process of that spec.
    ///
    /// # Errors
    /// `undef` when no factory knows the kind; otherwise what the factory says.
    pub fn body_of(&self, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason> {
        let factory = self.0.factories.read().get(&spec.kind).cloned();
        let factory = factory.ok_or_else(|| {
            ExitReason::new("undef").with_detail(format!("no factory for processes of kind {:?}", spec.kind))
        })?;
        factory.body(self, spec)
    }

    /// Sends a signal through the delivery seam, or straight to its receiver. What a process sends itself has arrived
    /// at once.
    pub(crate) fn signal(&self, from: Pid, to: Pid, signal: Signal) {
        self.signal_over(from, to, signal);
    }

    /// The same; returns which association it crosses.
    pub(crate) fn signal_over(&self, from: Pid, to: Pid, signal: Signal) -> Over {
        self.trace(|| TraceEvent::Sent { from, to, kind: signal.kind() });
        if to.node != self.0.id {
            return remote::send(self, from, to, None, signal);
        }
        match &self.0.seams.delivery {
            Some(delivery) if from != to => delivery.send(self, Envelope { from, to, signal }),
            Some(_) | None => self.arrive(from, to, signal),
        }
        Over::NONE
    }

    /// Puts a signal into its receiver's queue. Only implementations of [`Delivery`](crate::seam::Delivery) call it.
    pub fn deliver(&self, envelope: Envelope) {
        let Envelope { from, to, signal } = envelope;
        self.arrive(from, to, signal);
    }

    fn arrive(&self, from: Pid, to: Pid, signal: Signal) {
        if let Some(signal) = self.push(from, to, signal) {
            bounce(self, to, from, signal, &ExitReason::NOPROC);
        }
    }

    /// Puts a signal into its receiver's queue; gives it back when there is no such process.
    pub(crate) fn push(&self, from: Pid, to: Pid, signal: Signal) -> Option<Signal> {
        self.0.table.push(to, from, signal)
    }

    /// The next turn of a process waits until it is [released](Self::release): it has sent more than can go out.
    pub(crate) fn hold(&self, pid: Pid) {
        if let Some(process) = self.0.table.living(pid) {
            process.hold();
        }
    }

    /// Lets a process go on that was held because it had sent too much to another node.
    ///
    /// Only implementations of [`Peers`](crate::seam::Peers) call it.
    pub fn release(&self, pid: Pid) {
        if let Some(process) = self.0.table.living(pid) {
            process.release();
            self.0.table.wake(pid);
        }
    }
}
