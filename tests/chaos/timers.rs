//! Timers are started, cancelled and outlived: each fires once or was cancelled, never both, and never early.

use crate::support::{below, clear, micros, storm};
use rusm_core::{Context, Message, Node, Payload, Pid, Timestamp};
use rusm_sim::SimHandle;
use std::collections::BTreeMap;
use std::time::Duration;

const OWNERS: u64 = 4;

struct Fired(u64, Timestamp);

#[rusm_sim::test(
    seeds = 300,
    sometimes = ["cancelled in time", "cancelled too late", "a timer outlived its process"]
)]
async fn timers_fire_once_and_never_early(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let owners: Vec<Pid> = (0..OWNERS)
        .map(|number| {
            let sim = sim.clone();
            node.spawn(move |context| owner(context, sim, number))
        })
        .collect();
    let (counted, check) = (sim.clone(), node.clone());
    // Only the first two are killed: the others must see all their timers.
    storm(&sim, &node, 2, |random| {
        let pid = owners[(random % 2) as usize];
        if check.process_info(pid).is_some() {
            counted.sometimes("a timer outlived its process");
        }
        Some(pid)
    })
    .await;
    sim.sleep(Duration::from_secs(60)).await;
    for owner in owners {
        assert!(node.process_info(owner).is_none(), "{owner} still waits: a timer was lost");
    }
    clear(&sim, &node).await;
}

async fn owner(context: Context, sim: SimHandle, number: u64) {
    let mut rng = sim.random(&format!("owner {number}"));
    let mut running = BTreeMap::new();
    let fired = |message: Message, now: Timestamp| {
        let Message::Plain(payload) = message else { panic!("not a timer: {message:?}") };
        let Fired(id, deadline) = payload.downcast().unwrap_or_else(|other| panic!("not a timer: {other:?}"));
        assert!(now >= deadline, "timer {id} fired {:?} early", deadline.since(now));
        id
    };
    for id in 0..50 {
        let delay = micros(&mut rng, 2_000);
        let payload = Payload::local(Fired(id, context.now() + delay));
        running.insert(id, context.send_after(delay, context.pid(), payload));
        // Any of them, or the oldest, which has fired already more often.
        let which = below(&mut rng, 2 * running.len() as u64).saturating_sub(running.len() as u64);
        if below(&mut rng, 3) == 0
            && let Some((id, timer)) = running.iter().nth(which as usize)
        {
            let id = *id;
            if context.cancel_timer(*timer).is_some() {
                running.remove(&id);
                sim.sometimes("cancelled in time");
            } else {
                sim.sometimes("cancelled too late");
            }
        }
        if let Some(message) = context.receive_timeout(micros(&mut rng, 300), |_| true).await {
            let id = fired(message, context.now());
            assert!(running.remove(&id).is_some(), "timer {id} fired twice, or after it was cancelled");
        }
    }
    while !running.is_empty() {
        let id = fired(context.receive().await, context.now());
        assert!(running.remove(&id).is_some(), "timer {id} fired twice, or after it was cancelled");
    }
    let extra = context.receive_timeout(Duration::from_secs(5), |_| true).await;
    assert!(extra.is_none(), "a timer too many: {extra:?}");
}
