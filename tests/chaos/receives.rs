//! Selective receives over a mailbox that fills meanwhile: each takes the first message that matches, looks at none twice,
//! leaves the others as they are, and never waits longer than it should.

use crate::support::{below, micros};
use rusm_core::{Context, Message, Node, Payload};
use rusm_sim::SimHandle;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MESSAGES: u64 = 120;

/// What a deadline may be missed by: every turn takes a little time.
const SLACK: Duration = Duration::from_millis(5);

fn number(message: &Message) -> u64 {
    match message {
        Message::Plain(payload) => *payload.downcast_ref().expect("a number"),
        other => panic!("nobody sends {other:?}"),
    }
}

#[rusm_sim::test(seeds = 100, sometimes = ["a receive waited for its message", "a receive gave up"])]
async fn a_receive_takes_the_first_match_and_looks_at_each_message_once(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let done = Arc::new(AtomicBool::new(false));
    let receiver = node.spawn({
        let (sim, done) = (sim.clone(), done.clone());
        move |context| async move {
            receive(&context, &sim).await;
            done.store(true, Ordering::Relaxed);
        }
    });
    let sends = sim.clone();
    node.spawn(move |context| async move {
        let mut rng = sends.random("sender");
        for number in 0..MESSAGES {
            if below(&mut rng, 3) == 0 {
                context.sleep(micros(&mut rng, 500)).await;
            }
            context.send(receiver, Payload::local(number)).expect("a pid takes everything");
        }
    });
    sim.sleep(Duration::from_secs(10)).await;
    assert!(done.load(Ordering::Relaxed), "it still waits for what was sent");
    assert_eq!(node.process_count(), 0);
}

async fn receive(context: &Context, sim: &SimHandle) {
    let mut rng = sim.random("receiver");
    // Sent by one, so they come in this order.
    let mut left: BTreeSet<u64> = (0..MESSAGES).collect();
    while !left.is_empty() {
        let (modulus, rest) = (1 + below(&mut rng, 4), below(&mut rng, 4));
        let wanted = |number: u64| number % modulus == rest % modulus;
        let (patience, begun) = (micros(&mut rng, 600), context.now());
        let mut looked_at = Vec::new();
        let matches = |message: &Message| {
            looked_at.push(number(message));
            wanted(number(message))
        };
        let polls = below(&mut rng, 3) == 0;
        let received =
            if polls { context.try_receive(matches) } else { context.receive_timeout(patience, matches).await };
        let took = context.now().since(begun);
        assert!(took <= patience + SLACK, "a receive with {patience:?} took {took:?}");
        let expected: Vec<u64> = left.iter().copied().take(looked_at.len()).collect();
        assert_eq!(looked_at, expected, "each in arrival order, and once");
        match received {
            Some(message) => {
                let found = number(&message);
                assert_eq!(looked_at.last(), Some(&found), "the first that matches is taken");
                assert!(looked_at.iter().rev().skip(1).all(|number| !wanted(*number)), "another one matched before");
                assert!(left.remove(&found), "{found} came twice");
                if took > Duration::from_micros(100) {
                    sim.sometimes("a receive waited for its message");
                }
            }
            None => {
                assert!(looked_at.iter().all(|number| !wanted(*number)), "what matches is not taken");
                if !polls {
                    assert!(took >= patience, "a receive with {patience:?} gave up after {took:?}");
                    sim.sometimes("a receive gave up");
                }
            }
        }
    }
}
