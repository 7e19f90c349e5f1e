//! Certificates that expire while nodes run, and clocks that say so wrongly.

use crate::world::{asks, echoes, ms, reaches};
use parking_lot::Mutex;
use rusm_core::{Node, NodeStatus};
use rusm_sim::suite::Suite;
use rusm_sim::{Case, ClusterWire, FaultKind, Outcome, Report, SimHandle, Test};
use rusm_transport::cluster::ClusterOptions;
use std::future::Future;
use std::io::Write;
use std::sync::Arc;

const SEEDS: u64 = 5;
const YEARS_NS: i64 = 15 * 365 * 86_400 * 1_000_000_000;

/// What the nodes log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Over each wire, under that plan, the script returns; over QUIC the logs say `named`.
fn check<Fut>(wires: &[ClusterWire], plan: &str, named: &[&str], script: fn(SimHandle) -> Fut) -> Vec<Report>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut reports = Vec::new();
    for wire in wires {
        for seed in 1..=SEEDS {
            let suite = Suite::new("expiry", move |test: &mut Test| {
                echoes(test);
                test.script("outside", script);
            });
            let plan = Some(plan.replace(';', "\n").parse().expect("a plan"));
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
            let case = Case { plan, ..Case::of_seed(seed).over(*wire) };
            let report = tracing::subscriber::with_default(subscriber, || suite.run(&case));
            assert_eq!(report.outcome, Outcome::Passed, "seed {seed} over {wire}");
            let log = String::from_utf8(log.0.lock().clone()).expect("text");
            for named in named.iter().filter(|_| *wire == ClusterWire::Quic) {
                assert!(log.contains(named), "seed {seed}: {named:?} is not in the logs:\n{log}");
            }
            reports.push(report);
        }
    }
    reports
}

/// Another life of that host, which must dial.
fn start_again(sim: &SimHandle, host: &str) -> Node {
    sim.crash(host);
    let node = Node::start(sim.node_options(host));
    let nodes = ["a", "b", "c"].map(str::to_owned).to_vec();
    sim.join(&node, ClusterOptions { nodes, ..ClusterOptions::default() });
    node
}

fn sees_nobody(node: &Node) -> bool {
    node.known_nodes().iter().all(|other| other.status != NodeStatus::Up)
}

#[test]
fn whose_certificate_has_expired_is_let_in_nowhere_until_it_has_another_and_who_is_in_stays() {
    let named = ["the certificate of c has expired", "this node was refused"];
    let reports =
        check(&[ClusterWire::Links, ClusterWire::Quic], "3s expire c for 20s;heal 24s", &named, |sim| async move {
            reaches(&sim, "a", "c").await;
            sim.sleep(ms(4_000).saturating_sub(sim.now().since(Default::default()))).await;
            assert!(asks(&sim, "a", "c", 10, ms(1_000)).await, "a connection that there was is gone");
            let again = start_again(&sim, "c");
            for _ in 0..12 {
                sim.sleep(ms(1_000)).await;
                assert!(sees_nobody(&again), "it was let in: {:?}", again.known_nodes());
            }
            assert!(asks(&sim, "a", "b", 10, ms(1_000)).await, "the others hear of it");
            while !sim.healed() || sees_nobody(&again) {
                sim.sleep(ms(100)).await;
            }
        });
    assert!(reports.iter().all(|report| report.counts.contains_key(FaultKind::Expiry.name())));
}

#[test]
fn whose_clock_is_years_ahead_lets_nobody_in_and_says_why_until_it_is_set() {
    check(&[ClusterWire::Quic], "heal 1s", &["the certificate of c has expired"], |sim| async move {
        reaches(&sim, "a", "b").await;
        sim.jump("b", YEARS_NS);
        let again = start_again(&sim, "c");
        sim.sleep(ms(12_000)).await;
        let sees =
            |name: &str| again.known_nodes().iter().any(|other| other.name == name && other.status == NodeStatus::Up);
        assert!(sees("a") && !sees("b"), "{:?}", again.known_nodes());
        assert!(asks(&sim, "a", "b", 10, ms(1_000)).await, "a connection that there was is gone");
        sim.jump("b", -YEARS_NS);
        while !sees("b") {
            sim.sleep(ms(100)).await;
        }
    });
}
