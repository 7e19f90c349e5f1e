use super::request::Request;
use super::state::{Action, SupervisorState, WaitsFor};
use super::{ChildArgs, ChildRef, ChildSpec, ChildStart, Decision, SupervisorReport, SupervisorSpec};
use crate::mark::sometimes;
use crate::sys::{self, Observed, SystemRequest};
use crate::task::panic_message;
use crate::{
    Behaviour, Context, ExitReason, Message, Monitored, Node, Payload, Pid, ProcessBody, ProcessSpec, Reference,
    SpawnOptions, Started, TraceEvent, process_body,
};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Starts supervisors.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// use rusm_core::{ChildSpec, Node, NodeOptions, Started, Strategy, Supervisor, SupervisorRef, SupervisorSpec};
/// use rusm_core::{ExitReason, seam::Seams};
///
/// let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// let spec = SupervisorSpec::new(Strategy::OneForOne)
///     .child(ChildSpec::worker("patient", |context, _| async move { drop(context.receive().await) }));
/// let Started::Up(pid) = Supervisor::start(&node, spec).await else { panic!("it did not start") };
///
/// let supervisor = SupervisorRef::from(pid);
/// let children = supervisor.which_children(&node).await.unwrap();
/// assert_eq!(children[0].id, "patient");
/// supervisor.stop(&node, ExitReason::SHUTDOWN).await.unwrap();
/// # });
/// ```
pub struct Supervisor;

impl Supervisor {
    /// The body of a supervisor's process. It says that it is up when all its children are.
    pub fn body(spec: SupervisorSpec) -> ProcessBody {
        process_body(move |context| run(context, spec))
            .of_behaviour(Behaviour::Supervisor, std::any::type_name::<Supervisor>())
    }

    /// Starts a supervisor that has no parent: it ends when it gives up, or by [`SupervisorRef::stop`].
    ///
    /// [`SupervisorRef::stop`]: super::SupervisorRef::stop
    pub async fn start(node: &Node, spec: SupervisorSpec) -> Started {
        node.start_process(options(&spec), Self::body(spec)).await
    }

    /// Starts a supervisor as a linked child of this process, whose exit then ends it.
    pub async fn start_link(context: &Context, spec: SupervisorSpec) -> Started {
        context.start_link(options(&spec), Self::body(spec)).await
    }
}

fn options(spec: &SupervisorSpec) -> SpawnOptions {
    let label = spec.name.clone().unwrap_or_else(|| "supervisor".to_owned());
    SpawnOptions { name: spec.name.clone(), label, ..SpawnOptions::default() }
}

/// What a supervisor sends itself when a restart failed, so that what lies in its mailbox by then comes first.
struct Retry(ChildRef);

async fn run(context: Context, spec: SupervisorSpec) -> ExitReason {
    context.trap_exit(true);
    match checked(&context, spec) {
        Ok(mut state) => {
            state.start();
            Driver { context, state, monitors: BTreeMap::new() }.run().await
        }
        Err(reason) => reason,
    }
}

fn checked(context: &Context, spec: SupervisorSpec) -> Result<SupervisorState, ExitReason> {
    if let Some(name) = &spec.name
        && context.whereis(name) != Some(context.pid())
    {
        context
            .register(name, context.pid())
            .map_err(|badarg| ExitReason::new("already_started").with_detail(badarg.0))?;
    }
    SupervisorState::new(spec).map_err(|error| ExitReason::new("start_spec").with_detail(error.to_string()))
}

impl Observed for SupervisorState {
    fn format_status(&self) -> String {
        self.to_string()
    }

    fn state(&mut self) -> Option<(&mut dyn std::any::Any, &'static str)> {
        None
    }
}

/// Performs what the state machine wants, and tells it what happened.
struct Driver {
    context: Context,
    state: SupervisorState,
    /// Of the processes that are being stopped.
    monitors: BTreeMap<Pid, Reference>,
}

impl Driver {
    async fn run(mut self) -> ExitReason {
        loop {
            while let Some(action) = self.state.poll_action() {
                if let Some(end) = self.perform(action).await {
                    return end;
                }
            }
            match self.state.waits_for() {
                WaitsFor::Mailbox => {
                    let message = self.context.receive().await;
                    self.handle(message).await;
                }
                WaitsFor::Down => self.receive_down().await,
                WaitsFor::Answer => unreachable!("every action has been answered"),
            }
        }
    }

    async fn perform(&mut self, action: Action) -> Option<ExitReason> {
        let context = &self.context;
        match action {
            Action::Start { spec, args } => {
                let started = start(context, &spec, args).await;
                self.state.handle_started(context.now(), started);
            }
            Action::Stop { pid, signal } => {
                self.monitors.insert(pid, context.monitor(pid));
                context.exit_signal(pid, signal);
            }
            Action::Kill(pid) => context.exit_signal(pid, ExitReason::KILL),
            Action::AskAlive(pid) => {
                let alive = context.is_alive(pid).await;
                self.state.handle_alive(alive);
            }
            Action::Retry(child) => {
                let sent = context.send(context.pid(), Payload::local(Retry(child)));
                debug_assert!(sent.is_ok(), "sending to a pid never fails");
            }
            Action::Reply(to, reply) => context.reply(to, Payload::local(reply)),
            Action::Report(report) => self.report(&report),
            Action::Up => context.init_ack(),
            // Before it is up, this is also why it did not start.
            Action::End(reason) => return Some(reason),
        }
        None
    }

