//! A node that breaks the protocol harms nobody but itself: the others go on with each other, what they keep for it has an end, and
//! what they refuse has a name; when it has come to its senses, it is one of them again.

use crate::world::{NAMES, World, idle, millis, node_id};
use rusm_core::{Context, Destination, Encoding, MemberStatus, Message, Monitored, Node, NodeInfo, NodeStatus, Term};
use rusm_sim::{SimHandle, Test};
use std::time::Duration;

/// Longer than a large signal takes between two that are well.
const SOON: Duration = Duration::from_secs(2);

/// Tasks that a node may have more than before: a dial is under way.
const TASKS_MORE: usize = 5;

/// The same over QUIC, where a stream has two from its first use on: four more with each of the two others.
const TASKS_MORE_OVER_QUIC: usize = TASKS_MORE + 8;

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "protocol: a frame was changed", "transport: a node broke the protocol",
        "transport: a signal in another's name was refused",
    ]
)]
fn who_breaks_the_protocol_harms_nobody_else(test: &mut Test) {
    let sim = test.sim();
    test.cluster(&NAMES, move |node| start(node, sim.clone()));
    test.script("outside", scenario);
}

async fn start(node: Node, sim: SimHandle) {
    node.spawn(echo);
    if node.name() == "c" {
        for number in 0..4 {
            let sim = sim.clone();
            node.spawn(move |context| talk(context, sim, number));
        }
    }
}

async fn echo(context: Context) {
    context.register("echo", context.pid()).expect("the name is free");
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            context.reply(from, payload);
        }
    }
}

fn echo_of(name: &str) -> Destination {
    Destination::NameAt { name: "echo".to_owned(), node: node_id(name) }
}

/// A bit of everything that can be told another node.
async fn talk(context: Context, sim: SimHandle, number: u64) {
    context.trap_exit(true);
    let mut rng = sim.random(&format!("talk {number}"));
    while !sim.healed() {
        for name in ["a", "b"] {
            let len = if number == 0 { 150_000 } else { 20 };
            let asked = context.call(echo_of(name), Term::new(Encoding::Raw, vec![1; len]), Duration::from_millis(500));
            let _ = asked.await;
            let monitor = context.monitor(Monitored::NameAt { name: "echo".to_owned(), node: node_id(name) });
            if number == 1 {
                context.demonitor_flush(monitor);
            }
            if number == 2 {
                context.send(echo_of(name), Term::empty()).expect("a term");
            }
        }
        context.sleep(millis(&mut rng, 100)).await;
        while context.try_receive(|_| true).is_some() {}
    }
    idle(context).await;
}

async fn answers(world: &World, from: usize, of: &str) -> bool {
    world.nodes[from].call(echo_of(of), Term::new(Encoding::Raw, vec![2; 5_000]), SOON).await.is_ok()
}

async fn scenario(sim: SimHandle) {
    let world = World::of(&sim).met().await;
    let tasks = ["a", "b"].map(|name| sim.task_count(name));
    let processes = [0, 1].map(|node: usize| world.nodes[node].process_count());
    sim.network().lie("c", 20);
    for _ in 0..300 {
        assert!(answers(&world, 0, "b").await && answers(&world, 1, "a").await, "the others cannot go on");
        sim.sleep(Duration::from_millis(50)).await;
    }
    let known = world.nodes[0].known_nodes();
    assert!(known.len() < 50, "it has made up {} nodes", known.len());
    sim.network().lie("c", 0);
    let honest_at = sim.now();
    while !(answers(&world, 2, "a").await && answers(&world, 0, "c").await) {
        assert!(sim.now().since(honest_at) < Duration::from_secs(60), "it is not taken back");
        sim.sleep(Duration::from_millis(100)).await;
    }
    sim.heal();
    sim.sleep(Duration::from_secs(60)).await;
    for node in &world.nodes {
        let known = node.known_nodes();
        let is_up = |of: &&NodeInfo| of.status == NodeStatus::Up && of.member == Some(MemberStatus::Up);
        let up = known.iter().filter(|of| NAMES.contains(&of.name.as_str())).filter(is_up).count();
        assert_eq!(up, 2, "for {} they are not all up again: {known:?}", node.name());
    }
    let is_quic = sim.recorder().counts().contains_key("quic: a node joined");
    let more = if is_quic { TASKS_MORE_OVER_QUIC } else { TASKS_MORE };
    for (node, name) in ["a", "b"].into_iter().enumerate() {
        assert!(sim.task_count(name) <= tasks[node] + more, "tasks are left over: {}", sim.task_count(name));
        assert_eq!(world.nodes[node].process_count(), processes[node]);
        let echo = world.nodes[node].whereis("echo").and_then(|echo| world.nodes[node].process_info(echo));
        assert!(echo.is_some_and(|echo| echo.mailbox_len < 10), "what it was sent is still there");
    }
}
