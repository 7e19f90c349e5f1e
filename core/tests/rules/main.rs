//! OTP's rules of signals and timers, one by one. `docs/otp-rules.md` says which test holds which rule.

mod aliases;
mod bad_use;
mod exits;
mod flood;
mod links;
mod monitors;
mod names;
mod order;
mod supervisors;
mod tasks;
mod timers;

use rusm_core::seam::Seams;
use rusm_core::{Context, ExitReason, Message, Node, NodeOptions, Payload, Pid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longer than any of these takes that does not wait for ever.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Runs `body` in a process, on one and on two threads. What it asserts must hold on both.
#[track_caller]
fn check<Fut>(body: impl Fn(Context) -> Fut + Clone + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    for threads in [1, 2] {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .expect("a runtime");
        let (body, finished) = (body.clone(), Arc::new(AtomicBool::new(false)));
        let is_finished = finished.clone();
        let body = move |context| async move {
            body(context).await;
            is_finished.store(true, Ordering::Relaxed);
        };
        let reason = runtime.block_on(async move {
            let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
            let clock = node.seams().clock.clone();
            tokio::select! {
                reason = end_of(&node, body) => reason,
                () = clock.sleep_until(clock.now() + STUCK_AFTER) => panic!("it waits for what never comes"),
            }
        });
        assert_eq!(reason, ExitReason::NORMAL, "on {threads} threads");
        // What tells of the end may be what is broken.
        assert!(finished.load(Ordering::Relaxed), "it ended before it was done, on {threads} threads");
    }
}

/// Runs a process to its end and returns the reason.
async fn end_of<Fut, R>(node: &Node, body: impl FnOnce(Context) -> Fut + Send + 'static) -> ExitReason
where
    Fut: Future<Output = R> + Send + 'static,
    R: Into<ExitReason>,
{
    let (done, reason) = tokio::sync::oneshot::channel();
    node.spawn(move |context| async move {
        let (_, monitor) = context.spawn_monitor(body);
        let _ = done.send(down(&context, monitor).await);
    });
    reason.await.expect("a reason")
}

/// Runs a process to its end, from a process.
async fn ends_with<Fut, R>(context: &Context, body: impl FnOnce(Context) -> Fut + Send + 'static) -> ExitReason
where
    Fut: Future<Output = R> + Send + 'static,
    R: Into<ExitReason>,
{
    let (_, monitor) = context.spawn_monitor(body);
    down(context, monitor).await
}

/// Waits for the DOWN of a monitor.
async fn down(context: &Context, monitor: rusm_core::Reference) -> ExitReason {
    match context.receive_match(|message| matches!(message, Message::Down { monitor: of, .. } if *of == monitor)).await
    {
        Message::Down { reason, .. } => reason,
        other => panic!("not a DOWN: {other:?}"),
    }
}

type Job = Box<dyn FnOnce(&Context) + Send>;

/// A process that does what it is told and leaves everything else in its mailbox.
fn agent(context: &Context) -> Pid {
    context.spawn(|context| async move {
        loop {
            let message = context.receive_match(|message| matches!(message, Message::Call { .. })).await;
            if let Message::Call { from, payload } = message {
                if let Ok(job) = payload.downcast::<Job>() {
                    job(&context);
                }
                context.reply(from, Payload::local(()));
            }
        }
        #[expect(unreachable_code, reason = "says what the body returns")]
        ExitReason::NORMAL
    })
}

/// Has an agent do something, and waits until it has.
async fn tell(context: &Context, agent: Pid, job: impl FnOnce(&Context) + Send + 'static) {
    let job: Job = Box::new(job);
    let done = context.call(agent, Payload::local(job), Duration::MAX).await;
    assert!(done.is_ok(), "the agent is alive");
}

/// A process that is dead.
async fn dead(context: &Context) -> Pid {
    let (pid, monitor) = context.spawn_monitor(|_| async {});
    down(context, monitor).await;
    pid
}

/// The mailbox as text, in order.
fn mailbox(context: &Context) -> Vec<String> {
    let mut seen = Vec::new();
    context.try_receive(|message| {
        seen.push(text(message));
        false
    });
    seen
}

fn text(message: &Message) -> String {
    match message {
        Message::Plain(payload) => match payload.downcast_ref::<&str>() {
            Some(text) => (*text).to_owned(),
            None => payload.downcast_ref::<u32>().map_or("?".to_owned(), u32::to_string),
        },
        Message::Exit { reason, .. } => format!("exit({reason})"),
        Message::Down { reason, .. } => format!("down({reason})"),
        Message::Call { .. } | Message::Reply { .. } => "?".to_owned(),
    }
}

/// Waits until everything that these processes have sent, and the end of those that have ended, is here.
async fn settled(context: &Context, others: &[Pid]) {
    for pid in others {
        context.is_alive(*pid).await;
    }
}

/// Waits until a process that ends by itself has done so, and until that is known here.
async fn ended(context: &Context, pid: Pid) {
    while context.is_alive(pid).await {}
}

fn boom() -> ExitReason {
    ExitReason::new("boom")
}

fn say(text: &'static str) -> Payload {
    Payload::local(text)
}
