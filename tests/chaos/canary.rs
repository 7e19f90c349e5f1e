//! A planted bug that the simulator must find: if it does not, it has gone blind, and so has every suite beside this.

use rusm_core::{Context, Message, Node, Pid};
use rusm_sim::suite::Suite;
use rusm_sim::{Case, Outcome, RunError, Sim, SimOptions, Test};
use std::time::Duration;

const SEEDS: u64 = 300;

/// Starts a worker, waits until it has reported, and then for its DOWN. The bug: it watches the worker only after it
/// has told it to go on, takes a DOWN that says `noproc` for one of somebody else, and waits on.
async fn careless(context: Context) {
    let worker = spawn_worker(&context);
    // The sender goes on after `send`; whether the worker is dead by the time of the next line is up to the schedule.
    context.send(worker, rusm_core::Term::empty()).expect("a pid takes everything");
    let monitor = context.monitor(worker);
    context
        .receive_match(|message| {
            matches!(message, Message::Down { monitor: of, reason, .. } if *of == monitor && reason.word() != "noproc")
        })
        .await;
}

/// The same without the bug.
async fn careful(context: Context) {
    let worker = spawn_worker(&context);
    let monitor = context.monitor(worker);
    context.send(worker, rusm_core::Term::empty()).expect("a pid takes everything");
    context
        .receive_match(|message| {
            matches!(message, Message::Down { monitor: of, reason, .. } if *of == monitor && reason.word() != "noproc")
        })
        .await;
}

fn spawn_worker(context: &Context) -> Pid {
    context.spawn(|context: Context| async move {
        context.receive().await;
        context.sleep(Duration::from_micros(20)).await;
    })
}

fn failing_seeds<Fut>(boss: impl Fn(Context) -> Fut + Copy + Send + Sync + 'static) -> Vec<u64>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let suite = Suite::new("canary", move |test: &mut Test| {
        test.script("outside", move |sim| async move {
            let node = Node::start(sim.node_options("a"));
            let boss = node.spawn(boss);
            node.await_exit(boss).await;
        });
    });
    let stalls = |seed: &u64| matches!(suite.run(&Case::of_seed(*seed)).outcome, Outcome::Stalled(_));
    (1..=SEEDS).filter(stalls).collect()
}

#[test]
fn a_lost_down_is_found() {
    let found = failing_seeds(careless);
    println!("the planted bug shows in {} of {SEEDS} seeds, first in {:?}", found.len(), found.first());
    assert!(found.len() > 3, "the planted bug shows in {found:?} only");
    assert!(found.len() < SEEDS as usize / 2, "the planted bug is no race: it shows in {} seeds", found.len());
}

#[test]
fn without_the_bug_nothing_is_found() {
    assert_eq!(failing_seeds(careful), Vec::<u64>::new());
}

#[test]
fn a_process_that_waits_for_ever_is_a_stall_and_no_timeout() {
    let sim = Sim::new(SimOptions::new(1));
    let node = Node::start(sim.node_options("a"));
    let sleeper = node.spawn(|context: Context| async move {
        context.sleep(Duration::from_secs(1)).await;
        context.receive().await;
    });
    let outcome = sim.block_on(async move { node.await_exit(sleeper).await });
    assert!(matches!(outcome, Err(RunError::Stalled(at)) if at.as_nanos() > 900_000_000), "{outcome:?}");
}

#[test]
fn tasks_that_go_round_and_round_are_a_stall_and_no_timeout() {
    let sim = Sim::new(SimOptions { turns_max: 10_000, ..SimOptions::new(1) });
    let node = Node::start(sim.node_options("a"));
    let restless = node.spawn(|context: Context| async move {
        while context.receive_timeout(Duration::from_millis(1), |_| true).await.is_none() {}
    });
    let outcome = sim.block_on(async move { node.await_exit(restless).await });
    assert!(matches!(outcome, Err(RunError::Failed(Outcome::Stalled(_)))), "{outcome:?}");
}
