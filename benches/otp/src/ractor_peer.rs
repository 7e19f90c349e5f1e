//! ractor: an actor with a typed message.

use crate::measure::{Job, Measure, Peer};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::{mpsc, oneshot};

pub struct Ractor;

struct Idle;

impl Actor for Idle {
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

impl Peer for Ractor {
    fn name(&self) -> &'static str {
        "ractor"
    }

    fn job(&self, measure: Measure, n: u64) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => Box::pin(async move {
                for _ in 0..n / 100 {
                    let mut handles = Vec::with_capacity(100);
                    for _ in 0..100 {
                        handles.push(Actor::spawn(None, Idle, ()).await.expect("starts").1);
                    }
                    for handle in handles {
                        handle.await.expect("ends");
                    }
                }
            }),
            Measure::PingPong => Box::pin(async move {
                let (echo, _) = Actor::spawn(None, Echo, ()).await.expect("starts");
                let (to, mut from) = mpsc::unbounded_channel();
                for i in 0..n {
                    echo.cast(EchoMessage::Ping(i, to.clone())).expect("alive");
                    from.recv().await.expect("open");
                }
                echo.stop(None);
            }),
            Measure::FourToOne => Box::pin(async move {
                let (done, ended) = oneshot::channel();
                let (sink, _) = Actor::spawn(None, Sink, (n / 4 * 4, done)).await.expect("starts");
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
                sink.stop(None);
            }),
            Measure::Call => Box::pin(async move {
                let (echo, _) = Actor::spawn(None, Echo, ()).await.expect("starts");
                for i in 0..n {
                    ractor::call!(echo, EchoMessage::Call, i).expect("an answer");
                }
                echo.stop(None);
            }),
            Measure::RingHop | Measure::CallBehindBacklog => return None,
        })
    }
}
