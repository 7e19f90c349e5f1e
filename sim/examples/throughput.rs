//! How fast the simulator is: events of the log per CPU-second, for tasks that yield, for timers, and for processes
//! that pass messages.
//!
//! `cargo run --release -p rusm-sim --example throughput`

#![expect(clippy::disallowed_methods, reason = "measures the machine's own time")]

use rusm_core::{Context, Node, NodeOptions, Pid, Term};
use rusm_sim::{Policy, Profile, Sim, SimOptions};
use std::task::Poll;
use std::time::{Duration, Instant};

fn main() {
    for policy in [Policy::Random, Policy::Fifo, Policy::Priorities { change_every: 100 }] {
        println!("{policy:?}");
        measure(policy, "tasks that yield", |sim| {
            for _ in 0..500 {
                sim.spawn("a", yields(10_000));
            }
        });
        measure(policy, "tasks that sleep", |sim| {
            for number in 0..500 {
                let clock = sim.seams("a").clock;
                sim.spawn("a", async move {
                    for step in 0..4_000 {
                        clock.sleep_until(clock.now() + Duration::from_micros(1 + (number * step) % 1000)).await;
                    }
                });
            }
        });
        measure(policy, "processes that pass messages", |sim| {
            let node = Node::start(NodeOptions::new("a", sim.seams("a")));
            let mut next = None;
            for _ in 0..100 {
                next = Some(node.spawn(move |context| pass_on(context, next)));
            }
            for _ in 0..5_000 {
                node.send(next.expect("a process"), Term::empty()).expect("a pid takes everything");
            }
        });
    }
}

/// Passes every message on, or keeps it when there is no next process.
async fn pass_on(context: Context, next: Option<Pid>) {
    loop {
        let _ = context.receive().await;
        if let Some(next) = next {
            context.send(next, Term::empty()).expect("a pid takes everything");
        }
    }
}

async fn yields(mut times: u32) {
    std::future::poll_fn(|cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn measure(policy: Policy, what: &str, start: impl FnOnce(&Sim)) {
    let profile = Profile { policy, ..Profile::of_seed(1) };
    let sim = Sim::new(SimOptions { profile, ..SimOptions::new(1) });
    start(&sim);
    let started = Instant::now();
    sim.run_for(Duration::from_secs(60));
    let elapsed = started.elapsed().as_secs_f64();
    let events = sim.recorder().events();
    println!("  {what}: {events} events in {elapsed:.2} s, {:.1} million a second", events as f64 / elapsed / 1e6);
}
