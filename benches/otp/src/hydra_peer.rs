//! hydra: processes with Erlang's names.

use crate::measure::Measure;
use crate::meter::Meter;
use crate::peer::{Job, Peer};
use hydra::{ChildSpec, From, GenServer, GenServerOptions, Pid, Process, ProcessFlags, Supervisor, SupervisorOptions};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub struct Hydra;

#[derive(Serialize, Deserialize)]
enum Token {
    Ping(Pid, u64),
    Pong(u64),
    Up(u64, Pid),
    Wanted,
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

async fn receive() -> Token {
    match Process::receive::<Token>().await {
        hydra::Message::User(token) => token,
        other => panic!(
            "unexpected: {}",
            if let hydra::Message::System(m) = other { format!("{m:?}") } else { String::new() }
        ),
    }
}

async fn pong() {
    loop {
        if let Token::Ping(from, i) = receive().await {
            Process::send(from, Token::Pong(i));
        }
    }
}

async fn ping(n: u64) {
    let pong = Process::spawn(pong());
    for i in 0..n {
        Process::send(pong, Token::Ping(Process::current(), i));
        receive().await;
    }
    Process::exit(pong, hydra::ExitReason::Kill);
}

async fn pass_on(to: Pid) {
    loop {
        if let Token::Pong(left) = receive().await {
            Process::send(to, Token::Pong(left.saturating_sub(1)));
        }
    }
}

struct AddOne;

impl GenServer for AddOne {
    type Message = u64;

    async fn init(&mut self) -> Result<(), hydra::ExitReason> {
        Ok(())
    }

    async fn handle_call(&mut self, n: u64, _: From) -> Result<Option<u64>, hydra::ExitReason> {
        Ok(Some(n + 1))
    }
}

async fn restart(children: u64, n: u64, meter: Meter) {
    let driver = Process::current();
    let child = |number: u64| {
        ChildSpec::new(number.to_string()).start(move || async move {
            Ok(Process::spawn_link(async move {
                Process::send(driver, Token::Up(number, Process::current()));
                receive().await;
                Process::exit(Process::current(), "crash");
            }))
        })
    };
    Supervisor::with_children((0..children).map(child))
        .max_restarts(usize::MAX)
        .max_duration(Duration::from_secs(1))
        .start_link(SupervisorOptions::new())
        .await
        .expect("starts");
    let mut pids = vec![None; children as usize];
    for _ in 0..children {
        if let Token::Up(number, pid) = receive().await {
            pids[number as usize] = Some(pid);
        }
    }
    meter.begin();
    for i in 0..n {
        Process::send(pids[(i % children) as usize].expect("is up"), Token::Wanted);
        if let Token::Up(number, pid) = receive().await {
            pids[number as usize] = Some(pid);
        }
    }
    meter.end();
}

async fn spawn_all<Fut>(n: u64, body: impl Fn(Pid) -> Fut)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let own = Process::current();
    for _ in 0..n / 1000 {
        for _ in 0..1000 {
            Process::spawn(body(own));
        }
        for _ in 0..1000 {
            receive().await;
        }
    }
}

async fn death(n: u64, meter: Meter, watch: fn(Pid)) {
    let hub = Process::spawn(async {
        receive().await;
    });
    let seen = Arc::new(AtomicU64::new(0));
    spawn_all(n, |driver| {
        let seen = seen.clone();
        async move {
            watch(hub);
            Process::send(driver, Token::Wanted);
            let _ = Process::receive::<Token>().await;
            if seen.fetch_add(1, Ordering::Relaxed) + 1 == n {
                Process::send(driver, Token::Wanted);
            }
            let _ = Process::receive::<Token>().await;
        }
    })
    .await;
    meter.begin();
    Process::send(hub, Token::Wanted);
    receive().await;
    meter.end();
}

impl Peer for Hydra {
    fn job(&self, measure: Measure, n: u64, meter: Meter) -> Option<Job> {
        Some(match measure {
            Measure::SpawnExit => in_a_process(async move {
                meter.begin();
                for _ in 0..n / 100 {
                    for _ in 0..100 {
                        Process::spawn_monitor(async {});
                    }
                    for _ in 0..100 {
                        let _ = Process::receive::<Token>().await;
                    }
                }
                meter.end();
            }),
            Measure::PingPong => in_a_process(async move {
                meter.begin();
                ping(n).await;
                meter.end();
            }),
            Measure::Pairs => in_a_process(async move {
                meter.begin();
                for _ in 0..8 {
                    Process::spawn_monitor(ping(n / 8));
                }
                for _ in 0..8 {
                    let _ = Process::receive::<Token>().await;
                }
                meter.end();
            }),
            Measure::FourToOne => in_a_process(async move {
                let receiver = Process::current();
                meter.begin();
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
                    receive().await;
                }
                meter.end();
            }),
            Measure::Ring => in_a_process(async move {
                let mut next = Process::current();
                for _ in 0..999 {
                    next = Process::spawn(pass_on(next));
                }
                meter.begin();
                Process::send(next, Token::Pong(n));
                loop {
                    match receive().await {
                        Token::Pong(0) => break,
                        Token::Pong(left) => Process::send(next, Token::Pong(left - 1)),
                        _ => {}
                    }
                }
                meter.end();
            }),
            Measure::Call => in_a_process(async move {
                let server = AddOne.start_link(GenServerOptions::new()).await.expect("starts");
                meter.begin();
                for i in 0..n {
                    AddOne::call(server, i, None).await.expect("an answer");
                }
                meter.end();
            }),
            Measure::Restart(children) => in_a_process(restart(children, n, meter)),
            Measure::Reference => in_a_process(async move {
                let server = AddOne.start_link(GenServerOptions::new()).await.expect("starts");
                for i in 0..10_000 {
                    Process::send(Process::current(), Token::Pong(i));
                }
                meter.begin();
                for i in 0..n {
                    AddOne::call(server, i, None).await.expect("an answer");
                }
                meter.end();
            }),
            Measure::Pattern => in_a_process(async move {
                for i in 0..10_000 {
                    Process::send(Process::current(), Token::Pong(i));
                }
                meter.begin();
                for _ in 0..n {
                    Process::send(Process::current(), Token::Wanted);
                    Process::receiver()
                        .for_message::<Token>()
                        .select(|message| matches!(message, hydra::Message::User(Token::Wanted)))
                        .await;
                }
                meter.end();
            }),
            Measure::Idle | Measure::IdleMillion => in_a_process(async move {
                meter.begin();
                spawn_all(n, |driver| async move {
                    Process::send(driver, Token::Wanted);
                    let _ = Process::receive::<Token>().await;
                })
                .await;
                meter.end();
            }),
            Measure::Links => in_a_process(death(n, meter, |hub| {
                Process::set_flags(ProcessFlags::TRAP_EXIT);
                Process::link(hub);
            })),
            Measure::Monitors => in_a_process(death(n, meter, |hub| {
                Process::monitor(hub);
            })),
        })
    }
}
