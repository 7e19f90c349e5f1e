//! Certificates that count no more, on nodes that crash.

use rusm_core::{Node, NodeStatus};
use rusm_sim::suite::Suite;
use rusm_sim::{Case, ClusterWire, CrashLoss, Outcome, SimHandle, Test};
use rusm_transport::cluster::ClusterOptions;
use std::time::Duration;

const SEEDS: u64 = 10;

fn start(sim: &SimHandle, host: &str) -> Node {
    let node = Node::start(sim.node_options(host));
    let nodes = ["a", "b"].map(str::to_owned).to_vec();
    sim.join(&node, ClusterOptions { nodes, ..ClusterOptions::default() });
    node
}

fn sees(node: &Node, name: &str) -> bool {
    node.known_nodes().iter().any(|other| other.name == name && other.status == NodeStatus::Up)
}

/// Nobody else could tell it again: there are two, and one is revoked.
#[test]
fn whom_a_node_has_thrown_out_it_does_not_let_in_after_a_crash() {
    for seed in 1..=SEEDS {
        assert_eq!(run(seed, "heal 1s"), Outcome::Passed, "seed {seed}");
    }
    // A list that is not on the disk is forgotten, which the script notices.
    let outcome = run(1, "0ms disk-forgets a for 1000s\nheal 1000s");
    assert!(matches!(outcome, Outcome::Broken { .. }), "{outcome}");
}

fn run(seed: u64, plan: &str) -> Outcome {
    let suite = Suite::new("revocation", |test: &mut Test| {
        // The plan names it.
        test.sim().seams("a");
        test.script("outside", throws_out);
    });
    let plan = Some(plan.parse().expect("a plan"));
    suite.run(&Case { plan, ..Case::of_seed(seed).over(ClusterWire::Quic) }).outcome
}

async fn throws_out(sim: SimHandle) {
    let (told, first) = (start(&sim, "a"), start(&sim, "b"));
    while !sees(&told, "b") {
        sim.sleep(Duration::from_millis(100)).await;
    }
    sim.revoke_certificate("b", "a");
    sim.sleep(Duration::from_secs(5)).await;
    assert!(!sees(&told, "b"), "it is not thrown out");
    for loss in [CrashLoss::All, CrashLoss::Tail, CrashLoss::Sectors] {
        sim.crash_with("a", loss);
        let again = start(&sim, "a");
        // One that dials anew, and does not remember that it was thrown out.
        sim.crash("b");
        let revoked = start(&sim, "b");
        sim.sleep(Duration::from_secs(15)).await;
        assert!(!sees(&again, "b") && !sees(&revoked, "a"), "it was let in after a crash with {loss:?}");
    }
    drop(first);
}
