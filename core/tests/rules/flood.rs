//! Ten million messages to a process that does not read them: its bound acts, its memory stays small, and what becomes of
//! each message is known.

use super::end_of;
use rusm_core::seam::Seams;
use rusm_core::{
    Context, ExitReason, MailboxBound, Message, Node, NodeOptions, Overflow, Payload, Pid, Returned, SpawnOptions,
    process_body,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const MESSAGES: usize = 10_000_000;
const BOUND: usize = 1_000;
/// How many are sent in one turn: a bound acts when the process handles its signals.
const BATCH: usize = 1_000;
/// What the process may hold meanwhile: its mailbox and a batch of signals.
const MEMORY_MAX: u64 = 1 << 20;

/// One of them: counts when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Flood {
    context: Context,
    deaf: Pid,
    dropped: Arc<AtomicUsize>,
}

impl Flood {
    /// Sends a batch and waits until the process has handled it; false when it has ended.
    async fn batch(&self) -> bool {
        for _ in 0..BATCH {
            self.context.send(self.deaf, Payload::local(Counted(self.dropped.clone()))).expect("a pid");
        }
        self.context.is_alive(self.deaf).await
    }

    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Runs it in a process beside one that reads nothing.
fn check<Fut>(overflow: Overflow, body: impl FnOnce(Flood) -> Fut + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let reason = runtime.block_on(async move {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        let reads_nothing =
            process_body(|context: Context| async move { drop(context.receive_match(|_| false).await) });
        let mailbox = Some(MailboxBound { messages: BOUND, overflow });
        let deaf = node.spawn_with(SpawnOptions { mailbox, ..SpawnOptions::default() }, reads_nothing).pid;
        let reason = end_of(&node, move |context| body(Flood { context, deaf, dropped: Arc::default() }));
        reason.await
    });
    assert_eq!(reason, ExitReason::NORMAL);
}

#[test]
fn of_ten_million_messages_to_a_process_that_does_not_read_all_come_back_but_as_many_as_its_bound() {
    check(Overflow::Return, |flood| async move {
        let mut returned = 0;
        for _ in 0..MESSAGES / BATCH {
            assert!(flood.batch().await, "it lives");
            let info = flood.context.node().process_info(flood.deaf).expect("it lives");
            assert_eq!(info.mailbox_len, BOUND);
            assert!(info.memory_bytes <= MEMORY_MAX, "{} bytes", info.memory_bytes);
            while let Some(message) = flood.context.try_receive(|_| true) {
                let Message::Plain(payload) = message else { panic!("not a message: {message:?}") };
                let back = payload.downcast::<Returned>().expect("it came back");
                assert_eq!(back.to, flood.deaf);
                assert!(back.payload.downcast::<Counted>().is_ok(), "it is what was sent");
                returned += 1;
            }
        }
        assert_eq!(returned, MESSAGES - BOUND);
        assert_eq!(flood.dropped(), MESSAGES - BOUND, "the others lie in the mailbox");
        flood.context.exit_signal(flood.deaf, ExitReason::KILL);
        assert!(!flood.context.is_alive(flood.deaf).await);
        assert_eq!(flood.dropped(), MESSAGES);
    });
}

#[test]
fn ten_million_messages_end_a_process_that_does_not_read_and_whoever_watches_hears_of_it() {
    check(Overflow::End, |flood| async move {
        let monitor = flood.context.monitor(flood.deaf);
        assert!(flood.batch().await, "as many as the bound fit");
        assert_eq!(flood.dropped(), 0);
        for _ in 1..MESSAGES / BATCH {
            assert!(!flood.batch().await, "one more ends it");
        }
        let full = ExitReason::new("mailbox_full").with_detail(format!("more than {BOUND} messages"));
        assert_eq!(super::down(&flood.context, monitor).await, full);
        assert!(flood.context.try_receive(|_| true).is_none());
        assert_eq!(flood.dropped(), MESSAGES, "what is sent to the dead is dropped, and what it had with it");
    });
}
