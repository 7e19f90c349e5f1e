//! The simulated halves of the seams against the suites that the production halves pass.

use rusm_core::conformance;
use rusm_core::seam::Seams;
use rusm_sim::{Sim, SimOptions};
use std::future::Future;

const SEEDS: u64 = 30;

fn in_simulation<Fut: Future<Output = ()> + Send + 'static>(suite: impl Fn(Seams) -> Fut) {
    for seed in 0..SEEDS {
        let sim = Sim::new(SimOptions::new(seed));
        let run = suite(sim.seams("a"));
        sim.block_on(run).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn clock() {
    in_simulation(conformance::clock);
}

#[test]
fn executor() {
    in_simulation(conformance::executor);
}

#[test]
fn entropy() {
    in_simulation(conformance::entropy);
}

#[test]
fn sockets() {
    in_simulation(conformance::sockets);
}

#[test]
fn storage() {
    in_simulation(conformance::storage);
}

#[test]
fn delivery() {
    in_simulation(conformance::delivery);
}
