//! What a process is said to hold follows what it holds, and is given back.

use crate::support::{below, idle};
use rusm_core::{Context, ExitReason, Message, Node, Payload, Pid};
use rusm_sim::SimHandle;
use std::sync::atomic::Ordering;
use std::time::Duration;

const HOST: u64 = 1_234_567;
const LARGE: usize = 50_000;
const BURST: usize = 100;

fn bytes(node: &Node, pid: Pid) -> u64 {
    node.process_info(pid).expect("it lives").memory_bytes
}

/// Ties itself to so many others, reads what it was sent only when it is asked to, and rests.
async fn holder(context: Context) {
    let mut others: Vec<Pid> = Vec::new();
    loop {
        let call = context.receive_match(|message| matches!(message, Message::Call { .. })).await;
        let Message::Call { from, payload } = call else { continue };
        let order = payload.downcast::<&str>().expect("a word");
        match order {
            "links" | "monitors" => {
                for _ in 0..10 {
                    let other = context.spawn(idle);
                    others.push(other);
                    match order {
                        "links" => context.link(other),
                        _ => assert_ne!(context.monitor(other), context.make_reference()),
                    }
                }
            }
            "aliases" => assert!((0..10).map(|_| context.alias()).is_sorted_by(|one, next| one != next)),
            "host" => context.memory_gauge().store(HOST, Ordering::Relaxed),
            "burst" => {
                // What it sends itself has arrived, and is not handled before it waits.
                let info = |context: &Context| context.node().process_info(context.pid()).expect("it lives");
                let before = info(&context);
                for number in 0..BURST {
                    context.send(context.pid(), Payload::local(number)).expect("itself");
                }
                let after = info(&context);
                assert_eq!(after.status, "running");
                assert_eq!(after.mailbox_len - before.mailbox_len, BURST, "what has come, handled or not");
                let bytes = after.memory_bytes - before.memory_bytes;
                assert!((BURST as u64 * 40..BURST as u64 * 400).contains(&bytes), "{BURST} signals are {bytes} bytes");
            }
            "unheard" => {
                let bytes = || context.node().process_info(context.pid()).expect("it lives").memory_bytes;
                let alias = context.alias();
                context.unalias(alias);
                let empty = bytes();
                for number in 0..BURST {
                    context.send(alias, Payload::local(number)).expect("an alias takes everything");
                }
                let queued = bytes();
                assert!(queued >= empty + BURST as u64 * 40, "{BURST} signals are {} bytes", queued - empty);
                assert!(context.try_receive(|_| false).is_none());
                assert_eq!(bytes(), queued, "what was the queue's room is a batch's");
            }
            "read" => while context.try_receive(|_| true).is_some() {},
            "rest" => {
                context.reply(from, Payload::local(()));
                context.hibernate().await;
                return;
            }
            other => panic!("{other} is no order"),
        }
        context.reply(from, Payload::local(()));
    }
}

async fn large(context: Context) {
    let held = [7_u8; LARGE];
    context.receive().await;
    std::hint::black_box(&held);
}

#[rusm_sim::test(seeds = 40)]
async fn what_a_process_holds_is_known_and_given_back(sim: SimHandle) {
    let mut rng = sim.random("messages");
    let node = Node::start(sim.node_options("a"));
    let pid = node.spawn(holder);
    let told = async |order: &'static str| {
        let before = bytes(&node, pid);
        node.call(pid, Payload::local(order), Duration::from_secs(10)).await.expect("it does as it is told");
        sim.sleep(Duration::from_secs(1)).await;
        (before, bytes(&node, pid))
    };
    sim.sleep(Duration::from_secs(1)).await;
    let idle = bytes(&node, pid);
    assert!((200..5_000).contains(&idle), "an idle process holds {idle} bytes");

    // About the same for each kind of relation; what comes with signals may make the queue grow once.
    for kind in ["aliases", "links", "monitors"] {
        let (before, after) = told(kind).await;
        assert!((500..1_200).contains(&(after - before)), "ten {kind} are {} bytes", after - before);
    }
    let (before, after) = told("host").await;
    assert_eq!(after - before, HOST, "what the host says");

    let (messages, before) = (500 + below(&mut rng, 500), bytes(&node, pid));
    for number in 0..messages {
        node.send(pid, Payload::local(number)).expect("a pid takes everything");
    }
    sim.sleep(Duration::from_secs(1)).await;
    let full = bytes(&node, pid) - before;
    assert!((messages * 20..messages * 600).contains(&full), "{messages} messages are {full} bytes");
    let (_, after) = told("read").await;
    assert!(after < before + full / 2, "{messages} messages have left {} bytes", after - before);
    let (before, after) = told("rest").await;
    assert!(after <= before && before - after < full, "at rest {after} bytes, before {before}");
    let info = node.process_info(pid).expect("it lives");
    assert_eq!((info.status, info.mailbox_len), ("hibernating", 0));

    let small = node.spawn(crate::support::idle);
    let large = node.spawn(large);
    sim.sleep(Duration::from_secs(1)).await;
    let more = bytes(&node, large) - bytes(&node, small);
    assert!((LARGE as u64..LARGE as u64 + 2_000).contains(&more), "a large body is {more} bytes more");
    for pid in [pid, large] {
        node.exit_signal(pid, ExitReason::KILL);
    }
}

