//! Two endpoints and everything that can lie between them: chunks of any size, streams in any order, dials that cross,
//! connections that are cut.

mod support;

use proptest::prelude::*;
use rusm_core::{RemoteKind, RemoteSignal, RemoteTarget, SpawnOutcome};
use rusm_transport::proto::{Config, EndReason, Event, FRAGMENT_LEN, Features, Refusal, SendOutcome, Trust};
use std::time::Duration;
use support::{World, message, number, pid};

const A: usize = 0;
const B: usize = 1;

fn world(seed: u64) -> World {
    World::new(&["a", "b"], seed, &Config::default())
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(80))]

    /// Whoever dials when: in the end there is one association, and both sides mean the same connection by it.
    #[test]
    fn dials_that_cross_end_with_one_association(seed: u64, before in 0usize..12) {
        let mut world = world(seed);
        let of_a = world.associate(A, B).expect("b is known");
        for _ in 0..before {
            world.step();
        }
        let of_b = world.associate(B, A).expect("a is known");
        world.send(A, of_a, message(pid("a", 1), pid("b", 1), 1, 4));
        world.send(B, of_b, message(pid("b", 1), pid("a", 1), 2, 4));
        world.pass(Duration::from_secs(20));
        for node in [A, B] {
            prop_assert_eq!((world.up(node), world.ended(node)), (1, 0), "node {}: {:?}", node, &world.events[node]);
            prop_assert_eq!(world.received(node).len(), 1);
        }
    }

    /// Signals of many senders, small and large, both ways: each once, each sender's in order.
    #[test]
    fn every_signal_arrives_once_and_in_the_order_of_its_sender(seed: u64) {
        let mut world = world(seed);
        let mut next = [[0u32; 8]; 2];
        for _ in 0..120 {
            let (from, sender) = (world.random.below(2), world.random.below(8));
            let len = match world.random.below(8) {
                0 => FRAGMENT_LEN * 3 + world.random.below(70_000),
                1 => FRAGMENT_LEN - 60 + world.random.below(100),
                _ => world.random.below(200),
            };
            let association = world.associate(from, 1 - from).expect("nobody was unreachable");
            let (own, other) = if from == A { ("a", "b") } else { ("b", "a") };
            let number = &mut next[from][sender];
            world.send(from, association, message(pid(own, sender as u32), pid(other, 0), *number, len));
            *number += 1;
            for _ in 0..world.random.below(12) {
                world.step();
            }
        }
        world.settle();
        for from in [A, B] {
            let received = world.received(1 - from);
            for sender in 0..8 {
                let numbers: Vec<u32> = received.get(&sender).into_iter().flatten().map(number).collect();
                let sent: Vec<u32> = (0..next[from][sender as usize]).collect();
                prop_assert_eq!(numbers, sent, "sender {} of node {}", sender, from);
            }
        }
        prop_assert_eq!(world.ended(A) + world.ended(B), 0);
    }

    /// Cuts at any time: each association ends once on each side, nothing comes of it afterwards, what comes has no gap.
    #[test]
    fn a_cut_loses_a_tail_and_never_a_middle(seed: u64) {
        let mut world = world(seed);
        let mut sent = 0;
        for _ in 0..6 {
            world.pass(Duration::from_secs(2));
            let association = world.associate(A, B).expect("the pause is over");
            for _ in 0..world.random.below(30) {
                world.send(A, association, message(pid("a", 3), pid("b", 0), sent, 3_000));
                sent += 1;
                world.step();
            }
            for _ in 0..world.random.below(60) {
                world.step();
            }
            world.cut_all();
        }
        world.pass(Duration::from_secs(20));
        let mut first_of: std::collections::BTreeMap<u64, Vec<u32>> = Default::default();
        let mut over = Vec::new();
        for event in &world.events[B] {
            match event {
                Event::Signal { association, envelope } => {
                    prop_assert!(!over.contains(association), "a signal of an association that is over");
                    let rusm_core::RemoteKind::Message(term) = &envelope.signal.kind else { panic!("a message") };
                    first_of.entry(*association).or_default().push(number(&term.bytes));
                }
                Event::Ended { association, .. } => {
                    prop_assert!(!over.contains(association), "it ended twice");
                    over.push(*association);
                }
                _ => {}
            }
        }
        let mut last = None;
        for numbers in first_of.into_values() {
            prop_assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap: {:?}", numbers);
            prop_assert!(last < Some(numbers[0]), "again: {:?} after {:?}", numbers, last);
            last = numbers.last().copied();
        }
        prop_assert!(world.up(B) - world.ended(B) <= 1, "a connection that was made after the last cut may be there");
    }
}

#[test]
fn a_handshake_after_the_association_is_known_ends_it_first() {
    let mut world = world(1);
    world.associate(A, B);
    world.settle();
    // Only one side hears of the end.
    let config = Config::default();
    world.restart(A, 2, &config);
    world.events[B].clear();
    world.associate(A, B);
    world.settle();
    let ended = world.events[B].iter().position(|event| matches!(event, Event::Ended { .. }));
    let begun = world.events[B].iter().position(|event| matches!(event, Event::Up { incarnation: 2, .. }));
    assert!(ended.is_some() && ended < begun, "{:?}", world.events[B]);
}

