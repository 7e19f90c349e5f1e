//! kameo: an actor with a handler per message type.

use crate::measure::{Job, Measure, Peer};
use kameo::prelude::*;
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

impl Peer for Kameo {
    fn name(&self) -> &'static str {
        "kameo"
    }

    fn job(&self, measure: Measure, n: u64) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => Box::pin(async move {
                for _ in 0..n / 100 {
                    let actors: Vec<_> = (0..100).map(|_| Echo::spawn(Echo)).collect();
                    for actor in actors {
                        actor.kill();
                        actor.wait_for_shutdown().await;
                    }
                }
            }),
            Measure::PingPong => Box::pin(async move {
                let echo = Echo::spawn_with_mailbox(Echo, kameo::mailbox::unbounded());
                let (to, mut from) = mpsc::unbounded_channel();
                for i in 0..n {
                    echo.tell(Ping(i, to.clone())).await.expect("alive");
                    from.recv().await.expect("open");
                }
            }),
            Measure::Call => Box::pin(async move {
                let echo = Echo::spawn_with_mailbox(Echo, kameo::mailbox::unbounded());
                for i in 0..n {
                    echo.ask(Call(i)).await.expect("an answer");
                }
            }),
            Measure::FourToOne | Measure::RingHop | Measure::CallBehindBacklog => return None,
        })
    }
}
