//! kameo: an actor with a handler per message type.

use crate::measure::Measure;
use crate::meter::Meter;
use crate::peer::{Job, Peer};
use kameo::prelude::*;
use std::time::Duration;
use tokio::sync::mpsc;

pub struct Kameo;

#[derive(Actor)]
struct Echo;

struct Ping(u64, mpsc::UnboundedSender<u64>);
struct Call(u64);

impl Message<Ping> for Echo {
    type Reply = ();

    async fn handle(&mut self, ping: Ping, _: &mut kameo::message::Context<Self, ()>) {
        let _ = ping.1.send(ping.0);
    }
}

impl Message<Call> for Echo {
    type Reply = u64;

    async fn handle(&mut self, call: Call, _: &mut kameo::message::Context<Self, u64>) -> u64 {
        call.0 + 1
    }
}

async fn ping(n: u64) {
    let echo = Echo::spawn_with_mailbox(Echo, kameo::mailbox::unbounded());
    let (to, mut from) = mpsc::unbounded_channel();
    for i in 0..n {
        echo.tell(Ping(i, to.clone())).await.expect("alive");
        from.recv().await.expect("open");
    }
}

/// Counts what it is told.
#[derive(Actor)]
struct Sink(u64, mpsc::UnboundedSender<()>);

struct Tell(#[expect(dead_code, reason = "so that it has a size")] u64);

impl Message<Tell> for Sink {
    type Reply = ();

    async fn handle(&mut self, _: Tell, _: &mut kameo::message::Context<Self, ()>) {
        self.0 -= 1;
        if self.0 == 0 {
            let _ = self.1.send(());
        }
    }
}

/// Passes a number on, one less.
#[derive(Actor)]
struct Hop(Option<ActorRef<Hop>>, mpsc::UnboundedSender<()>);

struct Next(ActorRef<Hop>);
struct Left(u64);

impl Message<Next> for Hop {
    type Reply = ();

    async fn handle(&mut self, next: Next, _: &mut kameo::message::Context<Self, ()>) {
        self.0 = Some(next.0);
    }
}

impl Message<Left> for Hop {
    type Reply = ();

    async fn handle(&mut self, left: Left, _: &mut kameo::message::Context<Self, ()>) {
        if left.0 == 0 {
            let _ = self.1.send(());
        } else if let Some(next) = &self.0 {
            let _ = next.tell(Left(left.0 - 1)).await;
        }
    }
}

#[derive(Actor)]
struct Boss;

#[derive(Clone)]
struct Worker(mpsc::UnboundedSender<()>);

impl Actor for Worker {
    type Args = Self;
    type Error = kameo::error::Infallible;

    async fn on_start(worker: Self, _: ActorRef<Self>) -> Result<Self, Self::Error> {
        let _ = worker.0.send(());
        Ok(worker)
    }
}

struct Crash;

impl Message<Crash> for Worker {
    type Reply = Result<(), &'static str>;

    async fn handle(&mut self, _: Crash, _: &mut kameo::message::Context<Self, Self::Reply>) -> Self::Reply {
        Err("crash")
    }
}

impl Peer for Kameo {
    fn job(&self, measure: Measure, n: u64, meter: Meter) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => Box::pin(async move {
                meter.begin();
                for _ in 0..n / 100 {
                    let actors: Vec<_> = (0..100).map(|_| Echo::spawn(Echo)).collect();
                    for actor in actors {
                        actor.kill();
                        actor.wait_for_shutdown().await;
                    }
                }
                meter.end();
            }),
            Measure::PingPong => Box::pin(async move {
                meter.begin();
                ping(n).await;
                meter.end();
            }),
            Measure::Pairs => Box::pin(async move {
                meter.begin();
                let pairs: Vec<_> = (0..8).map(|_| tokio::spawn(ping(n / 8))).collect();
                for pair in pairs {
                    pair.await.expect("ends");
                }
                meter.end();
            }),
            Measure::FourToOne => Box::pin(async move {
                let (done, mut ended) = mpsc::unbounded_channel();
                let sink = Sink::spawn_with_mailbox(Sink(n / 4 * 4, done), kameo::mailbox::unbounded());
                meter.begin();
                for _ in 0..4 {
                    let sink = sink.clone();
                    tokio::spawn(async move {
                        for i in 0..n / 4 {
                            sink.tell(Tell(i)).await.expect("alive");
                            if i % 64 == 0 {
                                tokio::task::yield_now().await;
                            }
                        }
                    });
                }
                ended.recv().await;
                meter.end();
            }),
            Measure::Ring => Box::pin(async move {
                let (done, mut ended) = mpsc::unbounded_channel();
                let hop = |next| Hop::spawn_with_mailbox(Hop(next, done.clone()), kameo::mailbox::unbounded());
                let last = hop(None);
                let mut first = last.clone();
                for _ in 0..999 {
                    first = hop(Some(first));
                }
                last.tell(Next(first.clone())).await.expect("alive");
                meter.begin();
                first.tell(Left(n)).await.expect("alive");
                ended.recv().await;
                meter.end();
            }),
            Measure::Call => Box::pin(async move {
                let echo = Echo::spawn_with_mailbox(Echo, kameo::mailbox::unbounded());
                meter.begin();
                for i in 0..n {
                    echo.ask(Call(i)).await.expect("an answer");
                }
                meter.end();
            }),
            Measure::Restart(children) => Box::pin(async move {
                let boss = Boss::spawn(Boss);
                let (up, mut ups) = mpsc::unbounded_channel();
                let mut workers = Vec::new();
                for _ in 0..children {
                    let worker = Worker::supervise(&boss, Worker(up.clone()));
                    workers.push(worker.restart_limit(u32::MAX, Duration::from_secs(1)).spawn().await);
                    ups.recv().await;
                }
                meter.begin();
                for i in 0..n {
                    workers[(i % children) as usize].tell(Crash).await.expect("alive");
                    ups.recv().await;
                }
                meter.end();
            }),
            Measure::Idle | Measure::IdleMillion => Box::pin(async move {
                let mut actors = Vec::with_capacity(n as usize);
                meter.begin();
                for _ in 0..n {
                    let actor = Echo::spawn(Echo);
                    actor.wait_for_startup().await;
                    actors.push(actor);
                }
                meter.end();
            }),
            Measure::Reference | Measure::Pattern | Measure::Links | Measure::Monitors => return None,
        })
    }
}
