//! How a process starts others on any node.

use super::Context;
use crate::process::Answer;
use crate::process::Over;
use crate::remote::{SpawnReplied, check_request};
use crate::signal::Kind;
use crate::{
    Badarg, ExitReason, NodeId, Pid, ProcessSpec, Reference, SpawnOptions, SpawnOutcome, SpawnRequest, Spawned, Started,
};
use std::sync::OnceLock;

/// How a [`Context::spawn_request`] went, as a message: OTP's `{spawn_reply, ReqId, ok | error, Pid | Reason}`.
#[derive(Debug)]
pub struct SpawnReply {
    /// Which request.
    pub request: Reference,
    /// The new process, or why there is none.
    pub outcome: Result<Pid, ExitReason>,
}

impl Context {
    /// Asks a node, also one's own, to start a process of that spec, as the child of this one. The answer arrives as a message
    /// with a [`SpawnReply`], before anything that the new process sends; then the two are linked and monitored as the
    /// options say, with the request as the monitor's reference. Of the options `label`, `parent` and `start_timeout` do not
    /// count. Source: OTP `erlang:spawn_request/5`.
    ///
    /// The reason of a failure is `noconnection` when the node cannot be reached, or could not until the answer came: then a
    /// process that was to be linked does not live on there; one that was not may. `notsup` when the node is of a
    /// version that starts nothing for others, `undef` when no factory there knows the kind, `badarg` when the spec is
    /// longer than a message may be, and otherwise what the factory says.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
    /// use rusm_core::{Context, ExitReason, Message, Node, NodeOptions, ProcessSpec, SpawnOptions, SpawnReply, Term};
    /// use rusm_core::{process_body, seam::Seams};
    /// use std::sync::Arc;
    ///
    /// let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// node.register_factory("sleeper", Arc::new(|_: &Node, _: &ProcessSpec| {
    ///     Ok(process_body(|context: Context| async move { drop(context.receive().await) }))
    /// }));
    /// let (done, ended) = tokio::sync::oneshot::channel();
    /// node.spawn(|context: Context| async move {
    ///     context.trap_exit(true);
    ///     let spec = ProcessSpec { kind: "sleeper".into(), target: "one".into(), digest: None, args: Term::empty(), grants: None };
    ///     let there = context.node().id();
    ///     let request = context.spawn_request(there, spec, SpawnOptions { link: true, ..SpawnOptions::default() });
    ///     let Message::Plain(reply) = context.receive().await else { return ExitReason::new("unexpected") };
    ///     let reply: SpawnReply = reply.downcast().unwrap();
    ///     assert_eq!(reply.request, request);
    ///     context.exit_signal(reply.outcome.unwrap(), ExitReason::SHUTDOWN);
    ///     let Message::Exit { reason, .. } = context.receive().await else { return ExitReason::new("unexpected") };
    ///     done.send(reason).unwrap();
    ///     ExitReason::NORMAL
    /// });
    /// assert_eq!(ended.await, Ok(ExitReason::SHUTDOWN));
    /// # });
    /// ```
    pub fn spawn_request(&self, node: NodeId, spec: ProcessSpec, options: SpawnOptions) -> Reference {
        self.request_spawn(node, spec, options, false, true)
    }

    /// Gives up a request whose answer has not come: none comes. If the process is started after all and was to be linked, it
    /// gets the exit signal `abandoned`. True when the request was under way. Source: OTP
    /// `erlang:spawn_request_abandon/1`.
    pub fn spawn_request_abandon(&self, request: Reference) -> bool {
        let answers = &mut self.process.state.lock().answers;
        let by_message = matches!(answers.get(&request), Some(Answer::Asked { by_message: true, .. }));
        by_message && answers.remove(&request).is_some()
    }

    /// The same, and waits for the answer; when it is dropped while it waits, the request is given up.
    ///
    /// # Errors
    /// As [`spawn_request`](Self::spawn_request).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
    /// # use rusm_core::{Node, NodeOptions, process_body, seam::Seams};
    /// # use std::sync::Arc;
    /// use rusm_core::{Context, ExitReason, Message, ProcessSpec, SpawnOptions, Term};
    ///
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # node.register_factory("sleeper", Arc::new(|_: &Node, _: &ProcessSpec| {
    /// #     Ok(process_body(|context: Context| async move { drop(context.receive().await) }))
    /// # }));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: Context| async move {
    /// let spec = ProcessSpec { kind: "sleeper".into(), target: "one".into(), digest: None, args: Term::empty(), grants: None };
    /// let there = context.node().id();
    /// let options = SpawnOptions { monitor: true, ..SpawnOptions::default() };
    /// let spawned = context.spawn_on(there, spec.clone(), options).await.expect("it has a factory for that");
    /// context.send(spawned.pid, Term::empty()).expect("a pid");
    /// let Message::Down { monitor, reason, .. } = context.receive().await else { panic!("something else") };
    /// assert_eq!((Some(monitor), reason), (spawned.monitor, ExitReason::NORMAL));
    ///
    /// let unknown = ProcessSpec { kind: "unheard of".into(), ..spec };
    /// let refused = context.spawn_on(there, unknown, SpawnOptions::default()).await.expect_err("no factory");
    /// assert_eq!(refused.word(), "undef");
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub async fn spawn_on(
        &self,
        node: NodeId,
        spec: ProcessSpec,
        options: SpawnOptions,
    ) -> Result<Spawned, ExitReason> {
        let wants_monitor = options.monitor;
        let request = self.request_spawn(node, spec, options, false, false);
        match self.answer_to(request).await {
            Answer::Spawned(pid) => Ok(Spawned { pid, monitor: wants_monitor.then_some(request) }),
            Answer::Started(Started::Failed(reason)) => Err(reason),
            _ => unreachable!("the answer to a spawn is a process or why there is none"),
        }
    }

