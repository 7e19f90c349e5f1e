//! Whole nodes under loom, which tries every order in which their threads can come by, up to a number of preemptions: each
//! process is a thread of its own. A signal, a wake-up or a name that gets lost shows as a thread that waits for ever.

mod world;

use rusm_core_loom::{Context, ExitReason, Message, Payload};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use world::{World, check};

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn boom() -> ExitReason {
    ExitReason::new("boom")
}

fn number(message: &Message) -> u32 {
    match message {
        Message::Plain(payload) => *payload.downcast_ref().expect("a number"),
        other => panic!("not a number: {other:?}"),
    }
}

/// What is left in the mailbox when everything that `other` has sent is there.
async fn rest(context: &Context, other: rusm_core_loom::Pid) -> usize {
    assert!(!context.is_alive(other).await);
    std::iter::from_fn(|| context.try_receive(|_| true)).count()
}

#[test]
fn a_message_wakes_a_process_that_waits() {
    check(|World { node, .. }| {
        let receiver = node.spawn(|context| async move { assert_eq!(number(&context.receive().await), 7) });
        node.send(receiver, Payload::local(7u32)).expect("a pid");
    });
}

#[test]
fn of_two_senders_both_arrive_and_each_ones_in_order() {
    check(|World { node, .. }| {
        let receiver = node.spawn(|context| async move {
            let mut seen = Vec::new();
            for _ in 0..3 {
                seen.push(number(&context.receive().await));
            }
            seen.retain(|n| *n != 9);
            assert_eq!(seen, [1, 2]);
        });
        node.spawn(move |context| async move { context.send(receiver, Payload::local(9u32)).expect("a pid") });
        for n in [1u32, 2] {
            node.send(receiver, Payload::local(n)).expect("a pid");
        }
    });
}

#[test]
fn a_message_that_races_an_end_is_dropped_once_read_or_not() {
    check(|World { node, threads }| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let target = node.spawn(|context| async move { drop(context.try_receive(|_| true)) });
        node.send(target, Payload::local(Counted(dropped.clone()))).expect("a pid");
        threads.join();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert_eq!(node.process_count(), 0);
        assert!(node.processes().is_empty());
    });
}

#[test]
fn a_monitor_that_races_an_end_gives_one_down() {
    check(|World { node, .. }| {
        let target = node.spawn(|_| async { boom() });
        node.spawn(move |context| async move {
            context.monitor(target);
            let Message::Down { reason, .. } = context.receive().await else { panic!("not a DOWN") };
            assert!(reason == boom() || reason == ExitReason::NOPROC, "{reason}");
            assert_eq!(rest(&context, target).await, 0);
        });
    });
}

#[test]
fn a_link_that_races_an_end_gives_one_exit() {
    check(|World { node, .. }| {
        let target = node.spawn(|_| async { boom() });
        node.spawn(move |context| async move {
            context.trap_exit(true);
            context.link(target);
            let Message::Exit { reason, .. } = context.receive().await else { panic!("not an EXIT") };
            assert!(reason == boom() || reason == ExitReason::NOPROC, "{reason}");
            assert_eq!(rest(&context, target).await, 0);
        });
    });
}

#[test]
fn who_hears_that_there_is_no_such_process_has_heard_of_its_end_before() {
    check(|World { node, .. }| {
        node.spawn(move |context| async move {
            context.trap_exit(true);
            let target = context.spawn_link(|_| async { boom() });
            context.monitor(target);
            let (first, second) = (context.receive().await, context.receive().await);
            if let Message::Down { reason, .. } = &first {
                assert_eq!(reason, &boom(), "the EXIT had not come: {second:?}");
            }
        });
    });
}

#[test]
fn after_an_unlink_that_races_an_end_no_exit_arrives() {
    check(|World { node, .. }| {
        node.spawn(move |context| async move {
            context.trap_exit(true);
            let target = context.spawn_link(|_| async { boom() });
            context.unlink(target);
            // One that was there already stays.
            let before = context.try_receive(|_| true);
            context.monitor(target);
            let next = context.receive().await;
            assert!(matches!(next, Message::Down { .. }), "{next:?}, and before that {before:?}");
        });
    });
}

#[test]
fn a_call_that_races_an_end_hears_of_it() {
    check(|World { node, .. }| {
        let target = node.spawn(|context| async move {
            if let Some(Message::Call { from, payload }) = context.try_receive(|_| true) {
                context.reply(from, payload);
            }
        });
        node.spawn(move |context| async move {
            match context.call(target, Payload::local(7u32), Duration::MAX).await {
                Ok(payload) => assert_eq!(payload.downcast_ref(), Some(&7u32)),
                Err(error) => assert!(error.to_string().starts_with("the called process ended"), "{error}"),
            }
            assert_eq!(rest(&context, target).await, 0);
        });
    });
}

#[test]
fn a_kill_that_races_a_return_ends_the_process_with_one_of_both_reasons() {
    check(|World { node, .. }| {
        node.spawn(move |context| async move {
            let (target, monitor) = context.spawn_monitor(|_| async { boom() });
            context.exit_signal(target, ExitReason::KILL);
            let Message::Down { monitor: of, reason, .. } = context.receive().await else { panic!("not a DOWN") };
            assert_eq!(of, monitor);
            assert!(reason == boom() || reason == ExitReason::KILLED, "{reason}");
        });
    });
}

#[test]
fn what_was_sent_to_the_last_process_of_a_slot_never_reaches_the_next() {
    check(|World { node, .. }| {
        let last = node.spawn(|_| async {});
        let sender = node.clone();
        node.spawn(move |_| async move { sender.send(last, Payload::local(1u32)).expect("a pid") });
        let next = node.spawn(|context| async move { assert_eq!(number(&context.receive().await), 2) });
        node.send(next, Payload::local(2u32)).expect("a pid");
    });
}

#[test]
fn a_name_that_is_given_while_its_process_ends_is_free_in_the_end() {
    check(|World { node, threads }| {
        let target = node.spawn(|_| async {});
        let given = node.register("a", target).is_ok();
        threads.join();
        assert_eq!(node.whereis("a"), None, "the name was given: {given}");
    });
}

#[test]
fn a_timer_that_is_started_while_its_process_ends_ends_with_it() {
    check(|World { node, .. }| {
        let target = node.spawn(|_| async {});
        // Its time never comes: the thread of the node's timers ends when none is left.
        node.spawn(move |context| async move {
            context.send_after(Duration::from_secs(1), target, Payload::local(1u32));
        });
    });
}

#[test]
fn a_process_that_is_looked_at_while_it_ends_is_whole_or_gone() {
    check(|World { node, threads }| {
        let target = node.spawn(|context| async move {
            context.trap_exit(true);
            context.set_label("traps");
            drop(context.try_receive(|_| true));
        });
        if let Some(info) = node.process_info(target) {
            assert!(info.trap_exit || info.label.is_empty(), "the label was set before the trap");
        }
        threads.join();
        assert!(node.process_info(target).is_none());
    });
}
