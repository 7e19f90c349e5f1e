mod remote_spawning;
mod spawning;
mod timers;

pub use remote_spawning::SpawnReply;
pub use timers::TimerFired;

use crate::handle::handle_signals;
use crate::node::nobody_in_the_cluster;
use crate::process::{AliasMode, Answer, Link, Monitor, Over, Process};
use crate::receive::{AwaitAnswer, Receive};
use crate::registry::Badarg;
use crate::remote::check_message;
use crate::seam::Timestamp;
use crate::signal::{Kind, Signal};
use crate::{
    Caller, ClusterNames, Destination, ExitReason, Message, Monitored, Node, NodeId, Payload, Pid, ProcessInfo,
    Reference,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nobody has that name. Nothing was sent.
    #[error(transparent)]
    Badarg(#[from] Badarg),
    /// No answer in time; a late one never arrives.
    #[error("no answer in time")]
    Timeout,
    /// The called process ended before it answered; `noproc` when there was none.
    #[error("the called process ended: {0}")]
    Down(ExitReason),
    /// A process cannot answer itself while it waits. Nothing was sent.
    #[error("a process called itself")]
    CallingSelf,
}

/// What a process has of the runtime: everything it does goes through here. Only its own process has it.
///
/// A signal wakes the process's task, and the task polls its body: await what waits for messages in the body itself or
/// through `join!` and `select!`, not in a `FuturesUnordered` or another executor, which only polls what it woke.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, seam::Seams};
/// use rusm_core::{Message, Payload};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// let me = context.pid();
/// let child = context.spawn(move |child| async move {
///     child.send(me, Payload::local(2u8)).unwrap();
///     child.send(me, Payload::local(1u8)).unwrap();
/// });
/// // Selective: what does not match stays where it is.
/// let is_one = |message: &Message| matches!(message, Message::Plain(one) if one.downcast_ref() == Some(&1u8));
/// context.receive_match(is_one).await;
/// let Some(Message::Plain(two)) = context.try_receive(|_| true) else { panic!("it has come before") };
/// assert_eq!(two.downcast::<u8>().unwrap(), 2);
/// let nothing = context.receive_timeout(std::time::Duration::from_millis(1), |_| true).await;
/// assert!(nothing.is_none());
/// assert!(!context.is_alive(child).await);
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
pub struct Context {
    node: Node,
    process: Arc<Process>,
    /// In nanoseconds. Only this process's own task looks at it.
    deadline: AtomicU64,
}

const NO_DEADLINE: u64 = u64::MAX;

impl Context {
    pub(crate) fn new(node: Node, process: Arc<Process>) -> Self {
        Self { node, process, deadline: AtomicU64::new(NO_DEADLINE) }
    }

    /// This process.
    pub fn pid(&self) -> Pid {
        self.process.pid
    }

    /// The node it lives on.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Who spawned it.
    pub fn parent(&self) -> Option<Pid> {
        self.process.parent
    }

    /// What time it is on this node.
    pub fn now(&self) -> Timestamp {
        self.node.seams().clock.now()
    }

    /// Waits; signals are handled meanwhile.
    pub async fn sleep(&self, duration: Duration) {
        self.node.seams().clock.sleep_until(self.now() + duration).await;
    }

    /// A random number.
    pub fn random(&self) -> u64 {
        self.node.random()
    }

    /// A new unique reference.
    pub fn make_reference(&self) -> Reference {
        self.node.reference(self.pid().index)
    }

    fn signal(&self, to: Pid, kind: Kind) {
        self.node.signal(self.pid(), to, Signal(kind));
    }

    fn signal_all(&self, outgoing: Vec<(Pid, Kind)>) {
        for (to, kind) in outgoing {
            self.signal(to, kind);
        }
    }

    /// Sends a message. Never waits; sending to the dead or to an inactive alias is no error.
    ///
    /// # Errors
    /// Nobody has that name: nothing was sent.
    pub fn send(&self, to: impl Into<Destination>, payload: impl Into<Payload>) -> Result<(), Badarg> {
        self.node.send_from(self.pid(), to.into(), payload.into())
    }

    /// The next message, in arrival order.
    pub async fn receive(&self) -> Message {
        self.receive_match(|_| true).await
    }

    /// The first message that matches, in arrival order; the others stay.
    pub async fn receive_match(&self, matches: impl FnMut(&Message) -> bool) -> Message {
        self.receive_from(0, None, matches).await.unwrap_or_else(|| unreachable!("there is no deadline"))
    }

    /// The same, for at most so long; [`Duration::MAX`] is OTP's `infinity`.
    pub async fn receive_timeout(&self, timeout: Duration, matches: impl FnMut(&Message) -> bool) -> Option<Message> {
        self.receive_from(0, Some(timeout), matches).await
    }

    /// Waits for the next message, for long: what an idle process can do without is given back first, and the process is
    /// shown as `hibernating`. Nothing else is different from [`receive`](Self::receive). Source: OTP `proc_lib:hibernate/3`.
    ///
    /// ```
    /// # use rusm_core::{Node, NodeOptions, Payload, seam::Seams};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// let idle = context.spawn(|context| async move { drop(context.hibernate().await) });
    /// while context.process_info(idle).await.is_some_and(|info| info.status != "hibernating") {}
    /// context.send(idle, Payload::local("wake up")).unwrap();
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub async fn hibernate(&self) -> Message {
        self.process.give_memory_back();
        self.node.table().shrink_queue(self.pid());
        self.process.state.lock().hibernating = true;
        let message = self.receive().await;
        self.process.state.lock().hibernating = false;
        message
    }

    /// Where a receive begins that can only match what arrives from now on: OTP's receive marker.
    pub(crate) fn marker(&self) -> u64 {
        self.process.state.lock().mailbox.marker()
    }

    /// A receive that does not look at what was in the mailbox when the marker was made.
    pub(crate) fn receive_from<F: FnMut(&Message) -> bool>(
        &self,
        marker: u64,
        timeout: Option<Duration>,
        matches: F,
    ) -> Receive<'_, F> {
        Receive::new(&self.node, &self.process, marker, timeout, matches)
    }

    /// The first message that matches, if one is there: OTP's `receive ... after 0`.
    pub fn try_receive(&self, matches: impl FnMut(&Message) -> bool) -> Option<Message> {
        handle_signals(&self.node, &self.process);
        if self.process.is_exiting() {
            return None;
        }
        if self.process.has_read_all() {
            return None;
        }
        let mut state = self.process.state.lock();
        let taken = state.mailbox.take(&mut 0, matches);
        self.process.set_unread(state.mailbox.len());
        taken
    }

    /// Sends a request and waits for the reply, with [`Duration::MAX`] for as long as it takes. The reply is found at
    /// once however full the mailbox is, and one that comes too late is dropped. Source: OTP `gen_server:call/3`, with an alias of mode `reply`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(
        &self,
        to: impl Into<Destination>,
        payload: impl Into<Payload>,
        timeout: Duration,
    ) -> Result<Payload, CallError> {
        let (call, marker) = self.start_call(to.into(), payload.into())?;
        let waiting = WaitingCall { context: self, call };
        let timeout = self.deadline().map_or(timeout, |deadline| timeout.min(deadline.since(self.now())));
        let received = self.receive_from(marker, Some(timeout), |message| is_answer(call, message)).await;
        // One that came in the last moment counts.
        let received = received.or_else(|| self.end_call(call));
        // Nothing is left to clean up, and to look for an answer again would cost a walk through the mailbox.
        std::mem::forget(waiting);
        match received {
            Some(Message::Reply { payload, .. }) => Ok(payload),
            Some(Message::Down { reason, .. }) => Err(CallError::Down(reason)),
            Some(other) => unreachable!("a call received what it did not ask for: {other:?}"),
            None => Err(CallError::Timeout),
        }
    }

    /// Sends a request, with a monitor whose alias takes the reply: the first half of a call. Also returns the marker that
    /// the answer lies behind.
    pub(crate) fn start_call(&self, to: Destination, payload: Payload) -> Result<(Reference, u64), CallError> {
        if self.node.other_node(&to).is_some() {
            check_message(&self.node, &payload)?;
        }
        let target = match &to {
            Destination::Pid(pid) => *pid,
            Destination::Name(name) => {
                self.whereis(name).ok_or_else(|| Badarg(format!("nobody has the name {name:?}")))?
            }
            Destination::ClusterName(name) => {
                ClusterNames::whereis(&self.node, name).ok_or_else(|| nobody_in_the_cluster(name))?
            }
            Destination::NameAt { name, node } => {
                let marker = self.marker();
                return Ok((self.start_call_at(name, *node, payload), marker));
            }
            Destination::Alias(alias) => {
                return Err(CallError::Badarg(Badarg(format!("{alias} is an alias: only a process can be called"))));
            }
        };
        if target == self.pid() {
            return Err(CallError::CallingSelf);
        }
        let object = match to {
            Destination::Name(name) => Monitored::Name(name),
            Destination::ClusterName(name) => Monitored::ClusterName(name),
            Destination::Pid(_) | Destination::NameAt { .. } | Destination::Alias(_) => Monitored::Pid(target),
        };
        let call = self.make_reference();
        let marker = {
            let mut state = self.process.state.lock();
            state.aliases.insert(call, AliasMode::Reply);
            state.monitors.insert(call, Monitor::new(object, Some(target)));
            state.mailbox.marker()
        };
        let from = Caller { pid: self.pid(), reference: call };
        if target.node == self.node.id() {
            self.signal(target, Kind::Call { from, payload });
        } else {
            self.signal(target, Kind::Monitor { monitor: call });
            self.signal(target, Kind::Message(Message::Call { from, payload }));
        }
        Ok((call, marker))
    }

    /// A call of whoever has that name on that node: when nobody has, the monitor says so.
    fn start_call_at(&self, name: &str, node: NodeId, payload: Payload) -> Reference {
        let object = Monitored::NameAt { name: name.to_owned(), node };
        let call = self.monitor_with(object, Some(AliasMode::Reply));
        let from = Caller { pid: self.pid(), reference: call };
        let request = Signal(Kind::Message(Message::Call { from, payload }));
        if node != self.node.id() {
            self.node.signal_name(self.pid(), name, node, request);
        } else if let Some(pid) = self.whereis(name) {
            self.node.signal(self.pid(), pid, request);
        }
        call
    }

    /// Ends a call: no answer arrives from now on; one that has arrived is returned.
    pub(crate) fn end_call(&self, call: Reference) -> Option<Message> {
        self.demonitor(call);
        self.try_receive(|message| is_answer(call, message))
    }

    /// Until when the answer is wanted that this process works on: that of a [`call_until`](crate::BehaviourRef::call_until)
    /// while a callback serves it. No [`call`](Self::call) of this process waits longer.
    pub fn deadline(&self) -> Option<Timestamp> {
        let nanos = self.deadline.load(Ordering::Relaxed);
        (nanos != NO_DEADLINE).then_some(Timestamp::from_nanos(nanos))
    }

    /// Sets or ends the [`deadline`](Self::deadline) of this process: for work that it took over from another.
    ///
    /// ```
    /// # use rusm_core::{CallError, Node, NodeOptions, Payload, seam::Seams};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// # use std::time::Duration;
    /// let deaf = context.spawn(|context| async move { drop(context.receive_match(|_| false).await) });
    /// context.set_deadline(Some(context.now() + Duration::from_millis(1)));
    /// let answer = context.call(deaf, Payload::local(()), Duration::MAX).await;
    /// assert_eq!(answer.err(), Some(CallError::Timeout));
    /// assert!(context.deadline().is_some_and(|deadline| deadline <= context.now()));
    /// context.set_deadline(None);
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub fn set_deadline(&self, deadline: Option<Timestamp>) {
        self.deadline.store(deadline.map_or(NO_DEADLINE, Timestamp::as_nanos), Ordering::Relaxed);
    }

    /// Answers a call; dropped when the caller no longer waits.
    pub fn reply(&self, to: Caller, payload: impl Into<Payload>) {
        let call = to.reference;
        let demonitored = self.process.state.lock().end_call_monitor(call);
        self.signal(to.pid, Kind::Reply { call, payload: payload.into(), demonitored });
    }

    /// Links this process and another: when one ends, the other gets an exit signal. Linking twice is one link, linking
    /// to oneself none; the dead answer with the exit signal `noproc`.
    /// Divergence: OTP raises `noproc` in a local caller that does not trap exits; here it dies of the signal.
    pub fn link(&self, pid: Pid) {
        if pid == self.pid() {
            return;
        }
        handle_signals(&self.node, &self.process);
        {
            let links = &mut self.process.state.lock().links;
            if links.get(&pid).is_some_and(|link| link.is_active()) {
                return;
            }
            links.insert(pid, Link::Active(Over::NONE));
        }
        let over = self.node.signal_over(self.pid(), pid, Signal(Kind::Link { over: Over::NONE }));
        if over != Over::NONE {
            // An older association may have ended a moment ago: what comes of that is not about this link.
            self.process.state.lock().links.insert(pid, Link::Active(over));
        }
    }

    /// Takes a link away: no exit signal of it arrives from now on. An EXIT that lies in the mailbox already stays.
    ///
    /// ```
    /// # use rusm_core::{ExitReason, Node, NodeOptions, seam::Seams};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// let child = context.spawn(|context| async move { drop(context.receive().await) });
    /// context.link(child);
    /// context.unlink(child);
    /// context.exit_signal(child, ExitReason::KILL); // This process hears nothing of it.
    /// assert!(!context.is_alive(child).await);
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub fn unlink(&self, pid: Pid) {
        handle_signals(&self.node, &self.process);
        let id = {
            let mut state = self.process.state.lock();
            if !state.links.get(&pid).is_some_and(|link| link.is_active()) {
                return;
            }
            let id = self.node.reference(self.pid().index).serial;
            state.links.insert(pid, Link::Unlinking { id, over: Over::NONE });
            id
        };
        let over = self.node.signal_over(self.pid(), pid, Signal(Kind::Unlink { id, over: Over::NONE }));
        if over != Over::NONE {
            self.process.state.lock().links.insert(pid, Link::Unlinking { id, over });
        }
    }

    /// Watches a process: one `Down` message when it ends, `noproc` when it is dead or nobody has the name. By name it
    /// watches the process that has the name now. Of oneself there is a reference and no monitor.
    pub fn monitor(&self, object: impl Into<Monitored>) -> Reference {
        self.monitor_with(object.into(), None)
    }

    /// The same, with the reference as an alias of this process. Source: OTP `erlang:monitor/3`.
    ///
    /// ```
    /// # use rusm_core::{Node, NodeOptions, seam::Seams};
    /// use rusm_core::{AliasMode, Destination, Message, Payload, Reference};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// let server = context.spawn(|server| async move {
    ///     let Message::Plain(request) = server.receive().await else { panic!("not a request") };
    ///     let from: Reference = request.downcast().unwrap();
    ///     server.send(Destination::Alias(from), Payload::local("the answer")).unwrap();
    /// });
    /// let request = context.monitor_alias(server, AliasMode::Reply);
    /// context.send(server, Payload::local(request)).unwrap();
    /// assert!(matches!(context.receive().await, Message::Plain(_)));
    /// // The answer has ended the alias, and the monitor with it.
    /// assert!(!context.demonitor_flush(request));
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub fn monitor_alias(&self, object: impl Into<Monitored>, mode: AliasMode) -> Reference {
        self.monitor_with(object.into(), Some(mode))
    }

    fn monitor_with(&self, object: Monitored, alias: Option<AliasMode>) -> Reference {
        let target = match &object {
            Monitored::Pid(pid) => Some(*pid),
            Monitored::Name(name) => self.whereis(name),
            Monitored::NameAt { name, node } if *node == self.node.id() => self.whereis(name),
            Monitored::NameAt { node, .. } => Some(Pid::somebody_of(*node)),
            Monitored::ClusterName(name) => ClusterNames::whereis(&self.node, name),
        };
        self.monitor_target(object, target, alias)
    }

    fn monitor_target(&self, object: Monitored, target: Option<Pid>, alias: Option<AliasMode>) -> Reference {
        let monitor = self.make_reference();
        // A name that only the other node can look up.
        let elsewhere = match &object {
            Monitored::NameAt { name, node } if *node != self.node.id() => Some(name.clone()),
            _ => None,
        };
        {
            let mut state = self.process.state.lock();
            if let Some(mode) = alias {
                state.aliases.insert(monitor, mode);
            }
            if target == Some(self.pid()) {
                return monitor;
            }
            state.monitors.insert(monitor, Monitor::new(object, target));
        }
        match target {
            Some(target) => match elsewhere {
                Some(name) => self.node.signal_name(self.pid(), &name, target.node, Signal(Kind::Monitor { monitor })),
                None => self.signal(target, Kind::Monitor { monitor }),
            },
            None => self.signal(self.pid(), Kind::Down { monitor, reason: ExitReason::NOPROC }),
        }
        monitor
    }

    /// Ends a monitor: no `Down` arrives from now on; one in the mailbox stays. True when it was active.
    pub fn demonitor(&self, monitor: Reference) -> bool {
        handle_signals(&self.node, &self.process);
        let mut outgoing = Vec::new();
        let active = self.process.state.lock().demonitor(monitor, &mut outgoing);
        self.signal_all(outgoing);
        active
    }

    /// The same, and takes its `Down` out of the mailbox if it is there.
    pub fn demonitor_flush(&self, monitor: Reference) -> bool {
        let active = self.demonitor(monitor);
        self.try_receive(|message| matches!(message, Message::Down { monitor: of, .. } if *of == monitor));
        active
    }

    /// A new alias of this process: active until [`unalias`](Self::unalias).
    ///
    /// ```
    /// # use rusm_core::{Node, NodeOptions, seam::Seams};
    /// use rusm_core::{Destination, Payload};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// let alias = context.alias();
    /// context.send(Destination::Alias(alias), Payload::local("arrives")).unwrap();
    /// context.receive().await;
    /// assert!(context.unalias(alias));
    /// context.send(Destination::Alias(alias), Payload::local("does not arrive")).unwrap();
    /// assert!(context.try_receive(|_| true).is_none());
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub fn alias(&self) -> Reference {
        let alias = self.make_reference();
        self.process.state.lock().aliases.insert(alias, AliasMode::Explicit);
        alias
    }

    /// Makes an alias inactive; its monitor stays. False when it was not active, or is not this process's.
    pub fn unalias(&self, alias: Reference) -> bool {
        handle_signals(&self.node, &self.process);
        self.process.state.lock().aliases.remove(&alias).is_some()
    }

    /// Sends an exit signal: OTP's `exit/2`. `kill` cannot be trapped; `normal` does nothing to another process that
    /// does not trap exits. To oneself it ends, unless trapped, with what `self` awaits next.
    pub fn exit_signal(&self, to: Pid, reason: ExitReason) {
        self.signal(to, Kind::Exit { reason, linked: None });
        if to == self.pid() {
            handle_signals(&self.node, &self.process);
        }
    }

    /// Ends this process: OTP's `exit/1`. Does not return.
    pub async fn exit(&self, reason: ExitReason) -> Infallible {
        self.process.state.lock().exit.get_or_insert(reason);
        self.process.set_exiting();
        std::future::pending().await
    }

    /// Whether exit signals become messages. Returns what it was. Default false.
    pub fn trap_exit(&self, on: bool) -> bool {
        handle_signals(&self.node, &self.process);
        std::mem::replace(&mut self.process.state.lock().trap_exit, on)
    }

    /// Gives a process of this node a name.
    ///
    /// # Errors
    /// The name is in use, or the process is dead or has another one.
    pub fn register(&self, name: &str, pid: Pid) -> Result<(), Badarg> {
        self.node.register(name, pid)
    }

    /// Takes a name away.
    ///
    /// # Errors
    /// Nobody has that name.
    pub fn unregister(&self, name: &str) -> Result<(), Badarg> {
        self.node.unregister(name)
    }

    /// Whoever has that name on this node.
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.node.whereis(name)
    }

    /// Whether a process lives. The question goes behind the signals that this process has sent it. Of a process of another
    /// node also false when that node cannot be reached: a [`monitor`](Self::monitor) tells which.
    /// Divergence: OTP's `is_process_alive/1` only takes processes of its own node.
    pub async fn is_alive(&self, pid: Pid) -> bool {
        if pid == self.pid() {
            return true;
        }
        let request = self.ask();
        self.signal(pid, Kind::Alive { request });
        matches!(self.answer_to(request).await, Answer::Alive(true))
    }

    /// What is known of a process of this node, or `None` when it is dead. The question goes behind the signals that
    /// this process has sent it. Source: OTP `erlang:process_info/2`.
    pub async fn process_info(&self, pid: Pid) -> Option<ProcessInfo> {
        self.is_alive(pid).await.then(|| self.node.process_info(pid)).flatten()
    }

    fn ask(&self) -> Reference {
        let request = self.make_reference();
        self.process.state.lock().answers.insert(request, Answer::Waiting);
        request
    }

    fn answer_to(&self, request: Reference) -> AwaitAnswer<'_> {
        AwaitAnswer { node: &self.node, process: &self.process, request }
    }

    /// What this process is, for people.
    pub fn set_label(&self, label: impl Into<String>) {
        self.process.state.lock().label = label.into();
    }

    /// Where the host of this process writes how many bytes it holds, for `process_info`.
    pub fn memory_gauge(&self) -> Arc<AtomicU64> {
        self.process.memory_gauge()
    }
}

