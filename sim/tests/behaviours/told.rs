//! A server that does as it is told, and tells the process that started it what happens to it.

use crate::{LONG, ms, say};
use rusm_core::{
    BoxFuture, CallError, CallFrom, Called, Context, ExitReason, Init, Message, Next, Pid, Server, ServerRef,
    SpawnOptions, Started,
};
use std::time::Duration;

pub(crate) struct Told {
    /// Who is told what happens.
    to: Pid,
}

type InitWith = Box<dyn FnOnce(&Context, Pid) -> Init<Told> + Send>;

type Job<R> = Box<dyn FnOnce(&Context, Option<CallFrom<u32>>) -> R + Send>;

/// What a server is to do with a message. It may take time.
pub(crate) struct Do<R> {
    takes: Duration,
    job: Job<R>,
}

impl<R> Do<R> {
    async fn run(self, context: &Context, from: Option<CallFrom<u32>>) -> R {
        if !self.takes.is_zero() {
            context.sleep(self.takes).await;
        }
        (self.job)(context, from)
    }

    pub(crate) fn taking(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }
}

/// A call, as told.
pub(crate) fn on_call(job: impl FnOnce(&Context, CallFrom<u32>) -> Called<Told> + Send + 'static) -> Do<Called<Told>> {
    Do { takes: Duration::ZERO, job: Box::new(|context, from| job(context, from.expect("a call has a caller"))) }
}

/// A call that is answered with this number.
pub(crate) fn answer(number: u32) -> Do<Called<Told>> {
    on_call(move |_, _| Called::Reply(number, Next::Receive))
}

/// A cast or a continuation, as told.
pub(crate) fn on_cast(job: impl FnOnce(&Context) -> Next<Told> + Send + 'static) -> Do<Next<Told>> {
    Do { takes: Duration::ZERO, job: Box::new(|context, _| job(context)) }
}

impl Server for Told {
    type Args = (Pid, InitWith);
    type Call = Do<Called<Told>>;
    type Reply = u32;
    type Cast = Do<Next<Told>>;
    type Continue = Do<Next<Told>>;

    async fn init(context: &Context, (to, init): Self::Args) -> Init<Self> {
        init(context, to)
    }

    async fn handle_call(&mut self, context: &Context, told: Do<Called<Told>>, from: CallFrom<u32>) -> Called<Self> {
        told.run(context, Some(from)).await
    }

    async fn handle_cast(&mut self, context: &Context, told: Do<Next<Told>>) -> Next<Self> {
        told.run(context, None).await
    }

    async fn handle_continue(&mut self, context: &Context, told: Do<Next<Told>>) -> Next<Self> {
        told.run(context, None).await
    }

    async fn handle_info(&mut self, context: &Context, message: Message) -> Next<Self> {
        self.tell(context, format!("info {}", crate::text(&message)))
    }

    async fn handle_timeout(&mut self, context: &Context) -> Next<Self> {
        self.tell(context, "timeout".to_owned())
    }

    async fn terminate(&mut self, context: &Context, reason: &ExitReason) {
        self.tell(context, format!("terminated {reason}"));
    }

    fn format_status(&self) -> String {
        format!("tells {}", self.to)
    }
}

impl Told {
    fn tell(&self, context: &Context, text: String) -> Next<Told> {
        context.send(self.to, say(text)).expect("a pid");
        Next::Receive
    }

    /// Whom it tells from now on.
    pub(crate) fn turn_to(&mut self, to: Pid) {
        self.to = to;
    }
}

pub(crate) type ToldRef = ServerRef<Told>;

pub(crate) fn up(_: &Context, to: Pid) -> Init<Told> {
    Init::Up(Told { to }, Next::Receive)
}

pub(crate) fn up_trapping(context: &Context, to: Pid) -> Init<Told> {
    context.trap_exit(true);
    up(context, to)
}

/// Starts a server with that init, which tells this process.
pub(crate) async fn start(
    context: &Context,
    options: SpawnOptions,
    init: impl FnOnce(&Context, Pid) -> Init<Told> + Send + 'static,
) -> Started {
    context.start(options, Told::body((context.pid(), Box::new(init)))).await.0
}

/// A server, not linked.
pub(crate) async fn server(context: &Context) -> (Pid, ToldRef) {
    is_up(start(context, SpawnOptions::default(), up).await)
}

pub(crate) fn is_up(started: Started) -> (Pid, ToldRef) {
    let Started::Up(pid) = started else { panic!("not up: {started:?}") };
    (pid, pid.into())
}

pub(crate) fn named(name: &str) -> SpawnOptions {
    SpawnOptions { name: Some(name.to_owned()), ..SpawnOptions::default() }
}

/// It answers.
pub(crate) async fn is_well(context: &Context, server: &ToldRef) {
    assert_eq!(server.call(context, answer(7), LONG).await, Ok(7));
}

/// A parent that starts a server which tells `to`, says `up` to it, and ends when it is told to.
pub(crate) fn parent(
    context: &Context,
    init: fn(&Context, Pid) -> Init<Told>,
    reason: ExitReason,
) -> BoxFuture<(Pid, Pid)> {
    let to = context.pid();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let parent = context.spawn(move |context| async move {
        let body = Told::body((to, Box::new(init)));
        let (pid, _) = is_up(context.start_link(SpawnOptions::default(), body).await);
        sender.send(pid).expect("the test waits");
        context.receive().await;
        reason
    });
    Box::pin(async move { (parent, receiver.await.expect("a pid")) })
}

/// A call that nobody answers in time.
pub(crate) async fn times_out(context: &Context, server: &ToldRef) {
    assert_eq!(server.call(context, answer(0), ms(30)).await, Err(CallError::Timeout));
}
