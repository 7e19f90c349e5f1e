//! What nobody but a tracer sees of the handling of signals.

use crate::seam::Seams;
use crate::{
    Context, ExitReason, MailboxBound, Mark, Message, Node, NodeOptions, Overflow, Payload, SpawnOptions, TraceEvent,
    Tracer, process_body,
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
