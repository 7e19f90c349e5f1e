//! What one process sends another arrives once and in order, however it is addressed; only the end of an association takes a
//! tail away, and whoever is linked sees that end exactly there.

use crate::world::{NAMES, World, below, faults, node_id, number_of, number_term};
use parking_lot::Mutex;
use rusm_core::{Context, Destination, ExitReason, Message, Node, Pid, Reference};
use rusm_sim::{SimHandle, Test};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const MESSAGES: u64 = 400;
const LAST: u64 = u64::MAX;

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "a tail was lost", "nothing was lost", "network: hosts cut", "network: connection cut", "links: a packet waited"
    ]
)]
fn signals_between_nodes_keep_their_order_and_lose_only_a_tail(test: &mut Test) {
    faults(test);
    test.mixed_versions().cluster(&NAMES, |_| async {});
    test.script("outside", scenario);
}

#[derive(Clone, Copy)]
struct Receiver {
    pid: Pid,
    alias: Reference,
}

async fn scenario(sim: SimHandle) {
    let world = World::of(&sim);
    let done = Arc::new(Mutex::new(0));
    let mut receivers = Vec::new();
    for node in &world.nodes {
        receivers.push(receiver(&world, node, done.clone()).await);
    }
    let receivers = Arc::new(receivers);
    for node in &world.nodes {
        for _ in 0..2 {
            let (world, receivers) = (world.clone(), receivers.clone());
            node.spawn(move |context| sender(context, world, receivers));
        }
    }
    world.rest().await;
    sim.sleep(Duration::from_secs(120)).await;
    // Two senders of each node to each receiver, those of its own node as well.
    assert_eq!(*done.lock(), 18, "every sender's last message has arrived, after everything was mended");
}

async fn receiver(world: &World, node: &Node, done: Arc<Mutex<u64>>) -> Receiver {
    let (tell, told) = tokio::sync::oneshot::channel();
    let sim = world.sim.clone();
    let pid = node.spawn(move |context: Context| async move {
        context.trap_exit(true);
        let _ = tell.send(context.alias());
        receive(context, sim, done).await;
    });
    node.register("receiver", pid).expect("free");
    Receiver { pid, alias: told.await.expect("an alias") }
}

struct Heard {
    last: u64,
    /// An association with the sender's node has ended since.
    ended: bool,
}

async fn receive(context: Context, sim: SimHandle, done: Arc<Mutex<u64>>) {
    let mut heard: BTreeMap<u64, (Pid, Heard)> = BTreeMap::new();
    loop {
        match context.receive().await {
            Message::Plain(payload) => {
                let term = payload.as_term().expect("a term");
                let number = number_of(term);
                let sender = u64::from_le_bytes(term.bytes[8..16].try_into().expect("sixteen bytes"));
                let (_, heard) = heard.get_mut(&sender).expect("a message behind the first");
                if number == LAST {
                    *done.lock() += 1;
                    continue;
                }
                assert!(number > heard.last, "message {number} after {}", heard.last);
                let gap = number != heard.last + 1;
                assert!(!gap || heard.ended, "messages between {} and {number} are lost", heard.last);
                if gap {
                    sim.sometimes("a tail was lost");
                }
                (heard.last, heard.ended) = (number, false);
                if number == MESSAGES {
                    sim.sometimes("nothing was lost");
                }
            }
            // How a sender says who it is.
            Message::Call { from, payload } => {
                let sender = number_of(payload.as_term().expect("a term"));
                // No link has come yet: the first messages may be lost together with theirs.
                heard.insert(sender, (from.pid, Heard { last: 0, ended: true }));
                context.reply(from, number_term(0));
            }
            Message::Exit { from, reason } if reason == ExitReason::NOCONNECTION => {
                let of = heard.values_mut().find(|(pid, _)| *pid == from).expect("a sender");
                of.1.ended = true;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Links before each message, so that the receiver hears of the end of every association that brings it one.
async fn sender(context: Context, world: World, receivers: Arc<Vec<Receiver>>) {
    context.trap_exit(true);
    let own = context.random();
    let mut rng = world.sim.random(&format!("sender {own}"));
    for receiver in receivers.iter() {
        loop {
            let hello = context.call(receiver.pid, number_term(own), Duration::from_secs(30)).await;
            if hello.is_ok() {
                break;
            }
            context.sleep(Duration::from_secs(1)).await;
        }
    }
    for number in 1..=MESSAGES {
        for receiver in receivers.iter() {
            say(&context, receiver, own, number, below(&mut rng, 3), below(&mut rng, 50) == 0);
        }
        if below(&mut rng, 4) == 0 {
            context.sleep(Duration::from_nanos(below(&mut rng, 400_000_000))).await;
        }
        while context.try_receive(|_| true).is_some() {}
    }
    // Until everything is mended.
    context.sleep(Duration::from_secs(100)).await;
    for receiver in receivers.iter() {
        say(&context, receiver, own, LAST, 0, false);
    }
    crate::world::idle(context).await;
}

fn say(context: &Context, receiver: &Receiver, own: u64, number: u64, way: u64, large: bool) {
    context.link(receiver.pid);
    let to = match way {
        0 => Destination::Pid(receiver.pid),
        1 => Destination::Alias(receiver.alias),
        _ => {
            let name = NAMES.into_iter().find(|name| node_id(name) == receiver.pid.node);
            Destination::NameAt { name: "receiver".to_owned(), node: node_id(name.expect("a node")) }
        }
    };
    let mut bytes = [number.to_le_bytes(), own.to_le_bytes()].concat();
    if large {
        bytes.resize(100_000, 0);
    }
    context.send(to, rusm_core::Term::new(rusm_core::Encoding::Raw, bytes)).expect("a term");
}
