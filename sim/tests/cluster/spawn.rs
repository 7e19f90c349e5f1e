//! Processes that are started on other nodes: each request has one answer, whatever happens to the links, and none that was to
//! be linked lives on without its parent.

use crate::world::{NAMES, World, below, faults, idle, millis};
use rusm_core::{
    Context, Encoding, ExitReason, Message, Node, NodeId, Payload, Pid, ProcessSpec, SpawnOptions, SpawnReply, Term,
    process_body,
};
use rusm_sim::{SimHandle, Test};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const EACH: u64 = 3;

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "spawn ok", "spawn noconnection", "a child died with its parent's connection", "a request was given up",
        "a child is left", "network: hosts cut", "network: connection cut"
    ]
)]
fn every_spawn_on_another_node_has_one_answer_and_leaves_no_orphan(test: &mut Test) {
    faults(test);
    test.cluster(&NAMES, |_| async {});
    test.script("outside", scenario);
}

async fn scenario(sim: SimHandle) {
    let world = World::of(&sim);
    for node in &world.nodes {
        node.register_factory("child", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(idle))));
    }
    let nodes: Vec<NodeId> = world.nodes.iter().map(Node::id).collect();
    let parents: Vec<Pid> = (0..3 * EACH as usize)
        .map(|number| {
            let (sim, nodes) = (sim.clone(), nodes.clone());
            world.nodes[number % 3].spawn(move |context| parent(context, sim, nodes))
        })
        .collect();
    sim.sleep(Duration::from_secs(120)).await;
    world.rest().await;
    let children = |node: &Node| {
        let infos = node.processes().into_iter().filter_map(|pid| node.process_info(pid));
        infos.filter(|info| info.label == "child").collect::<Vec<_>>()
    };
    for child in world.nodes.iter().flat_map(children) {
        let parent = child.parent.expect("somebody asked for it");
        let info = world.node_of(parent).process_info(parent).expect("parents live");
        assert_eq!(child.links, [parent], "every child was to be linked");
        assert!(info.links.contains(&child.pid), "an orphan: {child:?}");
        sim.sometimes("a child is left");
    }
    for parent in &parents {
        let waits = world.node_of(*parent).call(*parent, Payload::local(()), Duration::from_secs(10)).await;
        assert_eq!(waits.expect("it lives").downcast::<usize>().ok(), Some(0), "a request without an answer");
        world.node_of(*parent).exit_signal(*parent, ExitReason::KILL);
    }
    sim.sleep(crate::world::SETTLE).await;
    for node in &world.nodes {
        assert_eq!(children(node).len(), 0, "who is linked dies with its parent");
    }
}

async fn parent(context: Context, sim: SimHandle, nodes: Vec<NodeId>) {
    context.trap_exit(true);
    let mut rng = sim.random(&format!("parent {}", context.random()));
    let (mut waiting, mut alive) = (BTreeSet::new(), BTreeMap::new());
    let spec = || ProcessSpec {
        kind: "child".to_owned(),
        target: "child".to_owned(),
        digest: None,
        args: Term::new(Encoding::Raw, vec![0; 100]),
        grants: None,
    };
    for _ in 0..60 {
        let node = nodes[below(&mut rng, 3) as usize];
        let options = SpawnOptions { link: true, monitor: below(&mut rng, 2) == 0, ..SpawnOptions::default() };
        let request = context.spawn_request(node, spec(), options);
        waiting.insert(request);
        context.sleep(millis(&mut rng, 300)).await;
        if below(&mut rng, 6) == 0 && context.spawn_request_abandon(request) {
            waiting.remove(&request);
            sim.sometimes("a request was given up");
        }
        if below(&mut rng, 4) == 0
            && let Some(child) = alive.keys().next()
        {
            context.exit_signal(*child, ExitReason::KILL);
        }
        context.sleep(millis(&mut rng, 1_000)).await;
        while let Some(message) = context.try_receive(|_| true) {
            heard(&sim, &mut waiting, &mut alive, message);
        }
    }
    loop {
        match context.receive().await {
            Message::Call { from, .. } => context.reply(from, Payload::local(waiting.len())),
            message => heard(&sim, &mut waiting, &mut alive, message),
        }
    }
}

fn heard(
    sim: &SimHandle,
    waiting: &mut BTreeSet<rusm_core::Reference>,
    alive: &mut BTreeMap<Pid, rusm_core::Reference>,
    message: Message,
) {
    match message {
        Message::Plain(payload) => {
            let SpawnReply { request, outcome } = payload.downcast().expect("a spawn reply");
            assert!(waiting.remove(&request), "the second answer to one request: {outcome:?}");
            match outcome {
                Ok(child) => {
                    sim.sometimes("spawn ok");
                    assert!(alive.insert(child, request).is_none(), "two answers name one process");
                }
                Err(reason) => {
                    sim.sometimes(&format!("spawn {}", reason.word()));
                    assert_eq!(reason, ExitReason::NOCONNECTION, "nothing else goes wrong here");
                }
            }
        }
        Message::Exit { from, reason } => {
            assert!(alive.remove(&from).is_some(), "an exit before the answer, or twice: {reason}");
            if reason == ExitReason::NOCONNECTION {
                sim.sometimes("a child died with its parent's connection");
            }
        }
        // Monitored ones say it twice, in either order.
        Message::Down { .. } => {}
        other => panic!("{other:?}"),
    }
}