/// A process that has a mailbox, a queue and room for a batch of its own, however much has gone through them: at rest it has
/// none of them.
#[rusm_sim::test(seeds = 40)]
async fn whoever_rests_holds_no_more_than_who_has_done_nothing(sim: SimHandle) {
    let mut rng = sim.random("work");
    let node = Node::start(sim.node_options("a"));
    let [worker, idler] = [node.spawn(holder), node.spawn(holder)];
    let told = async |pid: Pid, order: &'static str| {
        node.call(pid, Payload::local(order), Duration::from_secs(10)).await.expect("it does as it is told");
        sim.sleep(Duration::from_secs(1)).await;
        bytes(&node, pid)
    };
    let fresh = told(worker, "read").await;
    told(worker, "burst").await;
    let read = told(worker, "read").await;
    told(worker, "unheard").await;
    assert!(read >= fresh + BURST as u64 * 40, "room for a batch of {BURST} is kept: {read} bytes after {fresh}");
    if below(&mut rng, 2) == 0 {
        for number in 0..1_000 {
            node.send(worker, Payload::local(number)).expect("a pid takes everything");
        }
        sim.sleep(Duration::from_secs(1)).await;
        told(worker, "read").await;
    }
    assert_eq!(told(worker, "rest").await, told(idler, "rest").await, "at rest, in bytes");
    for pid in [worker, idler] {
        node.exit_signal(pid, ExitReason::KILL);
    }
}

/// A million processes have one message each: it takes no room for more. Where there are more, they grow in steps.
#[rusm_sim::test(seeds = 20)]
async fn one_message_takes_the_room_of_one(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let pid = node.spawn(|context: Context| async move { drop(context.receive_match(|_| false).await) });
    // Its queue, and its room for a batch, which are each other's after each signal.
    for _ in 0..3 {
        node.exit_signal(pid, ExitReason::NORMAL);
        sim.sleep(Duration::from_secs(1)).await;
    }
    let mut before = bytes(&node, pid);
    let mut grown = Vec::new();
    for number in 0..6_u64 {
        node.send(pid, Payload::local(number)).expect("a pid takes everything");
        sim.sleep(Duration::from_secs(1)).await;
        let after = bytes(&node, pid);
        grown.push(after - before);
        before = after;
    }
    let one = grown[0];
    assert!((50..200).contains(&one), "one message takes {one} bytes");
    assert_eq!(grown, [one, 3 * one, 0, 0, 4 * one, 0], "the room of 1, 4 and 8 messages");
    node.exit_signal(pid, ExitReason::KILL);
}

/// Most processes have one link or monitor. A few are a vector, which grows in steps; many are a tree.
#[rusm_sim::test(seeds = 20)]
async fn one_monitor_takes_the_room_of_one_and_many_are_a_tree(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let watched = node.spawn(idle);
    for _ in 0..3 {
        node.exit_signal(watched, ExitReason::NORMAL);
        sim.sleep(Duration::from_secs(1)).await;
    }
    let mut before = bytes(&node, watched);
    let mut grown = Vec::new();
    for _ in 0..18 {
        // Each by another process, which lives on.
        node.spawn(move |context: Context| async move {
            context.monitor(watched);
            idle(context).await;
        });
        sim.sleep(Duration::from_secs(1)).await;
        let after = bytes(&node, watched);
        grown.push(after - before);
        before = after;
    }
    let one = grown[0];
    assert!((30..100).contains(&one), "one monitor takes {one} bytes");
    let steps = [1, 3, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    assert_eq!(grown, steps.map(|step| step * one), "the room of 1, 4, 8 and 16 in a vector, then of each in a tree");
    crate::support::clear(&sim, &node).await;
}

/// What is usual stays, so that a busy process allocates nothing; what a flood took does not.
#[rusm_sim::test(seeds = 20)]
async fn an_emptied_mailbox_keeps_the_room_of_so_many_messages_and_of_no_more(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let pid = node.spawn(holder);
    let order = async || {
        node.call(pid, Payload::local("read"), Duration::from_secs(10)).await.expect("it does as it is told");
        sim.sleep(Duration::from_secs(1)).await;
        bytes(&node, pid)
    };
    order().await;
    let empty = order().await;
    let filled = async |messages: u64| {
        for number in 0..messages {
            node.send(pid, Payload::local(number)).expect("a pid takes everything");
            // Each by itself, so that the queue does not grow as well.
            sim.sleep(Duration::from_millis(100)).await;
        }
        order().await
    };
    // The order lies behind them.
    let usual = filled(127).await;
    assert!(usual >= empty + 128 * 50, "the room of 128 messages is kept: {usual} bytes after {empty}");
    let flooded = filled(128).await;
    assert!(flooded <= empty, "the room of 129 messages is given back: {flooded} bytes after {empty}");
    node.exit_signal(pid, ExitReason::KILL);
}
