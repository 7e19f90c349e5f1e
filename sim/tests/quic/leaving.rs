//! A node that leaves says so, and the others hear it before the connection is gone.

use crate::world::{ms, node};
use rusm_core::{Node, NodeReason, NodeStatus};
use rusm_sim::suite::Suite;
use rusm_sim::{Case, ClusterWire, Outcome, Test};
use rusm_transport::cluster::ClusterOptions;

const SEEDS: u64 = 40;

/// On a host that hardly gets on, the connection has ended long before the last word is read.
const PLAN: &str = "0s slow a 1000000% for 60s\nheal 61s";

#[test]
fn the_last_word_of_a_node_that_leaves_is_heard() {
    for seed in 1..=SEEDS {
        let suite = Suite::new("leaving", move |test: &mut Test| {
            test.cluster(&["a"], |_| async {});
            test.script("outside", |sim| async move {
                let leaves = Node::start(sim.node_options("c"));
                let nodes = ["a", "c"].map(str::to_owned).to_vec();
                let cluster = sim.join(&leaves, ClusterOptions { nodes, ..ClusterOptions::default() });
                let a = node(&sim, "a");
                let of = |node: &Node, name: &str| node.known_nodes().into_iter().find(|other| other.name == name);
                let is_up = |node: &Node, name| of(node, name).is_some_and(|other| other.status == NodeStatus::Up);
                while !is_up(&a, "c") || !is_up(&leaves, "a") {
                    sim.sleep(ms(10)).await;
                }
                cluster.stop();
                let left = loop {
                    let seen = of(&a, "c").expect("it was there");
                    if !seen.status.is_connected() {
                        break seen;
                    }
                    sim.sleep(ms(10)).await;
                };
                assert_eq!((left.status, left.reason), (NodeStatus::Down, NodeReason::Shutdown));
            });
        });
        let plan = Some(PLAN.parse().expect("a plan"));
        let report = suite.run(&Case { plan, ..Case::of_seed(seed).over(ClusterWire::Quic) });
        assert_eq!(report.outcome, Outcome::Passed, "seed {seed}");
    }
}