/// A call that waits. Dropped while it does, as when somebody else was faster in a `select!`, it leaves nothing behind: no
/// monitor, no alias, no answer in the mailbox.
struct WaitingCall<'a> {
    context: &'a Context,
    call: Reference,
}

impl Drop for WaitingCall<'_> {
    fn drop(&mut self) {
        drop(self.context.end_call(self.call));
    }
}

fn is_answer(call: Reference, message: &Message) -> bool {
    match message {
        Message::Reply { reference, .. } => *reference == call,
        Message::Down { monitor, .. } => *monitor == call,
        Message::Plain(_) | Message::Call { .. } | Message::Exit { .. } => false,
    }
}

impl From<Pid> for Monitored {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

impl From<&str> for Monitored {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeOptions;
    use crate::seam::Seams;

    #[test]
    fn a_calls_answer_is_looked_for_behind_what_lay_there_before() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let markers = runtime.block_on(async {
            let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
            let deaf = node.spawn(|context| async move { drop(context.receive_match(|_| false).await) });
            node.register("deaf", deaf).expect("a free name");
            let by_name = Destination::NameAt { name: "deaf".to_owned(), node: node.id() };
            let markers = node.inside(move |context| async move {
                for _ in 0..1000 {
                    context.send(context.pid(), Payload::local(())).expect("a pid");
                }
                context.try_receive(|_| false);
                let call = |to| context.start_call(to, Payload::local(())).expect("it can be called").1;
                [call(deaf.into()), call(by_name)]
            });
            markers.await
        });
        assert_eq!(markers, Some([1000, 1000]));
    }

