//! Runs a scenario over many seeds.

use rusm_sim::{Sim, SimHandle, SimOptions};
use std::collections::BTreeSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Every so many seeds, one is run twice and the hashes compared.
const REPEAT_EVERY: u64 = 20;

/// Runs the scenario once for each seed, and says which seed fails and how to replay it. What stands in `sometimes` must be
/// reached in at least one seed.
pub(crate) fn explore<Fut>(name: &str, seeds: u64, sometimes: &[&str], scenario: impl Fn(SimHandle) -> Fut)
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
    for what in sometimes.iter().filter(|_| seeds.clone().count() > 20) {
        assert!(reached.contains(*what), "{name}: no seed of {seeds:?} reached {what:?}; they reached {reached:?}");
    }
}

fn run<Fut>(name: &str, seed: u64, scenario: impl Fn(SimHandle) -> Fut, reached: &mut BTreeSet<String>) -> String
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let sim = Sim::new(SimOptions::new(seed));
    let outcome = catch_unwind(AssertUnwindSafe(|| sim.block_on(scenario(sim.handle()))));
    let replay = format!("replay: RUSM_SEED={seed} cargo test -p rusm-sim --test cluster {name}");
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