#[test]
fn a_life_that_is_over_is_refused() {
    let mut world = world(1);
    let config = Config::default();
    world.restart(A, 5, &config);
    world.associate(A, B);
    world.settle();
    world.restart(A, 4, &config);
    world.events[A].clear();
    world.associate(A, B);
    world.pass(Duration::from_secs(1));
    let expected = EndReason::Refused(Refusal::Incarnation);
    let refused =
        world.events[A].iter().any(|event| matches!(event, Event::Ended { reason, .. } if *reason == expected));
    assert!(refused, "{:?}", world.events[A]);
}

#[test]
fn a_node_that_nobody_knows_or_that_was_unreachable_a_moment_ago_is_not_dialled() {
    let mut world = World::new(&["a", "b"], 1, &Config::default());
    let stranger = rusm_core::NodeId::of_name("stranger");
    assert_eq!(world.nodes[A].associate(world.now, stranger), None);
    world.associate(A, B).expect("known");
    world.names[B] = "elsewhere".to_owned();
    world.pass(Duration::from_secs(5));
    let Some(Event::Ended { reason: EndReason::Unreachable, .. }) = world.events[A].last() else {
        panic!("{:?}", world.events[A]);
    };
    world.names[B] = "b".to_owned();
    assert_eq!(world.associate(A, B), None, "the pause");
    world.pass(Duration::from_secs(1));
    assert!(world.associate(A, B).is_some());
    world.settle();
    assert_eq!(world.up(A), 1);
}

#[test]
fn a_full_lane_says_so_at_its_limit_and_opens_again() {
    let config = Config { lane_queue_len: 10_000, ..Config::default() };
    let mut world = World::new(&["a", "b"], 1, &config);
    let association = world.associate(A, B).expect("known");
    let (from, to) = (pid("a", 9), pid("b", 0));
    let overhead = rusm_transport::proto::Envelope::new(message(from, to, 0, 9_000)).encode().len() - 9_000;
    assert_eq!(world.send(A, association, message(from, to, 0, 9_999 - overhead)), SendOutcome::Taken);
    let other = pid("a", 10);
    assert_eq!(world.send(A, association, message(from, to, 1, 4)), SendOutcome::Full);
    assert_eq!(world.send(A, association, message(other, to, 1, 4)), SendOutcome::Taken, "another sender goes on");
    world.settle();
    let open = |event: &&Event| matches!(event, Event::Open { .. });
    assert_eq!(world.events[A].iter().filter(open).count(), 1);
    assert_eq!(world.received(B).len(), 2);
}

#[test]
fn a_node_that_reads_too_slowly_loses_the_association_at_the_limit() {
    let config = Config { queue_len_max: 100_000, ..Config::default() };
    let mut world = World::new(&["a", "b"], 1, &config);
    let association = world.associate(A, B).expect("known");
    let mut outcomes = Vec::new();
    for n in 0..12 {
        outcomes.push(world.send(A, association, message(pid("a", n), pid("b", 0), n, 9_900)));
    }
    assert_eq!(outcomes.iter().position(|outcome| *outcome == SendOutcome::Ended), Some(10), "{outcomes:?}");
    assert!(matches!(world.events[A].last(), Some(Event::Ended { reason: EndReason::Overload, .. })));
}

#[test]
fn small_signals_of_others_pass_a_large_one() {
    let mut world = World::new(&["a", "b"], 1, &Config::default());
    let association = world.associate(A, B).expect("known");
    world.settle();
    // Both lanes take the same stream.
    let (large, small) = (pid("a", 1), pid("a", 1 + 16));
    world.send(A, association, message(large, pid("b", 0), 0, 4 << 20));
    world.send(A, association, message(small, pid("b", 0), 1, 100));
    while !world.received(B).contains_key(&small.index) {
        assert!(world.step(), "the small one never comes");
    }
    assert!(!world.received(B).contains_key(&large.index), "the small one waited for the whole large one");
    world.settle();
    assert_eq!(world.received(B)[&large.index][0].len(), 4 << 20);
}

#[test]
fn no_more_large_signals_are_under_way_than_agreed_and_all_arrive() {
    let config = Config { large_max: 2, ..Config::default() };
    let mut world = World::new(&["a", "b"], 3, &config);
    let association = world.associate(A, B).expect("known");
    for n in 0..40 {
        world.send(A, association, message(pid("a", n % 20), pid("b", 0), n, 100_000));
    }
    world.settle();
    assert_eq!(world.ended(B), 0, "{:?}", world.events[B].last());
    assert_eq!(world.received(B).values().map(Vec::len).sum::<usize>(), 40);
}

