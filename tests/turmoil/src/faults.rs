//! What goes wrong, drawn from a seed: what turmoil can do to hosts and to the network between them.

use crate::node::NAMES;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often each thing went wrong.
pub type Faults = BTreeMap<&'static str, u64>;

/// Lets things go wrong for so long, one after the other, each for a while; then all is as it should be.
///
/// # Panics
/// When the run fails.
pub fn carry_out(sim: &mut turmoil::Sim<'_>, seed: u64, duration: Duration) -> Faults {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut faults = Faults::new();
    let end = sim.elapsed() + duration;
    while sim.elapsed() < end {
        let one = NAMES[below(&mut rng, 3)];
        let others: Vec<&str> = NAMES.into_iter().filter(|other| *other != one).collect();
        let other = others[below(&mut rng, 2)];
        // Some last longer than it takes to give a node up.
        let lasts = Duration::from_millis(100 + below(&mut rng, 12_000) as u64);
        let what = ["partition", "one way", "alone", "hold", "bounce", "crash", "loss"][below(&mut rng, 7)];
        *faults.entry(what).or_default() += 1;
        match what {
            "partition" => sim.partition(one, other),
            "one way" => sim.partition_oneway(one, other),
            "alone" => others.iter().for_each(|other| sim.partition(one, *other)),
            "hold" => sim.hold(one, other),
            "bounce" => sim.bounce(one),
            "crash" => sim.crash(one),
            _ => sim.set_link_fail_rate(one, other, 0.2),
        }
        run(sim, lasts);
        match what {
            "partition" | "one way" => sim.repair(one, other),
            "alone" => others.iter().for_each(|other| sim.repair(one, *other)),
            "hold" => sim.release(one, other),
            "crash" => sim.bounce(one),
            "loss" => sim.set_link_fail_rate(one, other, 0.0),
            _ => {}
        }
        run(sim, Duration::from_millis(below(&mut rng, 6_000) as u64));
    }
    faults
}

/// Lets so much virtual time pass.
fn run(sim: &mut turmoil::Sim<'_>, duration: Duration) {
    let end = sim.elapsed() + duration;
    while sim.elapsed() < end {
        sim.step().expect("nothing fails");
    }
}

fn below(rng: &mut ChaCha8Rng, bound: u64) -> usize {
    (rng.next_u64() % bound) as usize
}
