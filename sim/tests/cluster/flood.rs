//! Who sends more than goes out waits with its next turn; nobody else does, and what waits stays within its limit.

use crate::explore::explore;
use crate::world::{World, below, number_term};
use rusm_core::{Context, Encoding, Message, Payload, Pid, Term};
use rusm_sim::SimHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const LEN: usize = 32 << 10;

/// How many messages the flood has.
const FLOOD: u64 = 800;

/// What may be between sender and receiver: a lane's queue and its window, and what a turn adds.
const UNDER_WAY_MAX: u64 = (256 + 256) / 32 + 2;

#[test]
fn a_flood_holds_up_its_sender_and_nobody_else() {
    let sometimes = &["a sender was held", "links: cut", "links: reset"];
    explore("a_flood_holds_up_its_sender_and_nobody_else", 30, sometimes, scenario);
}

async fn scenario(sim: SimHandle) {
    let world = World::start(&sim);
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
    let mut lossless = true;
    for _ in 0..12 {
        sim.sleep(Duration::from_millis(5 + below(&mut rng, 60))).await;
        match below(&mut rng, 4) {
            0 => world.links.cut("a", "b"),
            1 => {
                // What was under way is lost, and what is sent while nobody can be reached.
                world.links.reset("a", "b");
                lossless = false;
            }
            _ => world.links.mend("a", "b"),
        }
        let under_way = sent.load(Ordering::Relaxed) - received.load(Ordering::Relaxed);
        assert!(!lossless || under_way <= UNDER_WAY_MAX, "{under_way} messages are under way");
        if lossless && under_way >= 256 / 32 {
            sim.recorder().count("a sender was held");
        }
    }
    world.links.heal();
    sim.sleep(Duration::from_secs(30)).await;
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
