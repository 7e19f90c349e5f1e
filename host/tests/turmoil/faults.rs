//! What goes wrong, drawn from a seed.

use crate::{CLIENTS, SERVER};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often each thing went wrong.
pub(crate) type Faults = BTreeMap<&'static str, u64>;

pub(crate) const KINDS: [&str; 6] = ["partition", "one way", "other way", "hold", "server crashes", "client crashes"];

/// Lets things go wrong for so long, one after the other, each for a while; then all is as it should be.
pub(crate) fn carry_out(sim: &mut turmoil::Sim<'_>, seed: u64, duration: Duration) -> Faults {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut faults = Faults::new();
    let end = sim.elapsed() + duration;
    while sim.elapsed() < end {
        let client = CLIENTS[below(&mut rng, CLIENTS.len())];
        let lasts = Duration::from_millis(50 + below(&mut rng, 8_000) as u64);
        let what = KINDS[below(&mut rng, KINDS.len())];
        *faults.entry(what).or_default() += 1;
        match what {
            "partition" => sim.partition(SERVER, client),
            "one way" => sim.partition_oneway(SERVER, client),
            "other way" => sim.partition_oneway(client, SERVER),
            "hold" => sim.hold(SERVER, client),
            "server crashes" => sim.crash(SERVER),
            _ => sim.crash(client),
        }
        pass(sim, lasts);
        match what {
            "hold" => sim.release(SERVER, client),
            "server crashes" => sim.bounce(SERVER),
            "client crashes" => sim.bounce(client),
            _ => sim.repair(SERVER, client),
        }
        pass(sim, Duration::from_millis(below(&mut rng, 3_000) as u64));
    }
    faults
}

/// Lets so much virtual time pass.
pub(crate) fn pass(sim: &mut turmoil::Sim<'_>, duration: Duration) {
    let end = sim.elapsed() + duration;
    while sim.elapsed() < end {
        sim.step().expect("nothing fails");
    }
}

fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    (rng.next_u64() % bound as u64) as usize
}
