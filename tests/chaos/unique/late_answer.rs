//! A lease counts from when it was asked for: whoever stands still while it is answered, and is cut off then, has lost its name
//! before another has it.

use super::world::{NODES, cut_off, names, start_voter};
use crate::support::below;
use parking_lot::Mutex;
use rusm_core::{Context, Node};
use rusm_sim::Test;
use rusm_transport::unique::Lease;
use std::sync::Arc;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(4);

/// A voter's answer counts for two seconds.
const STANDS_STILL: Duration = Duration::from_millis(1_800);

/// The lease of each of the two, once it has one.
type Leases = Arc<Mutex<Vec<Lease>>>;

#[rusm_sim::test(seeds = 60, sometimes = ["the name was another's next"])]
fn a_lease_counts_from_when_it_was_asked_for(test: &mut Test) {
    test.cluster(&NODES, |node| async move { start_voter(&node).await });
    test.script("outside", |sim| async move {
        let mut rng = sim.random("still");
        let [own, other] = ["d", "a"].map(|name| sim.node(name).expect("it is up"));
        sim.until_joined(&NODES.map(|name| sim.node(name).expect("it is up"))).await;
        sim.sleep(Duration::from_secs(10)).await;
        let leases = Leases::default();
        hold(&own, leases.clone());
        sim.sleep(Duration::from_micros(below(&mut rng, 150_000))).await;
        sim.pause("d");
        sim.sleep(STANDS_STILL).await;
        sim.resume("d");
        cut_off(&sim, "d");
        hold(&other, leases.clone());
        for _ in 0..500 {
            sim.sleep(Duration::from_millis(20)).await;
            let leases = leases.lock();
            let held = leases.iter().filter(|lease| lease.is_held()).count();
            assert!(held <= 1, "two hold the name: {leases:?}");
            if leases.len() > 1 {
                sim.sometimes("the name was another's next");
            }
        }
    });
}

/// A process of that node that asks for the name until it has it, and keeps it.
fn hold(node: &Node, leases: Leases) {
    node.spawn(|context: Context| async move {
        let names = names().ttl(TTL);
        loop {
            if let Ok(lease) = names.register(&context, "ledger", Duration::from_secs(5)).await {
                leases.lock().push(lease);
                break;
            }
            context.sleep(Duration::from_millis(50)).await;
        }
        context.receive_match(|_| false).await;
    });
}
