use crate::process::Over;
use crate::remote::{SpawnReplied, SpawnRequest};
use crate::{Caller, ExitReason, Message, Payload, Reference, Started};

/// What one process does to another. All kinds share one ordered queue per receiver.
///
/// Source: Erlang reference manual, "Processes", section "Signals".
#[derive(Debug)]
pub struct Signal(pub(crate) Kind);

#[derive(Debug)]
pub(crate) enum Kind {
    /// Into the mailbox.
    Message(Message),
    /// A monitor, and behind it a message into the mailbox.
    Call {
        from: Caller,
        payload: Payload,
    },
    /// Into the mailbox, if the alias is active when it arrives.
    Alias {
        alias: Reference,
        payload: Payload,
    },
    /// The answer to a call, through its alias; `demonitored` when the sender has ended the call's monitor with it.
    Reply {
        call: Reference,
        payload: Payload,
        demonitored: bool,
    },
    Link {
        over: Over,
    },
    Unlink {
        id: u64,
        over: Over,
    },
    UnlinkAck {
        id: u64,
    },
    /// An exit signal; `linked` when a link carried it, over that association, not a call of `exit_signal`.
    Exit {
        reason: ExitReason,
        linked: Option<Over>,
    },
    Monitor {
        monitor: Reference,
    },
    Demonitor {
        monitor: Reference,
    },
    Down {
        monitor: Reference,
        reason: ExitReason,
    },
    Alive {
        request: Reference,
    },
    AliveReply {
        request: Reference,
        alive: bool,
    },
    /// How the start of a process went that the receiver waits for.
    Started {
        request: Reference,
        outcome: Started,
    },
    /// Start a process of another node.
    Spawn(Box<SpawnRequest>),
    /// How that went.
    SpawnReply(Box<SpawnReplied>),
}

impl Signal {
    /// The kind in one word, as traces show it.
    pub fn kind(&self) -> &'static str {
        match &self.0 {
            Kind::Message(_) => "message",
            Kind::Call { .. } => "call",
            Kind::Alias { .. } => "alias_message",
            Kind::Reply { .. } => "reply",
            Kind::Link { .. } => "link",
            Kind::Unlink { .. } => "unlink",
            Kind::UnlinkAck { .. } => "unlink_ack",
            Kind::Exit { .. } => "exit",
            Kind::Monitor { .. } => "monitor",
            Kind::Demonitor { .. } => "demonitor",
            Kind::Down { .. } => "down",
            Kind::Alive { .. } => "alive",
            Kind::AliveReply { .. } => "alive_reply",
            Kind::Started { .. } => "started",
            Kind::Spawn(_) => "spawn",
            Kind::SpawnReply(_) => "spawn_reply",
        }
    }
}
