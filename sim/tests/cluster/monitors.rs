//! Every monitor of a process on another node gives one DOWN, whatever happens to the process and to the links.

use crate::world::{NAMES, World, below, faults, idle, millis};
use rusm_core::{Context, ExitReason, Message, Node, Pid};
use rusm_sim::{SimHandle, Test};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const WORKERS: u64 = 4;

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "down noconnection", "down noproc", "down killed", "alive again", "network: hosts cut", "network: connection cut"
    ]
)]
fn every_monitor_across_nodes_gives_one_down(test: &mut Test) {
    faults(test);
    test.mixed_versions().cluster(&NAMES, |_| async {});
    test.script("outside", scenario);
}

async fn scenario(sim: SimHandle) {
    let world = World::of(&sim);
    let spawn = |node: &Node| (0..WORKERS).map(|_| node.spawn(idle)).collect::<Vec<Pid>>();
    let workers: Arc<Vec<Pid>> = Arc::new(world.nodes.iter().flat_map(spawn).collect());
    let watchers: Vec<Pid> = world
        .nodes
        .iter()
        .map(|node| {
            let (sim, workers) = (sim.clone(), workers.clone());
            node.spawn(move |context| watcher(context, sim, workers))
        })
        .collect();
    let storm = async {
        let mut rng = sim.random("storm");
        for _ in 0..6 {
            sim.sleep(millis(&mut rng, 9_000)).await;
            let victim = workers[below(&mut rng, workers.len() as u64) as usize];
            world.nodes[below(&mut rng, 3) as usize].exit_signal(victim, ExitReason::KILL);
        }
    };
    futures_util::join!(storm, world.rest());
    sim.sleep(Duration::from_secs(200)).await;
    for worker in workers.iter() {
        world.node_of(*worker).exit_signal(*worker, ExitReason::KILL);
    }
    sim.sleep(Duration::from_secs(120)).await;
    for (watcher, node) in watchers.into_iter().zip(&world.nodes) {
        let info = node.process_info(watcher).expect("a watcher lives");
        assert_eq!(info.monitors, [], "a DOWN is missing");
        assert_eq!(info.monitored_by, 0);
    }
}

/// Monitors and gives up monitors for a while; then each that is left has one DOWN, and nothing has two.
async fn watcher(context: Context, sim: SimHandle, workers: Arc<Vec<Pid>>) {
    let mut rng = sim.random(&format!("watcher {}", context.random()));
    let mut waiting = BTreeSet::new();
    let mut unreachable = None;
    for _ in 0..120 {
        let worker = workers[below(&mut rng, workers.len() as u64) as usize];
        waiting.insert(context.monitor(worker));
        if below(&mut rng, 4) == 0
            && let Some(monitor) = waiting.pop_first()
        {
            context.demonitor_flush(monitor);
        }
        context.sleep(millis(&mut rng, 800)).await;
        while let Some(message) = context.try_receive(|_| true) {
            unreachable = heard(&sim, &mut waiting, message).or(unreachable);
        }
    }
    context.sleep(Duration::from_secs(120)).await;
    if let Some(worker) = unreachable
        && context.is_alive(worker).await
    {
        sim.sometimes("alive again");
    }
    loop {
        let message = context.receive().await;
        heard(&sim, &mut waiting, message);
    }
}

/// Returns whom it was about when that one could not be reached.
fn heard(sim: &SimHandle, waiting: &mut BTreeSet<rusm_core::Reference>, message: Message) -> Option<Pid> {
    let Message::Down { monitor, object, reason } = message else { panic!("{message:?}") };
    assert!(waiting.remove(&monitor), "a DOWN that nobody waits for, or the second of one monitor: {reason}");
    sim.sometimes(&format!("down {}", reason.word()));
    match object {
        rusm_core::Monitored::Pid(pid) if reason == ExitReason::NOCONNECTION => Some(pid),
        _ => None,
    }
}
