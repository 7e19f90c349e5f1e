//! What real OTP does with signals, timers and its behaviours, fact by fact, in the simulator: a test has the name of its
//! fact. The schedule and the delivery of signals that OTP does not order come from the seed, and time is virtual.

mod applications;
mod events;
mod groups;
mod mailbox;
mod server;
mod server_life;
mod signals;
mod state_machine;
mod status;
mod supervisors;
mod sys;
mod tasks;
mod timers;
mod told;
mod told_machine;

use rusm_core::{Context, ExitReason, Message, Node, Payload, Pid};
use rusm_sim::{Sim, SimOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SEEDS: u64 = 50;
const LONG: Duration = Duration::from_secs(60);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Runs `body` as a process in the simulator, for many seeds.
#[track_caller]
fn check<Fut>(body: impl Fn(Context) -> Fut + Clone + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    for seed in 0..SEEDS {
        let sim = Sim::new(SimOptions::new(seed));
        let node = Node::start(sim.node_options("a"));
        let (body, (ended, reason)) = (body.clone(), tokio::sync::oneshot::channel());
        let finished = Arc::new(AtomicBool::new(false));
        let is_finished = finished.clone();
        let body = move |context| async move {
            body(context).await;
            is_finished.store(true, Ordering::Relaxed);
        };
        node.spawn(move |context: Context| async move {
            let (_, monitor) = context.spawn_monitor(body);
            let down =
                context.receive_match(|m| matches!(m, Message::Down { monitor: of, .. } if *of == monitor)).await;
            ended.send(text(&down)).expect("the test waits");
        });
        let reason = sim.block_on(async move { reason.await.expect("a reason") });
        assert_eq!(reason.as_deref(), Ok("down normal"), "seed {seed}");
        // What tells of the end may be what is broken.
        assert!(finished.load(Ordering::Relaxed), "it ended before it was done, seed {seed}");
    }
}

fn boom() -> ExitReason {
    ExitReason::new("boom")
}

fn say(text: impl Into<String>) -> Payload {
    Payload::local(text.into())
}

/// Tells a process something.
fn tell(context: &Context, to: Pid, text: impl Into<String>) {
    context.send(to, say(text)).expect("a pid");
}

/// The next message of this process as text.
async fn next(context: &Context) -> String {
    match context.receive_timeout(LONG, |_| true).await {
        Some(message) => text(&message),
        None => "nothing".to_owned(),
    }
}

/// No message arrives for a while.
async fn none(context: &Context) {
    let message = context.receive_timeout(ms(60), |_| true).await;
    assert!(message.is_none(), "unexpected: {:?}", message.as_ref().map(text));
}

fn text(message: &Message) -> String {
    match message {
        Message::Plain(payload) => payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "plain".to_owned()),
        Message::Exit { reason, .. } => format!("exit {reason}"),
        Message::Down { reason, .. } => format!("down {reason}"),
        Message::Call { .. } => "call".to_owned(),
        Message::Reply { .. } => "reply".to_owned(),
    }
}

/// Waits until a condition holds.
async fn wait(context: &Context, mut condition: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        context.sleep(ms(1)).await;
    }
    panic!("the condition never held");
}
