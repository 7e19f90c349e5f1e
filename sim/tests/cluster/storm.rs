//! Nodes that talk all the time while everything goes wrong, crashes as well: every rare branch of a cluster is reached, and in
//! the end everybody reaches everybody.

use crate::world::{NAMES, SETTLE, below, millis, node_id};
use rusm_core::{Context, Destination, Encoding, Message, Node, Term};
use rusm_sim::{FaultKind, SimHandle, Test};
use rusm_transport::cluster::Mark;
use std::time::Duration;

/// Bytes of a message that fills a lane with a few of its like.
const LARGE: usize = 60_000;

#[rusm_sim::test(seeds = 200, sometimes = rare_branches())]
fn in_the_end_everybody_reaches_everybody(test: &mut Test) {
    let sim = test.sim();
    test.mixed_versions().cluster(&NAMES, move |node| start(node, sim.clone()));
    test.faults(FaultKind::between_hosts().chain([FaultKind::Crash])).fault_count(4..24);
    test.heal_at(Duration::from_secs(10)..Duration::from_secs(40));
    test.script("outside", scenario);
}

/// All but those that want two crashes in a row, as the test of restarts has them, or a node that breaks the protocol.
fn rare_branches() -> Vec<&'static str> {
    let others = [Mark::PastLife, Mark::Violated, Mark::Foreign].map(Mark::name);
    let marks = Mark::NAMES.iter().copied().filter(|name| !others.contains(name));
    marks.chain(["a node of the first version"]).collect()
}

async fn start(node: Node, sim: SimHandle) {
    node.spawn(listen);
    for number in 0..4 {
        let sim = sim.clone();
        node.spawn(move |context| talk(context, sim, number));
    }
}

async fn listen(context: Context) {
    context.register("listener", context.pid()).expect("the name is free");
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            context.reply(from, payload);
        }
    }
}

/// Says something to whoever comes to mind, and now and then a lot.
async fn talk(context: Context, sim: SimHandle, number: u32) {
    let own = context.node().name().to_owned();
    let mut rng = sim.random(&format!("talk {own} {number} {}", context.pid().incarnation));
    while !sim.healed() {
        let name = NAMES[below(&mut rng, 3) as usize];
        let (messages, len) = if below(&mut rng, 100) == 0 { (10, LARGE) } else { (1, 10) };
        for _ in 0..messages {
            context.send(listener(name), Term::new(Encoding::Raw, vec![0; len])).expect("a term");
        }
        context.sleep(Duration::from_micros(below(&mut rng, 400_000))).await;
    }
}

fn listener(node: &str) -> Destination {
    Destination::NameAt { name: "listener".to_owned(), node: node_id(node) }
}

async fn scenario(sim: SimHandle) {
    let mut rng = sim.random("stragglers");
    while !sim.healed() {
        // What is sent now may come when its sender has given it up, or is another life: a handshake has five seconds.
        sim.network().delay(Duration::from_millis(4_500));
        sim.sleep(millis(&mut rng, 9_000)).await;
        sim.network().delay(Duration::ZERO);
        sim.sleep(millis(&mut rng, 6_000)).await;
    }
    sim.sleep(SETTLE).await;
    for from in NAMES {
        for of in NAMES {
            let node = sim.node(from).expect("it is up");
            let answer = node.call(listener(of), Term::empty(), Duration::from_secs(10)).await;
            assert!(answer.is_ok(), "{from} asks {of}: {answer:?}");
        }
    }
}
