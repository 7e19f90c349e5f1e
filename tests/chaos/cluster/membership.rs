//! Whatever happens to the network and the nodes: once it is over, everybody sees everybody again, by a stated time; what each
//! is told of the others fits together; and where nothing happens, nobody is given up.

use super::world::{CONVERGED, World};
use crate::support::below;
use rusm_core::{Context, MemberStatus, Message, NodeEvent, NodeId, NodeReason, NodeStatus};
use rusm_sim::SimHandle;
use std::collections::BTreeMap;
use std::time::Duration;

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "OneWay", "Isolated", "Bridge", "Split", "Reset", "Pause", "Crash", "Jump",
        "suspect", "trusted again", "nodedown net_tick_timeout", "nodedown connection_closed", "nodedown replaced",
        "given up", "unreachable here and up for the members", "back in the same life", "back as another life",
    ]
)]
async fn membership_comes_together_after_whatever_happened(sim: SimHandle) {
    let number = 3 + below(&mut sim.random("number"), 5) as usize;
    let handle = sim.clone();
    let world = World::start(&sim, number, move |node| {
        let sim = handle.clone();
        node.spawn(move |context| watcher(context, sim));
    });
    let faults = world.chaos(6).await;
    sim.sleep(CONVERGED).await;
    if let Some(discord) = world.discord() {
        panic!("{discord}");
    }
    if faults == 0 {
        sim.sleep(Duration::from_secs(120)).await;
        let reached = sim.recorder().reached();
        let bad = reached
            .keys()
            .find(|what| ["suspect", "given up"].contains(&what.as_str()) || what.starts_with("nodedown"));
        assert_eq!(bad, None, "and nothing had happened");
    }
    assert_eq!(world.discord(), None);
}

/// Holds that what is told of each node fits together.
async fn watcher(context: Context, sim: SimHandle) {
    let (monitor, known) = context.monitor_nodes();
    let mut seen: BTreeMap<NodeId, NodeStatus> = known.into_iter().map(|node| (node.id, node.status)).collect();
    let mut lives: BTreeMap<NodeId, u32> = BTreeMap::new();
    loop {
        let Message::Plain(payload) = context.receive().await else { panic!("not an event") };
        let event = payload.downcast::<NodeEvent>().expect("an event");
        assert_eq!(event.monitor, monitor);
        assert_eq!(event.before, seen.insert(event.node.id, event.node.status), "a change that was not told");
        let node = &event.node;
        let life = lives.insert(node.id, node.incarnation).unwrap_or(node.incarnation);
        assert!(node.incarnation >= life, "an earlier life: {node:?}");
        match (event.before, node.status) {
            (Some(NodeStatus::Suspect), NodeStatus::Up) => sim.sometimes("trusted again"),
            (_, NodeStatus::Suspect) => sim.sometimes("suspect"),
            (Some(NodeStatus::Down | NodeStatus::Unreachable), NodeStatus::Up) if node.incarnation == life => {
                sim.sometimes("back in the same life");
            }
            (_, NodeStatus::Up) if node.incarnation > life => sim.sometimes("back as another life"),
            _ => {}
        }
        if event.is_nodedown() {
            sim.sometimes(&format!("nodedown {}", node.reason));
            if node.reason == NodeReason::NetTickTimeout {
                assert_eq!(event.before, Some(NodeStatus::Suspect), "given up without having been suspected");
            }
        }
        match (node.status, node.member) {
            (NodeStatus::Down, _) => sim.sometimes("given up"),
            (NodeStatus::Unreachable, Some(MemberStatus::Up)) => {
                sim.sometimes("unreachable here and up for the members");
            }
            _ => {}
        }
    }
}
