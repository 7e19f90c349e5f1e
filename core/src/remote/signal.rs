use super::spawn::{SpawnOutcome, SpawnRequest};
use crate::{ExitReason, Pid, Reference, Term};

/// A signal as it crosses between nodes: plain data, every message a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSignal {
    /// Who sent it.
    pub from: Pid,
    /// Whom it goes to.
    pub to: RemoteTarget,
    /// What it is.
    pub kind: RemoteKind,
}

/// Whom a signal goes to on the node that receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteTarget {
    /// A process.
    Pid(Pid),
    /// Whoever has this local name there when the signal arrives.
    Name(String),
    /// Whoever owns this alias, while it is active.
    Alias(Reference),
    /// The node itself.
    Node,
}

/// What one process does to a process of another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteKind {
    /// A message.
    Message(Term),
    /// A request of the sender, who waits for a reply.
    Call {
        /// Names the call; the reply goes to it.
        reference: Reference,
        /// The request.
        request: Term,
    },
    /// The answer to a call.
    Reply {
        /// Which call.
        reference: Reference,
        /// The answer.
        answer: Term,
    },
    /// Link the two.
    Link,
    /// Take the link away, and say so.
    Unlink {
        /// Comes back in the acknowledgement.
        id: u64,
    },
    /// The link is gone.
    UnlinkAck {
        /// Of which unlink.
        id: u64,
    },
    /// An exit signal.
    Exit {
        /// Why.
        reason: ExitReason,
        /// A link carried it.
        linked: bool,
    },
    /// Tell the sender of the receiver's end.
    Monitor {
        /// Names the monitor.
        monitor: Reference,
    },
    /// Forget a monitor.
    Demonitor {
        /// Which.
        monitor: Reference,
    },
    /// The sender, which the receiver monitored, has ended.
    Down {
        /// Which monitor.
        monitor: Reference,
        /// Why it ended.
        reason: ExitReason,
    },
    /// Is the receiver alive?
    Alive {
        /// Names the question.
        request: Reference,
    },
    /// The answer to that.
    AliveReply {
        /// Which question.
        request: Reference,
        /// Whether it is.
        alive: bool,
    },
    /// Start a process for the sender.
    Spawn(Box<SpawnRequest>),
    /// How that went: the sender is the new process, when there is one.
    SpawnReply {
        /// Which request.
        request: Reference,
        /// What became of it.
        outcome: SpawnOutcome,
    },
    /// A timer of the sender's node has fired: OTP's `{timeout, TimerRef, Msg}`.
    Timeout {
        /// Which timer.
        timer: Reference,
        /// The message.
        message: Term,
    },
}

impl RemoteKind {
    /// Bytes of the message in it.
    pub fn message_len(&self) -> usize {
        match self {
            Self::Message(term)
            | Self::Call { request: term, .. }
            | Self::Reply { answer: term, .. }
            | Self::Timeout { message: term, .. } => term.bytes.len(),
            Self::Spawn(asked) => {
                let grants = asked.spec.grants.as_ref().map_or(0, |grants| grants.bytes.len());
                asked.spec.args.bytes.len() + grants
            }
            _ => 0,
        }
    }

    /// The kind in one word, as traces show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Call { .. } => "call",
            Self::Reply { .. } => "reply",
            Self::Link => "link",
            Self::Unlink { .. } => "unlink",
            Self::UnlinkAck { .. } => "unlink_ack",
            Self::Exit { .. } => "exit",
            Self::Monitor { .. } => "monitor",
            Self::Demonitor { .. } => "demonitor",
            Self::Down { .. } => "down",
            Self::Alive { .. } => "alive",
            Self::AliveReply { .. } => "alive_reply",
            Self::Spawn(_) => "spawn",
            Self::SpawnReply { .. } => "spawn_reply",
            Self::Timeout { .. } => "timeout",
        }
    }
}
