//! `rusm-core`.

use crate::measure::Measure;
use crate::meter::Meter;
use crate::peer::{Job, Peer};
use rusm_core::seam::Seams;
use rusm_core::{
    CallFrom, Called, ChildSpec, Context, ExitReason, Init, Message, Next, Node, NodeOptions, Payload, Pid, Server,
    ServerRef, SpawnOptions, Started, Strategy, Supervisor, SupervisorSpec,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub struct Rusm;

/// OTP's default.
const TIMEOUT: Duration = Duration::from_secs(5);

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

async fn ping(context: &Context, n: u64) {
    let pong = context.spawn(pong);
    for i in 0..n {
        let _ = context.send(pong, Payload::local((context.pid(), i)));
        receive::<u64>(context).await;
    }
}

async fn pass_on(context: Context, to: Pid) -> ExitReason {
    loop {
        let left: u64 = receive(&context).await;
        let _ = context.send(to, Payload::local(left.saturating_sub(1)));
    }
}

struct AddOne;

impl Server for AddOne {
    type Args = ();
    type Call = u64;
    type Reply = u64;
    type Cast = ();
    type Continue = ();

    async fn init(_: &Context, (): ()) -> Init<Self> {
        Init::Up(AddOne, Next::Receive)
    }

    async fn handle_call(&mut self, _: &Context, n: u64, _: CallFrom<u64>) -> Called<Self> {
        Called::Reply(n + 1, Next::Receive)
    }
}

async fn add_one(context: &Context) -> ServerRef<AddOne> {
    match AddOne::start_link(context, SpawnOptions::default(), ()).await {
        Started::Up(pid) => pid.into(),
        other => panic!("the server did not start: {other:?}"),
    }
}

/// What lies in a mailbox.
enum Letter {
    Other(#[expect(dead_code, reason = "so that it has a size")] u64),
    Wanted,
}

fn fill(context: &Context) {
    for i in 0..10_000 {
        let _ = context.send(context.pid(), Payload::local(Letter::Other(i)));
    }
}

/// A child that says where it is and crashes when it is told to.
fn child(number: u64, driver: Pid) -> ChildSpec {
    ChildSpec::worker(number.to_string(), move |context, _| async move {
        let _ = context.send(driver, Payload::local((number, context.pid())));
        context.receive().await;
        ExitReason::new("crash")
    })
}

async fn restart(context: Context, children: u64, n: u64, meter: Meter) {
    let mut spec = SupervisorSpec::new(Strategy::OneForOne).intensity(u32::MAX, Duration::from_secs(1));
    for number in 0..children {
        spec = spec.child(child(number, context.pid()));
    }
    let Started::Up(_) = Supervisor::start_link(&context, spec).await else { panic!("the supervisor did not start") };
    let mut pids = Vec::new();
    for _ in 0..children {
        pids.push(receive::<(u64, Pid)>(&context).await.1);
    }
    meter.begin();
    for i in 0..n {
        let _ = context.send(pids[(i % children) as usize], Payload::local(()));
        let (number, pid) = receive::<(u64, Pid)>(&context).await;
        pids[number as usize] = pid;
    }
    meter.end();
}

/// Spawns `n` processes that run `body`, and waits until each has said that it is up.
async fn spawn_all<F, Fut>(context: &Context, n: u64, body: F)
where
    F: Fn(Context, Pid) -> Fut + Send + Clone + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let own = context.pid();
    for _ in 0..n / 1000 {
        for _ in 0..1000 {
            let body = body.clone();
            context.spawn(move |context| body(context, own));
        }
        for _ in 0..1000 {
            receive::<()>(context).await;
        }
    }
}

async fn death(context: Context, n: u64, meter: Meter, watch: fn(&Context, Pid)) {
    let hub = context.spawn(|context| async move { drop(context.receive().await) });
    let seen = Arc::new(AtomicU64::new(0));
    spawn_all(&context, n, move |context, driver| {
        let seen = seen.clone();
        async move {
            watch(&context, hub);
            // The hub must have it before it dies.
            assert!(context.is_alive(hub).await);
            let _ = context.send(driver, Payload::local(()));
            context.receive().await;
            if seen.fetch_add(1, Ordering::Relaxed) + 1 == n {
                let _ = context.send(driver, Payload::local(()));
            }
            context.receive().await;
        }
    })
    .await;
    meter.begin();
    let _ = context.send(hub, Payload::local(()));
    receive::<()>(&context).await;
    meter.end();
}

impl Peer for Rusm {
    fn job(&self, measure: Measure, n: u64, meter: Meter) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => on_a_node(move |context| async move {
                meter.begin();
                for _ in 0..n / 100 {
                    for _ in 0..100 {
                        context.spawn_monitor(|_| async {});
                    }
                    for _ in 0..100 {
                        context.receive().await;
                    }
                }
                meter.end();
            }),
            Measure::PingPong => on_a_node(move |context| async move {
                meter.begin();
                ping(&context, n).await;
                meter.end();
            }),
            Measure::Pairs => on_a_node(move |context| async move {
                meter.begin();
                for _ in 0..8 {
                    context.spawn_monitor(move |context| async move { ping(&context, n / 8).await });
                }
                for _ in 0..8 {
                    context.receive().await;
                }
                meter.end();
            }),
            Measure::FourToOne => on_a_node(move |context| async move {
                let receiver = context.pid();
                meter.begin();
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
                for _ in 0..n / 4 * 4 {
                    receive::<u64>(&context).await;
                }
                meter.end();
            }),
            Measure::Ring => on_a_node(move |context| async move {
                let mut next = context.pid();
                for _ in 0..999 {
                    let to = next;
                    next = context.spawn(move |context| pass_on(context, to));
                }
                meter.begin();
                let _ = context.send(next, Payload::local(n));
                loop {
                    let left: u64 = receive(&context).await;
                    if left == 0 {
                        break;
                    }
                    let _ = context.send(next, Payload::local(left - 1));
                }
                meter.end();
            }),
            Measure::Call => on_a_node(move |context| async move {
                let server = add_one(&context).await;
                meter.begin();
                for i in 0..n {
                    server.call(&context, i, TIMEOUT).await.expect("an answer");
                }
                meter.end();
            }),
            Measure::Restart(children) => on_a_node(move |context| restart(context, children, n, meter)),
            Measure::Reference => on_a_node(move |context| async move {
                let server = add_one(&context).await;
                fill(&context);
                meter.begin();
                for i in 0..n {
                    server.call(&context, i, TIMEOUT).await.expect("an answer");
                }
                meter.end();
            }),
            Measure::Pattern => on_a_node(move |context| async move {
                let wanted = |message: &Message| match message {
                    Message::Plain(payload) => matches!(payload.downcast_ref(), Some(Letter::Wanted)),
                    _ => false,
                };
                fill(&context);
                meter.begin();
                for _ in 0..n {
                    let _ = context.send(context.pid(), Payload::local(Letter::Wanted));
                    context.receive_match(wanted).await;
                }
                meter.end();
            }),
            Measure::Idle | Measure::IdleMillion => on_a_node(move |context| async move {
                meter.begin();
                spawn_all(&context, n, |context, driver| async move {
                    let _ = context.send(driver, Payload::local(()));
                    context.receive().await;
                })
                .await;
                meter.end();
            }),
            Measure::Links => on_a_node(move |context| {
                death(context, n, meter, |context, hub| {
                    context.trap_exit(true);
                    context.link(hub);
                })
            }),
            Measure::Monitors => on_a_node(move |context| {
                death(context, n, meter, |context, hub| {
                    context.monitor(hub);
                })
            }),
        })
    }
}
