//! What happens to datagrams, and that QUIC lives through it.

use crate::world::{asks, echoes, ms, node, reaches};
use rusm_core::NodeStatus;
use rusm_sim::suite::Suite;
use rusm_sim::{Case, ClusterWire, FaultKind, Outcome, SimHandle, Test};
use std::future::Future;
use std::time::Duration;

const SEEDS: u64 = 10;

/// Under that plan the script returns, and `counted` is among what has happened.
#[track_caller]
fn check<Fut>(plan: &str, counted: &str, script: impl Fn(SimHandle) -> Fut + Clone + Send + Sync + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    for seed in 1..=SEEDS {
        let script = script.clone();
        let suite = Suite::new("datagrams", move |test: &mut Test| {
            echoes(test);
            test.script("outside", script.clone());
        });
        let plan = Some(plan.replace(';', "\n").parse().expect("a plan"));
        let report = suite.run(&Case { plan, ..Case::of_seed(seed).over(ClusterWire::Quic) });
        assert_eq!(report.outcome, Outcome::Passed, "seed {seed}");
        assert!(report.counts.contains_key(counted), "{counted} is not counted in seed {seed}: {:?}", report.counts);
    }
}

/// Asks until nothing goes wrong any more; how long the slowest answer took.
async fn slowest(sim: &SimHandle, len: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    while !sim.healed() {
        sim.sleep(ms(50)).await;
        let asked = sim.now();
        assert!(asks(sim, "a", "b", len, ms(60_000)).await, "no answer");
        slowest = slowest.max(sim.now().since(asked));
    }
    slowest
}

#[test]
fn what_was_damaged_on_the_way_is_never_taken_for_good() {
    let plan =
        (0..40).fold(String::new(), |plan, number| format!("{plan}{}ms corrupt #{number};", 3_000 + number * 50));
    check(&format!("{plan}heal 6s"), FaultKind::Corrupt.name(), |sim| async move {
        reaches(&sim, "a", "b").await;
        slowest(&sim, 5_000).await;
        let known = node(&sim, "a").known_nodes();
        assert!(known.iter().all(|other| other.status == NodeStatus::Up), "{known:?}");
    });
}

#[test]
fn lost_doubled_and_reordered_datagrams_cost_time_alone() {
    for (plan, kind) in [
        ("3s loss 10% for 5s;heal 8s", FaultKind::Loss),
        ("3s duplicate 40% for 5s;heal 8s", FaultKind::Duplicate),
        ("3s reorder 40% for 5s;heal 8s", FaultKind::Reorder),
        ("3s delay 200ms for 5s;heal 8s", FaultKind::Delay),
    ] {
        check(plan, kind.name(), |sim| async move {
            reaches(&sim, "a", "b").await;
            slowest(&sim, 20_000).await;
        });
    }
}

#[test]
fn nobody_is_let_in_while_a_host_refuses_and_who_is_in_stays() {
    check("3s refuse b for 9s;heal 13s", "datagrams: a handshake was refused", |sim| async move {
        reaches(&sim, "a", "b").await;
        sim.sleep(ms(3_500).saturating_sub(sim.now().since(Default::default()))).await;
        // Another life of `c`, which must dial.
        sim.crash("c");
        let again = rusm_core::Node::start(sim.node_options("c"));
        let nodes = ["a", "b"].map(str::to_owned).to_vec();
        sim.join(&again, rusm_transport::cluster::ClusterOptions { nodes, ..Default::default() });
        for _ in 0..6 {
            sim.sleep(ms(1_000)).await;
            let is_up =
                |of: &str| again.known_nodes().iter().any(|other| other.name == of && other.status == NodeStatus::Up);
            assert!(!is_up("b"), "it was let in");
            assert!(asks(&sim, "a", "b", 1, ms(1_000)).await, "who was in is out");
        }
    });
}
