//! What other processes do not see of the handling of signals, or seldom.

use super::{BATCH_KEPT_MAX, Outgoing};
use crate::process::{Answer, Link, Monitor, Over, State, Watcher};
use crate::remote::SpawnReplied;
use crate::seam::Seams;
use crate::signal::Kind;
use crate::{
    AliasMode, Caller, Context, ExitReason, MailboxBound, Mark, Message, Node, NodeId, NodeOptions, Overflow, Payload,
    Pid, SpawnOptions, SpawnOutcome, TraceEvent, Tracer, process_body,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// The kinds of the signals that were sent, and the marks, in order.
#[derive(Default)]
struct Seen(Mutex<Vec<&'static str>>);

impl Tracer for Seen {
    fn event(&self, _: &Node, event: &TraceEvent<'_>) {
        match event {
            TraceEvent::Sent { kind, .. } => self.0.lock().push(kind),
            TraceEvent::Sometimes { mark } => self.0.lock().push(mark),
            _ => {}
        }
    }
}

impl Seen {
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// On one thread nothing else runs until the test waits.
fn check<F: Future<Output = ()>>(test: impl FnOnce(Node, Arc<Seen>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let seen = Arc::new(Seen::default());
        let tracer: Option<Arc<dyn Tracer>> = Some(seen.clone());
        let seams = Seams::production(std::env::temp_dir());
        test(Node::start(NodeOptions { tracer, ..NodeOptions::new("a", seams) }), seen).await;
    });
}

/// Until everything that can run has run.
async fn rest() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

async fn waits(context: Context) {
    context.receive_match(|_| false).await;
}

#[test]
fn only_an_exit_with_signals_behind_it_is_marked_as_one() {
    check(|node, seen| async move {
        let behind = Mark::SignalsBehindExit.name();
        node.exit_signal(node.spawn(waits), ExitReason::new("boom"));
        rest().await;
        assert!(!seen.take().contains(&behind));
        let pid = node.spawn(waits);
        node.exit_signal(pid, ExitReason::new("boom"));
        node.send(pid, Payload::local(())).expect("a pid");
        rest().await;
        assert!(seen.take().contains(&behind));
    });
}

#[test]
fn a_call_that_is_answered_takes_two_signals() {
    check(|node, seen| async move {
        let answers = node.spawn(|context| async move {
            let Message::Call { from, payload } = context.receive().await else { panic!("not a call") };
            context.reply(from, payload);
            context.receive().await;
        });
        node.call(answers, Payload::local(()), Duration::MAX).await.expect("an answer");
        assert_eq!(seen.take(), ["call", "reply"]);
    });
}

#[test]
fn nothing_goes_back_to_the_outside_from_a_full_mailbox() {
    check(|node, seen| async move {
        let mailbox = Some(MailboxBound { messages: 1, overflow: Overflow::Return });
        let options = SpawnOptions { mailbox, ..SpawnOptions::default() };
        let pid = node.spawn_with(options, process_body(waits)).pid;
        for _ in 0..3 {
            node.send(pid, Payload::local(())).expect("a pid");
        }
        rest().await;
        assert_eq!(node.process_info(pid).map(|info| info.mailbox_len), Some(1));
        assert_eq!(seen.take(), ["message"; 3]);
    });
}

#[test]
fn room_is_kept_for_so_many_signals_and_no_more() {
    check(|node, _| async move {
        for (signals, kept) in [(BATCH_KEPT_MAX, BATCH_KEPT_MAX), (BATCH_KEPT_MAX + 1, 0)] {
            let pid = node.spawn(waits);
            for _ in 0..signals {
                node.send(pid, Payload::local(())).expect("a pid");
            }
            rest().await;
            let process = node.table().living(pid).expect("it lives");
            assert_eq!(process.state.lock().batch.capacity(), kept, "after {signals} signals");
        }
    });
}

#[test]
fn a_reply_through_an_explicit_alias_leaves_the_monitor() {
    check(|node, _| async move {
        let answers = node.spawn(|context| async move {
            let Message::Plain(payload) = context.receive().await else { panic!("not a request") };
            context.reply(payload.downcast().expect("a caller"), Payload::local(()));
            context.receive().await;
        });
        let watched = node.inside(move |context| async move {
            let reference = context.monitor_alias(answers, AliasMode::Explicit);
            let caller = Caller { pid: context.pid(), reference };
            context.send(answers, Payload::local(caller)).expect("a pid");
            assert!(matches!(context.receive().await, Message::Reply { .. }));
            let watched = context.node().process_info(answers).map(|info| info.monitored_by);
            (watched, context.demonitor(reference))
        });
        assert_eq!(watched.await, Some((Some(1), true)));
    });
}

/// A process of another node, and one of this.
fn pids() -> (Pid, Pid) {
    let pid = |node| Pid { node: NodeId::from_u32(node), incarnation: 1, index: 0, serial: 0, random: 0 };
    (pid(1), pid(2))
}

#[test]
fn a_link_of_a_later_association_takes_the_place_of_an_earlier_one_and_of_no_other() {
    check(|node, _| async move {
        let (own, other) = pids();
        let unlinking = |over| Link::Unlinking { id: 5, over: Over(over) };
        let cases = [
            (None, 1, Link::Active(Over(1))),
            (Some(Link::Active(Over(1))), 1, Link::Active(Over(1))),
            (Some(Link::Active(Over(1))), 2, Link::Active(Over(2))),
            (Some(Link::Active(Over(2))), 1, Link::Active(Over(2))),
            (Some(unlinking(1)), 1, unlinking(1)),
            (Some(unlinking(1)), 2, Link::Active(Over(2))),
            (Some(unlinking(2)), 1, unlinking(2)),
        ];
        for (before, over, expected) in cases {
            let mut state = State::default();
            if let Some(before) = before {
                state.links.insert(other, before);
            }
            state.handle(&node, own, other, Kind::Link { over: Over(over) }, &mut Outgoing::new());
            assert_eq!(state.links.get(&other), Some(&expected), "{before:?} and a link over {over}");
        }
    });
}

#[test]
fn the_acknowledgement_of_an_unlink_takes_its_half_away_and_no_other() {
    check(|node, _| async move {
        let (own, other) = pids();
        let mut state = State::default();
        state.links.insert(other, Link::Unlinking { id: 5, over: Over(1) });
        state.handle(&node, own, other, Kind::UnlinkAck { id: 4 }, &mut Outgoing::new());
        assert!(state.links.get(&other).is_some());
        state.handle(&node, own, other, Kind::UnlinkAck { id: 5 }, &mut Outgoing::new());
        assert!(state.links.get(&other).is_none());
    });
}

#[test]
fn who_is_spawned_elsewhere_is_linked_and_monitored_as_was_asked_and_who_is_not_is_neither() {
    check(|node, _| async move {
        let (own, other) = pids();
        let outcomes = [(SpawnOutcome::Spawned, true), (SpawnOutcome::Failed(ExitReason::new("bad")), false)];
        for (outcome, spawned) in outcomes {
            for (link, monitor) in [(false, false), (false, true), (true, false), (true, true)] {
                let (request, mut state) = (node.reference(0), State::default());
                state.answers.insert(request, Answer::Waiting);
                let replied = SpawnReplied { request, outcome: outcome.clone(), link, monitor, over: Over(1) };
                state.handle(&node, own, other, Kind::SpawnReply(Box::new(replied)), &mut Outgoing::new());
                assert_eq!(state.links.get(&other).is_some(), spawned && link, "{outcome:?}");
                assert_eq!(state.monitors.get(&request).is_some(), spawned && monitor, "{outcome:?}");
            }
        }
    });
}

#[test]
fn only_the_monitor_of_a_call_ends_with_its_reply() {
    check(|node, _| async move {
        let (own, _) = pids();
        let (call, other) = (node.reference(0), node.reference(0));
        let mut state = State::default();
        state.monitored_by.insert(call, Watcher { pid: own, calls: true });
        state.monitored_by.insert(other, Watcher { pid: own, calls: false });
        assert!(state.end_call_monitor(call) && !state.end_call_monitor(call));
        assert!(!state.end_call_monitor(other));
        assert!(state.monitored_by.get(&call).is_none() && state.monitored_by.get(&other).is_some());
    });
}

#[test]
fn demonitor_tells_whoever_is_watched() {
    check(|node, _| async move {
        let (_, other) = pids();
        let (monitor, mut state, mut outgoing) = (node.reference(0), State::default(), Outgoing::new());
        state.monitors.insert(monitor, Monitor::new(other.into(), Some(other)));
        assert!(state.demonitor(monitor, &mut outgoing));
        assert!(matches!(&outgoing[..], [(to, Kind::Demonitor { monitor: of })] if (*to, *of) == (other, monitor)));
        assert!(!state.demonitor(monitor, &mut outgoing));
    });
}