    /// The same on the node that [`NodeId::of_key`] chooses for that key.
    ///
    /// # Errors
    /// As [`spawn_request`](Self::spawn_request); `badarg` without a node to choose.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
    /// # use rusm_core::{Node, NodeOptions, process_body, seam::Seams};
    /// # use std::sync::Arc;
    /// use rusm_core::{Context, NodeId, ProcessSpec, SpawnOptions, Term};
    ///
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # node.register_factory("cart", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(|_| async {}))));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: Context| async move {
    /// let nodes: Vec<NodeId> = context.node().nodes().iter().map(|node| node.id).chain([context.node().id()]).collect();
    /// let spec = ProcessSpec { kind: "cart".into(), target: "ann".into(), digest: None, args: Term::empty(), grants: None };
    /// let cart = context.spawn_by_key("ann", &nodes, spec, SpawnOptions::default()).await.expect("one of them starts it");
    /// assert_eq!(Some(cart.pid.node), NodeId::of_key("ann", &nodes));
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub async fn spawn_by_key(
        &self,
        key: &str,
        nodes: &[NodeId],
        spec: ProcessSpec,
        options: SpawnOptions,
    ) -> Result<Spawned, ExitReason> {
        let node = NodeId::of_key(key, nodes);
        let node = node.ok_or_else(|| ExitReason::BADARG.with_detail("there is no node to choose"))?;
        self.spawn_on(node, spec, options).await
    }

    /// Starts a process of that spec on a node, linked and monitored as the options say, and waits until it says that it is
    /// up, or ends: [`start`](Self::start), anywhere. That the node cannot be reached, or not until the process is up, is a
    /// failure with `noconnection`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
    /// # use rusm_core::{Node, NodeOptions, seam::Seams};
    /// use rusm_core::{Context, ExitReason, ProcessSpec, SpawnOptions, Started, Term, process_body};
    /// use std::sync::Arc;
    ///
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// node.register_factory("lazy", Arc::new(|_: &Node, _: &ProcessSpec| {
    ///     Ok(process_body(|context: Context| async move { context.init_ignore() }))
    /// }));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: Context| async move {
    /// let spec = ProcessSpec { kind: "lazy".into(), target: "one".into(), digest: None, args: Term::empty(), grants: None };
    /// let (started, _) = context.start_on(context.node().id(), spec, SpawnOptions::default()).await;
    /// assert_eq!(started, Started::Ignored, "it said that there is nothing to do");
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub async fn start_on(
        &self,
        node: NodeId,
        spec: ProcessSpec,
        options: SpawnOptions,
    ) -> (Started, Option<Reference>) {
        let SpawnOptions { link, monitor, start_timeout: timeout, .. } = options;
        let request = self.request_spawn(node, spec, options, true, false);
        let known = OnceLock::new();
        let started = async {
            loop {
                match self.answer_to(request).await {
                    Answer::Spawned(pid) => {
                        let _ = known.set(pid);
                        let asked = Answer::Asked { node, link, by_message: false };
                        self.process.state.lock().answers.insert(request, asked);
                    }
                    answer => return answer,
                }
            }
        };
        let answer = match timeout {
            None => started.await,
            Some(timeout) => {
                let in_time = tokio::select! {
                    biased;
                    answer = started => Some(answer),
                    () = self.sleep(timeout) => None,
                };
                match (in_time, known.get()) {
                    (Some(answer), _) => answer,
                    (None, Some(pid)) => self.start_timed_out(*pid, link).await,
                    (None, None) => Answer::Started(Started::Failed(ExitReason::new("timeout"))),
                }
            }
        };
        let Answer::Started(outcome) = answer else { unreachable!("the answer to a start is how it went") };
        if let Started::Up(_) = outcome {
            return (outcome, monitor.then_some(request));
        }
        if monitor {
            self.demonitor_flush(request);
        }
        (outcome, None)
    }

    fn request_spawn(
        &self,
        node: NodeId,
        spec: ProcessSpec,
        options: SpawnOptions,
        init: bool,
        by_message: bool,
    ) -> Reference {
        let request = self.make_reference();
        let SpawnOptions { link, monitor, name, mailbox, .. } = options;
        self.process.state.lock().answers.insert(request, Answer::Asked { node, link, by_message });
        let asked = SpawnRequest { request, spec, link, monitor, init, name, mailbox };
        if node == self.node.id() {
            self.node.spawn_for(self.pid(), &asked);
        } else if let Err(Badarg(why)) = check_request(&self.node, &asked) {
            let outcome = SpawnOutcome::Failed(ExitReason::BADARG.with_detail(why));
            let replied = SpawnReplied { request, outcome, link, monitor, over: Over::NONE };
            self.signal(self.pid(), Kind::SpawnReply(Box::new(replied)));
        } else {
            self.signal(Pid::somebody_of(node), Kind::Spawn(Box::new(asked)));
        }
        request
    }
}