    /// In a process, on one thread.
    fn inside<Fut>(body: impl FnOnce(Context) -> Fut + Send + 'static)
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let done = runtime.block_on(async {
            Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir()))).inside(body).await
        });
        assert_eq!(done, Some(()));
    }

    #[test]
    fn random_numbers_are_of_all_bits_and_differ() {
        inside(|context| async move {
            let numbers: Vec<u64> = (0..64).map(|_| context.random()).collect();
            let (all, any) = numbers.iter().fold((u64::MAX, 0), |(all, any), number| (all & number, any | number));
            assert_eq!((all, any), (0, u64::MAX));
        });
    }

    #[test]
    fn a_monitor_by_a_name_at_ones_own_node_watches_whoever_has_it() {
        inside(|context| async move {
            let watched = context.spawn(|context| async move { drop(context.receive().await) });
            context.register("watched", watched).expect("a free name");
            let object = Monitored::NameAt { name: "watched".to_owned(), node: context.node().id() };
            let monitor = context.monitor(object.clone());
            context.exit_signal(watched, ExitReason::new("boom"));
            let Message::Down { monitor: of, object: what, reason } = context.receive().await else {
                panic!("not a down")
            };
            assert_eq!((of, what, reason), (monitor, object, ExitReason::new("boom")));
        });
    }
}
