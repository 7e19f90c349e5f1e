//! Runs a scenario over many seeds.

use rand_core::Rng;
use rusm_core::{Context, ExitReason, Node, Pid};
use rusm_sim::{Sim, SimHandle, SimOptions};
use std::collections::BTreeSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Every so many seeds, one is run twice and the hashes compared.
const REPEAT_EVERY: u64 = 20;

/// What a scenario must reach in at least one seed, or the suite has gone blind.
pub(crate) type Sometimes = &'static [&'static str];

/// Runs the scenario once for each seed, and says which seed fails and how to replay it.
pub(crate) fn explore<Fut>(name: &str, seeds: u64, sometimes: Sometimes, scenario: impl Fn(SimHandle) -> Fut)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let number = |variable: &str| std::env::var(variable).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match number("RUSM_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("RUSM_SEEDS").unwrap_or(seeds),
    };
    let mut reached = BTreeSet::new();
    for seed in seeds.clone() {
        let hash = run(name, seed, &scenario, &mut reached);
        if seed.is_multiple_of(REPEAT_EVERY) {
            assert_eq!(hash, run(name, seed, &scenario, &mut reached), "{name}: seed {seed} gave two traces");
        }
    }
    if seeds.clone().count() > 50 {
        for what in sometimes {
            assert!(reached.contains(*what), "{name}: no seed of {seeds:?} reached {what:?}; they reached {reached:?}");
        }
    }
}

fn run<Fut>(name: &str, seed: u64, scenario: impl Fn(SimHandle) -> Fut, reached: &mut BTreeSet<String>) -> String
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let sim = Sim::new(SimOptions::new(seed));
    let outcome = catch_unwind(AssertUnwindSafe(|| sim.block_on(scenario(sim.handle()))));
    let replay = format!("replay: RUSM_SEED={seed} cargo test --features sim --test chaos {name}");
    match outcome {
        Err(panic) => {
            eprintln!("{name}: seed {seed} failed; {replay}");
            resume_unwind(panic);
        }
        Ok(Err(error)) => panic!("{name}: seed {seed}: {error}; {replay}"),
        Ok(Ok(())) => {}
    }
    assert_eq!(sim.panics(), 0, "{name}: a task of seed {seed} panicked; {replay}");
    // A node makes an exit reason of a panic: an assertion in a process would fail in silence.
    assert_eq!(sim.process_panics(), Vec::<String>::new(), "{name}: a process of seed {seed} panicked; {replay}");
    reached.extend(sim.recorder().counts().into_keys());
    sim.hash()
}

/// A number below `bound`.
pub(crate) fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    rng.next_u64() % bound
}

/// A duration below that many microseconds.
pub(crate) fn micros(rng: &mut impl Rng, bound: u64) -> Duration {
    Duration::from_nanos(below(rng, bound * 1000))
}

/// Sends exit signals to processes that `choose` names, at times from the seed.
pub(crate) async fn storm(sim: &SimHandle, node: &Node, signals: u64, mut choose: impl FnMut(u64) -> Option<Pid>) {
    let mut rng = sim.random("storm");
    for _ in 0..signals {
        sim.sleep(micros(&mut rng, 3_000)).await;
        let reason = match below(&mut rng, 4) {
            0 => ExitReason::KILL,
            1 => ExitReason::SHUTDOWN,
            2 => ExitReason::NORMAL,
            _ => ExitReason::new("boom"),
        };
        if let Some(pid) = choose(rng.next_u64()) {
            node.exit_signal(pid, reason);
        }
    }
}

/// A process that does nothing but handle its signals.
pub(crate) async fn idle(context: Context) {
    loop {
        context.receive().await;
    }
}

/// Kills everything and waits until nothing is left.
pub(crate) async fn clear(sim: &SimHandle, node: &Node) {
    for pid in node.processes() {
        node.exit_signal(pid, ExitReason::KILL);
    }
    sim.sleep(Duration::from_secs(10)).await;
    assert_eq!(node.process_count(), 0, "processes are left: {:?}", node.processes());
}
