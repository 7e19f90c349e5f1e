//! The simulated halves of the seams against the suites that the production halves pass.

use rusm_core::seam::Seams;
use rusm_core::{Node, conformance};
use rusm_sim::{ClusterWire, Sim, SimOptions};
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::proto::Config;
use std::future::Future;
use std::time::Duration;

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

/// Nodes whose cluster is carried by that wire.
fn peers(wire: ClusterWire, seeds: u64) {
    const SIGNAL_LEN_MAX: u32 = 64 << 10;
    for seed in 0..seeds {
        let sim = Sim::new(SimOptions { wire, ..SimOptions::new(seed) });
        let handle = sim.handle();
        let run = async move {
            let [a, b] = ["a", "b"].map(|name| {
                let node = Node::start(handle.node_options(name));
                let config = Config { signal_len_max: SIGNAL_LEN_MAX, ..Config::default() };
                let nodes = ["a", "b"].map(str::to_owned).into();
                handle.join(&node, ClusterOptions { nodes, config, ..ClusterOptions::default() });
                node
            });
            let both = [("a", "b"), ("b", "a")];
            let lose = async || {
                both.iter().for_each(|(from, to)| handle.network().cut(from, to));
                handle.sleep(Duration::from_secs(30)).await;
                both.iter().for_each(|(from, to)| handle.network().mend(from, to));
            };
            // What an envelope takes beside the message.
            conformance::peers(&a, &b, SIGNAL_LEN_MAX as usize - 1024, lose).await;
        };
        sim.block_on(run).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn links_as_peers() {
    peers(ClusterWire::Links, SEEDS);
}

#[cfg(feature = "quic")]
#[test]
fn quic_as_peers() {
    peers(ClusterWire::Quic, 3);
}
