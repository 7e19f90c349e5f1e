//! `RUSM_SEEDS=50 cargo test` runs more of it, from `RUSM_FROM` on; `RUSM_SEED=7` one.

use rusm_turmoil::{Faults, NAMES, World, carry_out};
use std::time::Duration;

const FAULTS: Duration = Duration::from_secs(120);
/// After that everybody reaches everybody again.
const CONVERGED: Duration = Duration::from_secs(40);

/// What went wrong, how many monitors were told, how many tails were lost.
fn run(seed: u64) -> (Faults, u64, u64) {
    let world = World::new();
    let mut builder = turmoil::Builder::new();
    builder.rng_seed(seed).simulation_duration(Duration::from_secs(3_600)).udp_capacity(4_096);
    let latency = [Duration::from_millis(1), Duration::from_millis(1 + seed % 40)];
    builder.min_message_latency(latency[0]).max_message_latency(latency[1]);
    let mut sim = builder.build();
    for name in NAMES {
        let world = world.clone();
        sim.host(name, move || world.clone().run(name));
    }
    let wait = |sim: &mut turmoil::Sim<'_>, duration: Duration| {
        let end = sim.elapsed() + duration;
        while sim.elapsed() < end {
            sim.step().expect("nothing fails");
        }
    };
    wait(&mut sim, Duration::from_secs(5));
    assert_eq!(world.heard().len(), 6, "seed {seed}: {:?}", world.heard());
    let faults = carry_out(&mut sim, seed, FAULTS);
    wait(&mut sim, CONVERGED);
    let before = world.heard();
    wait(&mut sim, Duration::from_secs(2));
    let after = world.heard();
    assert_eq!(world.broken(), Vec::<String>::new(), "seed {seed}, {faults:?}");
    assert_eq!(world.untold(), Vec::<String>::new(), "seed {seed}, {faults:?}");
    assert_eq!(before.len(), 6, "seed {seed}, {faults:?}: {before:?}");
    for (pair, number) in before {
        assert!(after[&pair] > number, "seed {seed}, {faults:?}: {pair:?} hear nothing of each other");
    }
    let (downs, lost_tails) = world.counts();
    (faults, downs, lost_tails)
}

#[test]
fn order_holds_and_every_monitor_is_told_once_over_the_real_stack() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let seeds = match number("RUSM_SEED") {
        Some(seed) => seed..=seed,
        None => {
            let from = number("RUSM_FROM").unwrap_or(1);
            from..=from.saturating_add(number("RUSM_SEEDS").unwrap_or(4)) - 1
        }
    };
    let (mut all, mut downs, mut lost_tails) = (Faults::new(), 0, 0);
    for seed in seeds.clone() {
        let (faults, told, lost) = run(seed);
        println!("seed {seed}: {faults:?}, {told} monitors told, {lost} tails lost");
        faults.into_iter().for_each(|(what, count)| *all.entry(what).or_default() += count);
        (downs, lost_tails) = (downs + told, lost_tails + lost);
    }
    if seeds.count() >= 4 {
        assert!(all.len() == 7 && downs > 0 && lost_tails > 0, "{all:?}, {downs} told, {lost_tails} lost");
    }
}
