use crate::discard::discard;
use crate::process::State;
use crate::signal::Kind;
use crate::{ExitReason, Message, Payload, Pid};

/// How many messages may lie in a process's mailbox, and what becomes of one more. No policy loses a message in silence.
///
/// Calls, and what is sent to the process's pid or name, count and are bound. What the process has asked for itself, as
/// replies, `Down` and what comes through an alias, and `Exit`, always arrives. It acts when the process handles its
/// signals, which it also does while it waits for something else, but not while it computes.
/// Divergence: OTP has no bound in messages; its `max_heap_size` ends the process, as [`Overflow::End`] does.
///
/// ```
/// # use rusm_core::{Context, Node, NodeOptions, Payload, SpawnOptions, process_body, seam::Seams};
/// use rusm_core::{MailboxBound, Overflow};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// let mailbox = Some(MailboxBound { messages: 2, overflow: Overflow::End });
/// let reads_nothing = process_body(|context: Context| async move { drop(context.receive_match(|_| false).await) });
/// let pid = node.spawn_with(SpawnOptions { mailbox, ..SpawnOptions::default() }, reads_nothing).pid;
/// for _ in 0..3 {
///     node.send(pid, Payload::local(())).unwrap();
/// }
/// # while node.process_info(pid).is_some() { tokio::task::yield_now().await }
/// assert!(node.process_info(pid).is_none());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxBound {
    /// How many may lie there.
    pub messages: usize,
    /// What becomes of one more.
    pub overflow: Overflow,
}

/// What becomes of a message for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The process ends with `mailbox_full`: whoever called, watches or supervises it hears of it.
    End,
    /// It goes back: a call ends with [`CallError::Down`](crate::CallError::Down) and `mailbox_full`, a message comes back as
    /// [`Returned`]. One from outside of all processes, or from another node, has nowhere to go back to: the log names it.
    Return,
}

/// A message that came back, as the receiver's mailbox was full: `payload.downcast::<Returned>()`.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, seam::Seams};
/// use rusm_core::{MailboxBound, Message, Overflow, Payload, Returned, SpawnOptions, process_body};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// let mailbox = Some(MailboxBound { messages: 0, overflow: Overflow::Return });
/// let deaf = process_body(|context| async move { drop(context.receive_match(|_| false).await) });
/// let pid = context.spawn_with(SpawnOptions { mailbox, ..SpawnOptions::default() }, deaf).pid;
/// context.send(pid, Payload::local("hello")).unwrap();
/// let Message::Plain(payload) = context.receive().await else { panic!("not a message") };
/// let Returned { to, payload } = payload.downcast().unwrap();
/// assert_eq!((to, payload.downcast::<&str>().unwrap()), (pid, "hello"));
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
#[derive(Debug)]
pub struct Returned {
    /// Whom it was sent to.
    pub to: Pid,
    /// What was sent.
    pub payload: Payload,
}

const MAILBOX_FULL: &str = "mailbox_full";

impl State {
    /// Puts a message into the mailbox, if there is room.
    pub(crate) fn arrive(&mut self, own: Pid, from: Pid, message: Message, outgoing: &mut Vec<(Pid, Kind)>) {
        match self.mailbox_bound {
            // What came back is not sent back once more.
            Some(bound) if self.mailbox.len() >= bound.messages && !is_returned(&message) => {
                self.overflow(bound, own, from, message, outgoing);
            }
            Some(_) | None => self.mailbox.push(message),
        }
    }

    fn overflow(
        &mut self,
        bound: MailboxBound,
        own: Pid,
        from: Pid,
        message: Message,
        outgoing: &mut Vec<(Pid, Kind)>,
    ) {
        match (bound.overflow, message) {
            (Overflow::End, message) => {
                let detail = format!("more than {} messages", bound.messages);
                self.exit = Some(ExitReason::new(MAILBOX_FULL).with_detail(detail));
                discard(message);
            }
            (Overflow::Return, Message::Call { from: caller, payload }) => {
                self.monitored_by.remove(&caller.reference);
                let reason = ExitReason::new(MAILBOX_FULL);
                outgoing.push((caller.pid, Kind::Down { monitor: caller.reference, reason }));
                discard(payload);
            }
            (Overflow::Return, Message::Plain(payload)) if from.node == own.node && from.index != u32::MAX => {
                let returned = Payload::local(Returned { to: own, payload });
                outgoing.push((from, Kind::Message(Message::Plain(returned))));
            }
            (Overflow::Return, message) => {
                tracing::warn!(pid = %own, %from, ?message, "a message did not fit into a full mailbox");
                discard(message);
            }
        }
    }
}

fn is_returned(message: &Message) -> bool {
    matches!(message, Message::Plain(payload) if payload.downcast_ref::<Returned>().is_some())
}
