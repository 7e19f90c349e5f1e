//! `rusm-core`.

use crate::measure::{Job, Measure, Peer};
use rusm_core::seam::Seams;
use rusm_core::{Context, ExitReason, Message, Node, NodeOptions, Payload, Pid};
use std::time::Duration;

pub struct Rusm;

const LONG: Duration = Duration::from_secs(600);

/// Runs a process to its end on a node of its own.
fn on_a_node<F, Fut>(body: F) -> Job
where
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Box::pin(async move {
        let node = Node::start(NodeOptions::new("bench", Seams::production(std::env::temp_dir())));
        let (done, ended) = tokio::sync::oneshot::channel();
        node.spawn(move |context| async move {
            body(context).await;
            let _ = done.send(());
        });
        ended.await.expect("ends");
        for pid in node.processes() {
            node.exit_signal(pid, ExitReason::KILL);
        }
    })
}

async fn receive<T: 'static>(context: &Context) -> T {
    match context.receive().await {
        Message::Plain(payload) => payload.downcast().expect("what was sent"),
        other => panic!("unexpected: {other:?}"),
    }
}

async fn pong(context: Context) -> ExitReason {
    loop {
        let (from, i) = receive::<(Pid, u64)>(&context).await;
        let _ = context.send(from, Payload::local(i));
    }
}

async fn pass_on(context: Context, to: Pid) -> ExitReason {
    loop {
        let left: u64 = receive(&context).await;
        let _ = context.send(to, Payload::local(left.saturating_sub(1)));
    }
}

async fn server(context: Context) -> ExitReason {
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            let n: u64 = payload.downcast().expect("a number");
            context.reply(from, Payload::local(n + 1));
        }
    }
}

impl Peer for Rusm {
    fn name(&self) -> &'static str {
        "rusm"
    }

    fn job(&self, measure: Measure, n: u64) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => on_a_node(move |context| async move {
                for _ in 0..n / 100 {
                    for _ in 0..100 {
                        context.spawn_monitor(|_| async {});
                    }
                    for _ in 0..100 {
                        context.receive().await;
                    }
                }
            }),
            Measure::PingPong => on_a_node(move |context| async move {
                let pong = context.spawn(pong);
                for i in 0..n {
                    let _ = context.send(pong, Payload::local((context.pid(), i)));
                    receive::<u64>(&context).await;
                }
            }),
            Measure::FourToOne => on_a_node(move |context| async move {
                let receiver = context.pid();
                for _ in 0..4 {
                    context.spawn(move |context| async move {
                        for i in 0..n / 4 {
                            let _ = context.send(receiver, Payload::local(i));
                            if i % 64 == 0 {
                                tokio::task::yield_now().await;
                            }
                        }
                    });
                }
                for _ in 0..n {
                    receive::<u64>(&context).await;
                }
            }),
            Measure::RingHop => on_a_node(move |context| async move {
                let mut next = context.pid();
                for _ in 0..999 {
                    let to = next;
                    next = context.spawn(move |context| pass_on(context, to));
                }
                let _ = context.send(next, Payload::local(n));
                loop {
                    let left: u64 = receive(&context).await;
                    if left == 0 {
                        return;
                    }
                    let _ = context.send(next, Payload::local(left - 1));
                }
            }),
            Measure::Call => on_a_node(move |context| async move {
                let server = context.spawn(server);
                for i in 0..n {
                    context.call(server, Payload::local(i), LONG).await.expect("an answer");
                }
            }),
            Measure::CallBehindBacklog => on_a_node(move |context| async move {
                let server = context.spawn(server);
                for i in 0..10_000u64 {
                    let _ = context.send(context.pid(), Payload::local(i));
                }
                for i in 0..n {
                    context.call(server, Payload::local(i), LONG).await.expect("an answer");
                }
            }),
        })
    }
}
