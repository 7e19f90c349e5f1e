use super::spawn::{SpawnOutcome, SpawnRequest};
use crate::{ExitReason, Pid, Reference, Term};

/// A signal as it crosses between nodes: plain data, every message a term.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, seam::Seams};
/// use rusm_core::{Encoding, RemoteKind, RemoteSignal, RemoteTarget, Term};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let from = node.spawn(|_| async {});
/// let greeting = Term::new(Encoding::Raw, b"hello".to_vec());
/// let to = RemoteTarget::Name("greeter".to_owned());
/// let signal = RemoteSignal { from, to, kind: RemoteKind::Message(greeting) };
/// assert_eq!((signal.kind.name(), signal.kind.message_len()), ("message", 5));
/// # });
/// ```
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoding, NodeId, ProcessSpec};
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_has_a_name_and_the_bytes_of_its_message() {
        let reference = Reference { serial: 1, index: 0, node: NodeId::from_u32(1), incarnation: 1, random: 0 };
        let term = |len: usize| Term::new(Encoding::Raw, vec![0; len]);
        let (kind, target, args, grants) = ("kind".to_owned(), "target".to_owned(), term(5), Some(term(7)));
        let spec = ProcessSpec { kind, target, digest: None, args, grants };
        let (link, monitor, init) = (true, true, true);
        let asked = SpawnRequest { request: reference, spec, link, monitor, init, name: None, mailbox: None };
        let kinds = [
            (RemoteKind::Message(term(2)), 2),
            (RemoteKind::Call { reference, request: term(3) }, 3),
            (RemoteKind::Reply { reference, answer: term(4) }, 4),
            (RemoteKind::Spawn(Box::new(asked)), 5 + 7),
            (RemoteKind::Timeout { timer: reference, message: term(6) }, 6),
            (RemoteKind::Link, 0),
            (RemoteKind::Unlink { id: 9 }, 0),
            (RemoteKind::UnlinkAck { id: 9 }, 0),
            (RemoteKind::Exit { reason: ExitReason::NORMAL, linked: true }, 0),
            (RemoteKind::Monitor { monitor: reference }, 0),
            (RemoteKind::Demonitor { monitor: reference }, 0),
            (RemoteKind::Down { monitor: reference, reason: ExitReason::NORMAL }, 0),
            (RemoteKind::Alive { request: reference }, 0),
            (RemoteKind::AliveReply { request: reference, alive: true }, 0),
            (RemoteKind::SpawnReply { request: reference, outcome: SpawnOutcome::Up }, 0),
        ];
        for (kind, len) in &kinds {
            assert_eq!(kind.message_len(), *len, "{kind:?}");
        }
        let names: BTreeSet<&str> = kinds.iter().map(|(kind, _)| kind.name()).collect();
        assert_eq!(names.len(), kinds.len(), "one is called as another");
        assert!(names.contains("spawn_reply"));
    }
}
