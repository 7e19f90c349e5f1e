//! The floor: a task and an mpsc channel.

use crate::measure::Measure;
use crate::meter::Meter;
use crate::peer::{Job, Peer};
use tokio::sync::{mpsc, oneshot};

pub struct BareTokio;

async fn ping(n: u64) {
    let (to_pong, mut pongs) = mpsc::unbounded_channel::<u64>();
    let (to_ping, mut pings) = mpsc::unbounded_channel::<u64>();
    tokio::spawn(async move {
        while let Some(n) = pongs.recv().await {
            to_ping.send(n).expect("open");
        }
    });
    for i in 0..n {
        to_pong.send(i).expect("open");
        pings.recv().await.expect("open");
    }
}

impl Peer for BareTokio {
    fn job(&self, measure: Measure, n: u64, meter: Meter) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => Box::pin(async move {
                meter.begin();
                for _ in 0..n / 100 {
                    let tasks: Vec<_> = (0..100).map(|_| tokio::spawn(async {})).collect();
                    for task in tasks {
                        task.await.expect("ends");
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
                let (sender, mut receiver) = mpsc::unbounded_channel::<u64>();
                meter.begin();
                for _ in 0..4 {
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        for i in 0..n / 4 {
                            sender.send(i).expect("open");
                            if i % 64 == 0 {
                                tokio::task::yield_now().await;
                            }
                        }
                    });
                }
                for _ in 0..n / 4 * 4 {
                    receiver.recv().await.expect("open");
                }
                meter.end();
            }),
            Measure::Ring => Box::pin(async move {
                let (mut next, mut last) = mpsc::unbounded_channel::<u64>();
                for _ in 0..999 {
                    let to = next;
                    let (sender, mut mine) = mpsc::unbounded_channel::<u64>();
                    next = sender;
                    tokio::spawn(async move {
                        while let Some(left) = mine.recv().await {
                            let _ = to.send(left.saturating_sub(1));
                        }
                    });
                }
                meter.begin();
                next.send(n).expect("open");
                loop {
                    let left = last.recv().await.expect("open");
                    if left == 0 {
                        break;
                    }
                    next.send(left - 1).expect("open");
                }
                meter.end();
            }),
            Measure::Call => Box::pin(async move {
                let (server, mut requests) = mpsc::unbounded_channel::<(u64, oneshot::Sender<u64>)>();
                tokio::spawn(async move {
                    while let Some((n, reply)) = requests.recv().await {
                        reply.send(n + 1).expect("open");
                    }
                });
                meter.begin();
                for i in 0..n {
                    let (reply, replied) = oneshot::channel();
                    server.send((i, reply)).expect("open");
                    replied.await.expect("answered");
                }
                meter.end();
            }),
            Measure::Idle | Measure::IdleMillion => Box::pin(async move {
                let (up, mut ups) = mpsc::unbounded_channel();
                let mut senders = Vec::with_capacity(n as usize);
                meter.begin();
                for _ in 0..n / 1000 {
                    for _ in 0..1000 {
                        let (sender, mut receiver) = mpsc::unbounded_channel::<u64>();
                        senders.push(sender);
                        let up = up.clone();
                        tokio::spawn(async move {
                            up.send(()).expect("open");
                            receiver.recv().await;
                        });
                    }
                    for _ in 0..1000 {
                        ups.recv().await.expect("open");
                    }
                }
                meter.end();
            }),
            Measure::Restart(_) | Measure::Reference | Measure::Pattern | Measure::Links | Measure::Monitors => {
                return None;
            }
        })
    }
}
