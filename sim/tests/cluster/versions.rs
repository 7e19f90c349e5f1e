//! A cluster is upgraded node by node: neighbours of different versions understand each other, and what an older one does not
//! know is refused with a clear reason and never sent to it.

use crate::world::{NAMES, World, below, idle, millis, number_of, number_term};
use rusm_core::{
    Context, Destination, ExitReason, Message, Node, Payload, ProcessSpec, SpawnOptions, Term, process_body,
};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::proto::{Config, Features};
use std::sync::Arc;
use std::time::Duration;

/// The first version, this one, and one that is still to come: it offers what nobody knows yet.
fn versions() -> [Features; 3] {
    [Features::NONE, Features::ALL, Features(Features::ALL.0 | 1 << 63)]
}

fn start(sim: &SimHandle, name: &str, features: Features) -> Node {
    let config = Config { features, ..Config::default() };
    let nodes = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let node = Node::start(sim.node_options(name));
    sim.join(&node, ClusterOptions { nodes, config, ..ClusterOptions::default() });
    node.register_factory("idle", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(idle))));
    let echo = node.spawn(echo);
    node.register("echo", echo).expect("free");
    node
}

async fn echo(context: Context) {
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            context.reply(from, payload);
        }
    }
}

#[rusm_sim::test(seeds = 40, sometimes = ["spawn ok", "spawn notsup", "both are old", "one is old"])]
async fn a_cluster_is_upgraded_node_by_node(sim: SimHandle) {
    let mut rng = sim.random("upgrade");
    let mut running = [Features::NONE; 3];
    let nodes = NAMES.map(|name| start(&sim, name, Features::NONE));
    let mut world = World { sim: sim.clone(), nodes };
    check_pairs(&world, &running).await;
    for version in &versions()[1..] {
        let mut order = [0, 1, 2];
        order.rotate_left(below(&mut rng, 3) as usize);
        for node in order {
            sim.crash(NAMES[node]);
            sim.sleep(millis(&mut rng, 10_000)).await;
            world.nodes[node] = start(&sim, NAMES[node], *version);
            running[node] = *version;
            sim.sleep(Duration::from_secs(30)).await;
            check_pairs(&world, &running).await;
        }
    }
}

/// Every node reaches every other, and starts processes there when both know how.
async fn check_pairs(world: &World, running: &[Features; 3]) {
    for from in 0..3 {
        for to in (0..3).filter(|to| *to != from) {
            let there = world.nodes[to].id();
            let both_know = (running[from] & running[to]).has(Features::SPAWN);
            let old = [from, to].into_iter().filter(|node| running[*node] == Features::NONE).count();
            world.sim.sometimes(["none is old", "one is old", "both are old"][old]);
            let (tell, told) = tokio::sync::oneshot::channel();
            world.nodes[from].spawn(move |context: Context| async move {
                // Asked at once, perhaps before anybody knows what the other is: the first attempts may be lost with an old life.
                let mut outcome = Err(ExitReason::NOCONNECTION);
                for _ in 0..20 {
                    let spec = ProcessSpec {
                        kind: "idle".into(),
                        target: "idle".into(),
                        digest: None,
                        args: Term::empty(),
                        grants: None,
                    };
                    outcome = context.spawn_on(there, spec, SpawnOptions::default()).await;
                    if outcome != Err(ExitReason::NOCONNECTION) {
                        break;
                    }
                    context.sleep(Duration::from_secs(1)).await;
                }
                let echo = Destination::NameAt { name: "echo".to_owned(), node: there };
                let answer = context.call(echo, number_term(7), Duration::from_secs(10)).await;
                let _ = tell.send((outcome, answer));
            });
            let (outcome, answer) = told.await.expect("it ends");
            let word = outcome.as_ref().map_or_else(ExitReason::word, |_| "ok").to_owned();
            assert_eq!(word, if both_know { "ok" } else { "notsup" }, "from {from} to {to} of {running:?}");
            world.sim.sometimes(&format!("spawn {word}"));
            let answer: Payload = answer.expect("neighbours talk");
            assert_eq!(number_of(answer.as_term().expect("a term")), 7);
        }
    }
}
