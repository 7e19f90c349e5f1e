//! hydra: processes with Erlang's names.

use crate::measure::{Job, Measure, Peer};
use hydra::{Pid, Process};
use serde::{Deserialize, Serialize};

pub struct Hydra;

#[derive(Serialize, Deserialize)]
enum Token {
    Ping(Pid, u64),
    Pong(u64),
}

/// Runs inside a hydra process and waits for its end.
fn in_a_process(body: impl Future<Output = ()> + Send + 'static) -> Job {
    Box::pin(async move {
        let (done, ended) = tokio::sync::oneshot::channel();
        Process::spawn(async move {
            body.await;
            let _ = done.send(());
        });
        ended.await.expect("ends");
    })
}

impl Peer for Hydra {
    fn name(&self) -> &'static str {
        "hydra"
    }

    fn job(&self, measure: Measure, n: u64) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => in_a_process(async move {
                for _ in 0..n / 100 {
                    for _ in 0..100 {
                        Process::spawn_monitor(async {});
                    }
                    for _ in 0..100 {
                        let _ = Process::receiver().for_message::<Token>().receive().await;
                    }
                }
            }),
            Measure::PingPong => in_a_process(async move {
                let pong = Process::spawn(async {
                    loop {
                        if let hydra::Message::User(Token::Ping(from, i)) = Process::receive::<Token>().await {
                            Process::send(from, Token::Pong(i));
                        }
                    }
                });
                for i in 0..n {
                    Process::send(pong, Token::Ping(Process::current(), i));
                    let _ = Process::receive::<Token>().await;
                }
                Process::exit(pong, hydra::ExitReason::Kill);
            }),
            Measure::FourToOne => in_a_process(async move {
                let receiver = Process::current();
                for _ in 0..4 {
                    Process::spawn(async move {
                        for i in 0..n / 4 {
                            Process::send(receiver, Token::Pong(i));
                            if i % 64 == 0 {
                                tokio::task::yield_now().await;
                            }
                        }
                    });
                }
                for _ in 0..n / 4 * 4 {
                    let _ = Process::receive::<Token>().await;
                }
            }),
            Measure::RingHop | Measure::Call | Measure::CallBehindBacklog => return None,
        })
    }
}