#[test]
fn silence_is_suspected_and_then_the_end() {
    let mut world = world(1);
    world.associate(A, B);
    world.settle();
    world.pass(Duration::from_secs(60));
    assert_eq!(world.ended(A) + world.ended(B), 0, "signs of life keep it");
    let before = world.now;
    // B stands still.
    let mut quiet = Vec::new();
    while quiet.is_empty() {
        world.now = world.nodes[A].poll_timeout().expect("a watches");
        let now = world.now;
        world.nodes[A].handle_timeout(now);
        while world.nodes[A].poll_action().is_some() {}
        while let Some(event) = world.nodes[A].poll_event() {
            match event {
                Event::Trust { trust: Trust::Suspected, .. } => {
                    assert!(now.since(before) >= Duration::from_secs(2) && now.since(before) <= Duration::from_secs(3));
                }
                Event::Ended { reason, .. } => quiet.push(reason),
                Event::Node(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(quiet, [EndReason::Silent]);
    assert!(world.now.since(before) <= Duration::from_secs(8));
}

/// A kind that not every version knows, of that many bytes.
fn of_a_feature(from: u32, to: u32, len: usize) -> RemoteSignal {
    let RemoteSignal { from, to, kind } = message(pid("a", from), pid("b", to), 9, len);
    let RemoteKind::Message(message) = kind else { unreachable!("a message") };
    let timer = rusm_core::Reference { node: from.node, incarnation: 1, index: from.index, serial: 1, random: 1 };
    RemoteSignal { from, to, kind: RemoteKind::Timeout { timer, message } }
}

/// What a neighbour of the first version does not know is never sent to it, whether it was sent before anybody knew or after;
/// everything else arrives in its order.
#[test]
fn what_a_neighbour_of_an_older_version_does_not_know_goes_back_and_the_rest_arrives() {
    let old = Config { features: Features::NONE, ..Config::default() };
    for (of_a, of_b) in [(&old, &Config::default()), (&Config::default(), &old), (&old, &old)] {
        for seed in 0..20 {
            let mut world = World::with_configs(&["a", "b"], seed, &[of_a, of_b]);
            let association = world.associate(A, B).expect("b is known");
            let mut numbers = 0..;
            for round in 0..2 {
                for len in [10, FRAGMENT_LEN * 3, 10] {
                    for sender in 0..3 {
                        world.send(A, association, of_a_feature(sender, 0, len));
                        let number = numbers.next().expect("they go on");
                        world.send(A, association, message(pid("a", sender), pid("b", 0), number, len));
                    }
                }
                let back = world.events[A].iter().filter(|event| matches!(event, Event::Unsupported { .. })).count();
                assert_eq!(back, round * 18, "nobody knows yet, and then all of them at once");
                world.pass(Duration::from_secs(1));
            }
            let received = world.received(B);
            assert_eq!(received.values().map(Vec::len).sum::<usize>(), 18, "seed {seed}");
            for of_one in received.values() {
                assert!(of_one.iter().map(number).is_sorted(), "seed {seed}");
            }
            assert_eq!(world.ended(A) + world.ended(B), 0);
        }
    }
}

#[test]
fn neighbours_that_both_know_a_feature_use_it() {
    let mut world = world(1);
    let association = world.associate(A, B).expect("b is known");
    world.send(A, association, of_a_feature(1, 0, 10));
    let reply = RemoteKind::SpawnReply {
        request: rusm_core::Reference { node: world.id(B), incarnation: 1, index: 0, serial: 1, random: 1 },
        outcome: SpawnOutcome::Up,
    };
    let to = RemoteTarget::Pid(pid("b", 0));
    world.send(A, association, RemoteSignal { from: pid("a", 1), to, kind: reply });
    world.pass(Duration::from_secs(1));
    let signals = world.events[B].iter().filter(|event| matches!(event, Event::Signal { .. })).count();
    assert_eq!(signals, 2);
}

proptest! {
    #![proptest_config(cases(40))]

    /// A second version of the protocol, which offers a version and a feature more, writes a field more into every signal, a frame
    /// of a kind more behind every other and sends a kind more of signal, talks with the first, whoever dials.
    #[test]
    fn a_later_version_with_a_field_and_a_kind_more_talks_with_the_first(seed: u64, second in 0usize..2) {
        let mut world = world(seed);
        world.second.insert(second);
        let mut sent = [0u32; 2];
        for _ in 0..60 {
            let from = world.random.below(2);
            let association = world.associate(from, 1 - from).expect("nobody was unreachable");
            let (own, other) = if from == A { ("a", "b") } else { ("b", "a") };
            if from == second && world.random.below(4) == 0 {
                let outcome = world.send_needing(from, association, pid(own, 3), b"a kind of the second version", Features(1 << 63));
                prop_assert_eq!(outcome, SendOutcome::Taken);
            }
            let len = [20, 200, FRAGMENT_LEN * 2][world.random.below(3)];
            world.send(from, association, message(pid(own, 3), pid(other, 0), sent[from], len));
            sent[from] += 1;
            for _ in 0..world.random.below(9) {
                world.step();
            }
        }
        world.pass(Duration::from_secs(3));
        for node in [A, B] {
            prop_assert_eq!(world.ended(node), 0, "{:?}", world.events[node].iter().rev().find(|e| matches!(e, Event::Ended { .. })));
            let received = world.received(node).into_values().flatten().map(|bytes| number(&bytes)).collect::<Vec<u32>>();
            prop_assert_eq!(received, (0..sent[1 - node]).collect::<Vec<u32>>());
        }
    }
}
