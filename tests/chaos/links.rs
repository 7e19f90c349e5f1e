//! Processes link, unlink and die at random: at rest every link has two live ends.

use crate::support::{below, clear, idle, micros, storm};
use rusm_core::{Context, Message, Node, Pid};
use rusm_sim::SimHandle;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const PROCESSES: u64 = 12;

#[rusm_sim::test(seeds = 300, sometimes = ["an exit was trapped", "a link brought death"])]
async fn links_stay_symmetric(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let all = Arc::new(OnceLock::new());
    let pids: Vec<Pid> = (0..PROCESSES)
        .map(|number| {
            let (sim, all) = (sim.clone(), all.clone());
            node.spawn(move |context| linker(context, sim, number, all))
        })
        .collect();
    all.set(pids.clone()).expect("it is set once");
    storm(&sim, &node, 6, |random| pids.get((random % PROCESSES) as usize).copied()).await;
    sim.sleep(Duration::from_secs(1)).await;

    let alive = node.processes();
    if alive.len() + 6 < PROCESSES as usize {
        sim.sometimes("a link brought death");
    }
    for pid in &alive {
        let Some(info) = node.process_info(*pid) else { continue };
        assert_eq!(info.mailbox_len, 0, "{pid} has not handled everything");
        for other in info.links {
            let back = node.process_info(other).map(|other| other.links.contains(pid));
            assert_eq!(back, Some(true), "{pid} is linked to {other}, which is dead (None) or not linked to it");
        }
    }
    clear(&sim, &node).await;
}

async fn linker(context: Context, sim: SimHandle, number: u64, all: Arc<OnceLock<Vec<Pid>>>) {
    let mut rng = sim.random(&format!("linker {number}"));
    context.trap_exit(number.is_multiple_of(2));
    for _ in 0..40 {
        let other = all.get().map(|all| all[below(&mut rng, PROCESSES) as usize]).unwrap_or(context.pid());
        match below(&mut rng, 3) {
            0 => context.link(other),
            1 => context.unlink(other),
            _ => {}
        }
        if let Some(message) = context.receive_timeout(micros(&mut rng, 400), |_| true).await {
            assert!(matches!(message, Message::Exit { .. }), "{message:?}");
            sim.sometimes("an exit was trapped");
        }
    }
    idle(context).await;
}

/// Whoever takes its links away hears nothing of those that it was linked to, also of one that ends just then.
#[rusm_sim::test(seeds = 200, sometimes = ["it ended before", "it ended after"])]
async fn no_exit_comes_from_whom_one_is_not_linked_to_any_more(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let workers: Vec<Pid> = (0..PROCESSES).map(|_| node.spawn(idle)).collect();
    let unlinker = node.spawn({
        let (sim, workers) = (sim.clone(), workers.clone());
        move |context| unlinker(context, sim, workers)
    });
    storm(&sim, &node, PROCESSES, |random| workers.get((random % PROCESSES) as usize).copied()).await;
    sim.sleep(Duration::from_secs(60)).await;
    assert!(node.process_info(unlinker).is_none(), "it is not done");
    clear(&sim, &node).await;
}

async fn unlinker(context: Context, sim: SimHandle, workers: Vec<Pid>) {
    let mut rng = sim.random("unlinker");
    context.trap_exit(true);
    for _ in 0..60 {
        let worker = workers[below(&mut rng, PROCESSES) as usize];
        let exit = |message: &Message| matches!(message, Message::Exit { from, .. } if *from == worker);
        context.link(worker);
        context.sleep(micros(&mut rng, 300)).await;
        context.unlink(worker);
        // Once it is unlinked at most one lies there, from before.
        if context.try_receive(exit).is_some() {
            sim.sometimes("it ended before");
        }
        let late = context.receive_timeout(micros(&mut rng, 600), exit).await;
        assert!(late.is_none(), "{late:?} of a link that is gone");
        if !context.is_alive(worker).await {
            sim.sometimes("it ended after");
        }
    }
}
