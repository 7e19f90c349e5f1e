//! Workers die while others watch them: each monitor that is not taken back gives one DOWN, and no other gives one.

use crate::support::{below, clear, idle, micros, storm};
use rusm_core::{Context, ExitReason, Message, Monitored, Node, Pid};
use rusm_sim::SimHandle;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const WORKERS: u64 = 8;
const WATCHERS: u64 = 4;

#[rusm_sim::test(
    seeds = 300,
    sometimes = ["down noproc", "down boom", "down killed", "a demonitor came after the death"]
)]
async fn every_monitor_gives_one_down(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let workers: Arc<Vec<Pid>> = Arc::new((0..WORKERS).map(|_| node.spawn(idle)).collect());
    let watchers: Vec<Pid> = (0..WATCHERS)
        .map(|number| {
            let (sim, workers) = (sim.clone(), workers.clone());
            node.spawn(move |context| watcher(context, sim, number, workers))
        })
        .collect();
    storm(&sim, &node, 12, |random| workers.get((random % WORKERS) as usize).copied()).await;
    sim.sleep(Duration::from_secs(1)).await;
    both_sides_agree(&node, &workers, &watchers);
    for worker in workers.iter() {
        node.exit_signal(*worker, ExitReason::KILL);
    }
    sim.sleep(Duration::from_secs(60)).await;
    for watcher in watchers {
        assert!(node.process_info(watcher).is_none(), "{watcher} still waits for a DOWN: it was lost");
    }
    clear(&sim, &node).await;
}

/// At rest every live worker knows of just the monitors that watchers have on it.
fn both_sides_agree(node: &Node, workers: &[Pid], watchers: &[Pid]) {
    let watched: Vec<Monitored> =
        watchers.iter().filter_map(|watcher| node.process_info(*watcher)).flat_map(|info| info.monitors).collect();
    for worker in workers {
        let Some(info) = node.process_info(*worker) else { continue };
        let monitors = watched.iter().filter(|object| **object == Monitored::Pid(*worker)).count();
        assert_eq!(info.monitored_by, monitors, "{worker} knows of other monitors than there are");
    }
}

async fn watcher(context: Context, sim: SimHandle, number: u64, workers: Arc<Vec<Pid>>) {
    let mut rng = sim.random(&format!("watcher {number}"));
    let mut active = BTreeSet::new();
    let down = |message: Message| {
        let Message::Down { monitor, reason, .. } = message else { panic!("not a DOWN: {message:?}") };
        sim.sometimes(&format!("down {}", reason.word()));
        monitor
    };
    for _ in 0..60 {
        match below(&mut rng, 4) {
            0 | 1 => {
                let worker = workers[below(&mut rng, WORKERS) as usize];
                assert!(active.insert(context.monitor(worker)), "a reference was given twice");
            }
            2 => {
                if let Some(monitor) = active.pop_first()
                    && !context.demonitor_flush(monitor)
                {
                    sim.sometimes("a demonitor came after the death");
                }
            }
            _ => {
                if let Some(message) = context.receive_timeout(micros(&mut rng, 1_000), |_| true).await {
                    assert!(active.remove(&down(message)), "a DOWN of no monitor");
                }
            }
        }
    }
    while !active.is_empty() {
        assert!(active.remove(&down(context.receive().await)), "a DOWN of no monitor");
    }
    let extra = context.receive_timeout(Duration::from_secs(5), |_| true).await;
    assert!(extra.is_none(), "a DOWN too many: {extra:?}");
}
