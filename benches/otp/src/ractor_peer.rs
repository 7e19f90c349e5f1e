//! ractor: an actor with a typed message.

use crate::measure::Measure;
use crate::meter::Meter;
use crate::peer::{Job, Peer};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use std::collections::HashMap;
use tokio::sync::{mpsc, oneshot};

pub struct Ractor;

struct Ending;

impl Actor for Ending {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, _: ()) -> Result<(), ActorProcessingErr> {
        myself.stop(None);
        Ok(())
    }
}

struct Echo;

enum EchoMessage {
    Ping(u64, mpsc::UnboundedSender<u64>),
    Call(u64, RpcReplyPort<u64>),
}

impl Actor for Echo {
    type Msg = EchoMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<EchoMessage>, _: ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<EchoMessage>,
        message: EchoMessage,
        _: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match message {
            EchoMessage::Ping(n, to) => to.send(n)?,
            EchoMessage::Call(n, reply) => reply.send(n + 1)?,
        }
        Ok(())
    }
}

async fn ping(n: u64) {
    let (echo, _) = Actor::spawn(None, Echo, ()).await.expect("starts");
    let (to, mut from) = mpsc::unbounded_channel();
    for i in 0..n {
        echo.cast(EchoMessage::Ping(i, to.clone())).expect("alive");
        from.recv().await.expect("open");
    }
    echo.stop(None);
}

/// Counts what it is told.
struct Sink;

impl Actor for Sink {
    type Msg = u64;
    type State = (u64, Option<oneshot::Sender<()>>);
    type Arguments = (u64, oneshot::Sender<()>);

    async fn pre_start(&self, _: ActorRef<u64>, (n, done): Self::Arguments) -> Result<Self::State, ActorProcessingErr> {
        Ok((n, Some(done)))
    }

    async fn handle(&self, _: ActorRef<u64>, _: u64, state: &mut Self::State) -> Result<(), ActorProcessingErr> {
        state.0 -= 1;
        if state.0 == 0 {
            let _ = state.1.take().map(|done| done.send(()));
        }
        Ok(())
    }
}

/// Passes a number on, one less.
struct Hop;

enum HopMessage {
    Next(ActorRef<HopMessage>),
    Left(u64),
}

impl Actor for Hop {
    type Msg = HopMessage;
    type State = (Option<ActorRef<HopMessage>>, mpsc::UnboundedSender<()>);
    type Arguments = Self::State;

    async fn pre_start(&self, _: ActorRef<HopMessage>, state: Self::State) -> Result<Self::State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<HopMessage>,
        message: HopMessage,
        (next, done): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match (message, &next) {
            (HopMessage::Next(to), _) => *next = Some(to),
            (HopMessage::Left(0), _) | (HopMessage::Left(_), None) => done.send(())?,
            (HopMessage::Left(left), Some(next)) => next.cast(HopMessage::Left(left - 1))?,
        }
        Ok(())
    }
}

type Up = (u64, ActorRef<()>);

/// Says where it is and crashes when it is told to.
struct Worker;

impl Actor for Worker {
    type Msg = ();
    type State = ();
    type Arguments = (u64, mpsc::UnboundedSender<Up>);

    async fn pre_start(&self, myself: ActorRef<()>, (number, up): Self::Arguments) -> Result<(), ActorProcessingErr> {
        up.send((number, myself))?;
        Ok(())
    }

    async fn handle(&self, _: ActorRef<()>, _: (), _: &mut ()) -> Result<(), ActorProcessingErr> {
        Err("crash".into())
    }
}

/// Starts a worker again when it has failed.
struct Boss;

struct BossState {
    numbers: HashMap<ActorId, u64>,
    up: mpsc::UnboundedSender<Up>,
}

impl Boss {
    async fn start(&self, myself: &ActorRef<()>, number: u64, state: &mut BossState) -> Result<(), ActorProcessingErr> {
        let (worker, _) = Actor::spawn_linked(None, Worker, (number, state.up.clone()), myself.get_cell()).await?;
        state.numbers.insert(worker.get_id(), number);
        Ok(())
    }
}

impl Actor for Boss {
    type Msg = ();
    type State = BossState;
    type Arguments = (u64, mpsc::UnboundedSender<Up>);

    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        (children, up): Self::Arguments,
    ) -> Result<BossState, ActorProcessingErr> {
        let mut state = BossState { numbers: HashMap::new(), up };
        for number in 0..children {
            self.start(&myself, number, &mut state).await?;
        }
        Ok(state)
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        state: &mut BossState,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(worker, _) = event
            && let Some(number) = state.numbers.remove(&worker.get_id())
        {
            self.start(&myself, number, state).await?;
        }
        Ok(())
    }
}

impl Peer for Ractor {
    fn job(&self, measure: Measure, n: u64, meter: Meter) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => Box::pin(async move {
                meter.begin();
                for _ in 0..n / 100 {
                    let mut handles = Vec::with_capacity(100);
                    for _ in 0..100 {
                        handles.push(Actor::spawn(None, Ending, ()).await.expect("starts").1);
                    }
                    for handle in handles {
                        handle.await.expect("ends");
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
                let (done, ended) = oneshot::channel();
                let (sink, _) = Actor::spawn(None, Sink, (n / 4 * 4, done)).await.expect("starts");
                meter.begin();
                for _ in 0..4 {
                    let sink = sink.clone();
                    tokio::spawn(async move {
                        for i in 0..n / 4 {
                            sink.cast(i).expect("alive");
                            if i % 64 == 0 {
                                tokio::task::yield_now().await;
                            }
                        }
                    });
                }
                ended.await.expect("ends");
                meter.end();
                sink.stop(None);
            }),
            Measure::Ring => Box::pin(async move {
                let (done, mut ended) = mpsc::unbounded_channel();
                let (last, _) = Actor::spawn(None, Hop, (None, done.clone())).await.expect("starts");
                let mut first = last.clone();
                for _ in 0..999 {
                    first = Actor::spawn(None, Hop, (Some(first), done.clone())).await.expect("starts").0;
                }
                last.cast(HopMessage::Next(first.clone())).expect("alive");
                meter.begin();
                first.cast(HopMessage::Left(n)).expect("alive");
                ended.recv().await;
                meter.end();
            }),
            Measure::Call => Box::pin(async move {
                let (echo, _) = Actor::spawn(None, Echo, ()).await.expect("starts");
                meter.begin();
                for i in 0..n {
                    ractor::call!(echo, EchoMessage::Call, i).expect("an answer");
                }
                meter.end();
                echo.stop(None);
            }),
            Measure::Restart(children) => Box::pin(async move {
                let (up, mut ups) = mpsc::unbounded_channel();
                let _boss = Actor::spawn(None, Boss, (children, up)).await.expect("starts");
                let mut workers = Vec::new();
                for _ in 0..children {
                    workers.push(ups.recv().await.expect("open").1);
                }
                meter.begin();
                for i in 0..n {
                    workers[(i % children) as usize].cast(()).expect("alive");
                    let (number, worker) = ups.recv().await.expect("open");
                    workers[number as usize] = worker;
                }
                meter.end();
            }),
            Measure::Idle | Measure::IdleMillion => Box::pin(async move {
                let mut actors = Vec::with_capacity(n as usize);
                meter.begin();
                for _ in 0..n {
                    actors.push(Actor::spawn(None, Echo, ()).await.expect("starts").0);
                }
                meter.end();
            }),
            Measure::Reference | Measure::Pattern | Measure::Links | Measure::Monitors => return None,
        })
    }
}