    async fn handle(&mut self, message: Message) {
        let now = self.context.now();
        match message {
            Message::Exit { from, reason } if Some(from) == self.context.parent() => self.state.stop(now, reason),
            Message::Exit { from, reason } => self.state.handle_exit(now, from, reason),
            Message::Call { from, payload } => match payload.downcast::<Request>() {
                Ok(request) => self.state.handle_request(now, from, request),
                Err(payload) => match payload.downcast::<SystemRequest>() {
                    Ok(request) => {
                        if let Some(reason) = sys::handle(&self.context, from, request, &mut self.state).await {
                            self.state.stop(self.context.now(), reason);
                        }
                    }
                    Err(payload) => self.unexpected(&payload),
                },
            },
            Message::Plain(payload) => match payload.downcast::<Retry>() {
                Ok(Retry(child)) => self.state.handle_retry(now, &child),
                Err(payload) => self.unexpected(&payload),
            },
            Message::Reply { .. } | Message::Down { .. } => self.unexpected(&message),
        }
    }

    /// Waits for the end of a process that is being stopped. By DOWN, as a child that has unlinked itself sends no EXIT;
    /// but the EXIT of a child that was dead before knows why it died. Source: `supervisor:unlink_flush/2`.
    async fn receive_down(&mut self) {
        let Self { context, state, monitors, .. } = self;
        let is_down = |message: &Message| match message {
            Message::Down { monitor, object: Monitored::Pid(pid), .. } => monitors.get(pid) == Some(monitor),
            _ => false,
        };
        let message = match state.poll_timeout() {
            None => Some(context.receive_match(is_down).await),
            Some(deadline) => context.receive_timeout(deadline.since(context.now()), is_down).await,
        };
        match message {
            Some(Message::Down { object: Monitored::Pid(pid), reason, .. }) => {
                monitors.remove(&pid);
                context.unlink(pid);
                let exit = context.try_receive(|message| matches!(message, Message::Exit { from, .. } if *from == pid));
                let reason = match exit {
                    Some(Message::Exit { reason, .. }) => {
                        sometimes!(context.node(), ExitBehindDown);
                        reason
                    }
                    _ => reason,
                };
                state.handle_down(context.now(), pid, reason);
            }
            Some(other) => unreachable!("only a DOWN of a process was asked for, not {other:?}"),
            None => {
                sometimes!(context.node(), ShutdownTimedOut);
                state.handle_timeout(context.now());
            }
        }
    }

    fn unexpected(&self, what: &dyn std::fmt::Debug) {
        tracing::warn!(supervisor = %self.context.pid(), "a supervisor ignores an unexpected message: {what:?}");
    }

    /// The supervisor report: which child, why, and what was done about it.
    fn report(&self, report: &SupervisorReport) {
        let supervisor = self.context.pid();
        let SupervisorReport { child, pid, reason, decision } = report;
        let pid = pid.map(tracing::field::display);
        if matches!(decision, Decision::AutoShutdown | Decision::RestartedWith { .. }) {
            tracing::info!(%supervisor, child, pid, %reason, "supervisor report: {decision}");
        } else {
            tracing::error!(
                %supervisor,
                child,
                pid,
                reason = reason.word(),
                detail = reason.detail(),
                backtrace = reason.backtrace(),
                "supervisor report: {decision}"
            );
        }
        // That a child was started along with another, a tracer sees by the child.
        if !matches!(decision, Decision::RestartedWith { .. }) {
            self.context.node().trace_event(&TraceEvent::Supervisor { supervisor, report });
        }
    }
}

async fn start(context: &Context, spec: &ChildSpec, args: ChildArgs) -> Started {
    let (label, body) = match &spec.start {
        ChildStart::Spec(process) => {
            let process = with_args(process, args);
            (process.target.clone(), context.node().body_of(&process))
        }
        ChildStart::SpecOn { node, spec: process } => {
            let (name, mailbox) = (spec.name.clone(), spec.mailbox);
            let options = SpawnOptions { link: true, name, mailbox, ..SpawnOptions::default() };
            return context.start_on(*node, with_args(process, args), options).await.0;
        }
        ChildStart::Native(make) => {
            let body = catch_unwind(AssertUnwindSafe(|| make(args)));
            let body = body.map_err(|panic| ExitReason::PANIC.with_detail(panic_message(panic.as_ref())));
            (spec.id.clone(), body)
        }
        ChildStart::Supervisor(nested) => (spec.id.clone(), Ok(Supervisor::body(nested.as_ref().clone()))),
    };
    let body = match body {
        Ok(body) => body,
        Err(reason) => return Started::Failed(reason),
    };
    let options = SpawnOptions { name: spec.name.clone(), label, mailbox: spec.mailbox, ..SpawnOptions::default() };
    context.start_link(options, body).await
}

fn with_args(process: &ProcessSpec, args: ChildArgs) -> ProcessSpec {
    let mut process = process.clone();
    if let ChildArgs::Term(term) = args {
        process.args = term;
    }
    process
}
