//! Every kind of fault, from a plan: its effect, and that it is counted.

mod hosts;
mod links;

use rusm_sim::suite::Suite;
use rusm_sim::{Case, FaultKind, Outcome, Report, Test};
use std::time::Duration;

const SEEDS: u64 = 20;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// For a few seeds what runs must pass, and the kind must have been counted.
#[track_caller]
fn passes_and_is_counted(kind: FaultKind, run: impl Fn(u64) -> Report) {
    for seed in 1..=SEEDS {
        let report = run(seed);
        assert_eq!(report.outcome, Outcome::Passed, "seed {seed}");
        assert!(report.counts.contains_key(kind.name()), "{kind:?} is not counted in seed {seed}: {:?}", report.counts);
    }
}

/// Runs one seed under a plan whose lines are parted by `;`.
fn run_plan(name: &str, seed: u64, plan: &str, set_up: impl Fn(&mut Test) + Send + Sync + 'static) -> Report {
    let plan = plan.replace(';', "\n").parse().expect("a plan");
    Suite::new(name, set_up).run(&Case { plan: Some(plan), ..Case::of_seed(seed) })
}
