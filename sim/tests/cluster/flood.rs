//! Who sends more than goes out waits with its next turn; nobody else does, and what waits stays within its limit.

use crate::world::{NAMES, World, below, number_term};
use rusm_core::{Context, Encoding, Message, Payload, Pid, Term};
use rusm_sim::{SimHandle, Test};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const LEN: usize = 32 << 10;

/// How many messages the flood has.
const FLOOD: u64 = 800;

/// What may be between sender and receiver: a lane's queue and its window, and what a turn adds.
const UNDER_WAY_MAX: u64 = (256 + 256) / 32 + 2;

#[rusm_sim::test(seeds = 51, sometimes = ["a sender was held", "network: hosts cut", "network: connection cut"])]
fn a_flood_holds_up_its_sender_and_nobody_else(test: &mut Test) {
    test.cluster(&NAMES, |_| async {});
    test.script("outside", scenario);
}

async fn scenario(sim: SimHandle) {
    let world = World::of(&sim).met().await;
    let (sent, received) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let sink = world.nodes[1].spawn({
        let received = received.clone();
        move |context| sink(context, received)
    });
    world.nodes[0].spawn({
        let sent = sent.clone();
        move |context| flood(context, sink, sent)
    });
    let mut rng = sim.random("flood");
    let network = sim.network();
    let (mut lossless, mut is_cut) = (true, false);
    for _ in 0..12 {
        sim.sleep(Duration::from_millis(5 + below(&mut rng, 60))).await;
        match below(&mut rng, 4) {
            0 if !is_cut => {
                network.cut("a", "b");
                is_cut = true;
            }
            1 => {
                // What was under way is lost, and what is sent while nobody can be reached.
                for connection in network.connections() {
                    network.reset(connection.id);
                }
                lossless = false;
            }
            _ if is_cut => {
                network.mend("a", "b");
                is_cut = false;
            }
            _ => {}
        }
        let under_way = sent.load(Ordering::Relaxed) - received.load(Ordering::Relaxed);
        assert!(!lossless || under_way <= UNDER_WAY_MAX, "{under_way} messages are under way");
        if lossless && under_way >= 256 / 32 {
            sim.sometimes("a sender was held");
        }
    }
    network.heal();
    sim.sleep(Duration::from_secs(120)).await;
    // Its turns go on; and the question of another passes.
    let asked = sim.now();
    let answer = world.nodes[0].call(sink, number_term(1), Duration::from_secs(10)).await;
    assert!(answer.is_ok(), "{answer:?}");
    assert!(sim.now().since(asked) < Duration::from_secs(1), "the question waited {:?}", sim.now().since(asked));
    assert_eq!(sent.load(Ordering::Relaxed), FLOOD, "the sender was never released");
}

async fn flood(context: Context, sink: Pid, sent: Arc<AtomicU64>) {
    for _ in 0..FLOOD {
        context.send(sink, Term::new(Encoding::Raw, vec![0; LEN])).expect("a term");
        sent.fetch_add(1, Ordering::Relaxed);
        context.sleep(Duration::from_micros(20)).await;
    }
    crate::world::idle(context).await;
}

async fn sink(context: Context, received: Arc<AtomicU64>) {
    loop {
        match context.receive().await {
            Message::Plain(Payload::Term(_)) => drop(received.fetch_add(1, Ordering::Relaxed)),
            Message::Call { from, payload } => context.reply(from, payload),
            other => panic!("{other:?}"),
        }
    }
}
