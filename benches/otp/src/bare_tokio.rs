//! The floor: a task and an mpsc channel.

use crate::measure::{Job, Measure, Peer};
use tokio::sync::{mpsc, oneshot};

pub struct BareTokio;

impl Peer for BareTokio {
    fn name(&self) -> &'static str {
        "tokio"
    }

    fn job(&self, measure: Measure, n: u64) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => Box::pin(async move {
                for _ in 0..n / 100 {
                    let tasks: Vec<_> = (0..100).map(|_| tokio::spawn(async {})).collect();
                    for task in tasks {
                        task.await.expect("ends");
                    }
                }
            }),
            Measure::PingPong => Box::pin(async move {
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
            }),
            Measure::FourToOne => Box::pin(async move {
                let (sender, mut receiver) = mpsc::unbounded_channel::<u64>();
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
                for _ in 0..n {
                    receiver.recv().await.expect("open");
                }
            }),
            Measure::RingHop => Box::pin(async move {
                let (first, mut receiver) = mpsc::unbounded_channel::<u64>();
                let (done, ended) = oneshot::channel();
                let mut done = Some(done);
                let head = first.clone();
                for i in 0..1000 {
                    let (next, next_receiver) = if i == 999 {
                        (head.clone(), None)
                    } else {
                        let (s, r) = mpsc::unbounded_channel();
                        (s, Some(r))
                    };
                    let mut mine = receiver;
                    let mut done = if i == 0 { done.take() } else { None };
                    tokio::spawn(async move {
                        while let Some(left) = mine.recv().await {
                            if left == 0 {
                                if let Some(done) = done.take() {
                                    let _ = done.send(());
                                    return;
                                }
                            }
                            let _ = next.send(left.saturating_sub(1));
                        }
                    });
                    match next_receiver {
                        Some(next_receiver) => receiver = next_receiver,
                        None => break,
                    }
                }
                first.send(n).expect("open");
                drop(first);
                ended.await.expect("ends");
            }),
            Measure::Call => Box::pin(async move {
                let (server, mut requests) = mpsc::unbounded_channel::<(u64, oneshot::Sender<u64>)>();
                tokio::spawn(async move {
                    while let Some((n, reply)) = requests.recv().await {
                        reply.send(n + 1).expect("open");
                    }
                });
                for i in 0..n {
                    let (reply, replied) = oneshot::channel();
                    server.send((i, reply)).expect("open");
                    replied.await.expect("answered");
                }
            }),
            Measure::CallBehindBacklog => return None,
        })
    }
}
