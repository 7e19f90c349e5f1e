use super::actor::Directory;
use rusm_core::{Encoding, ExitReason, Message, Monitored, Payload, Term};
use std::fmt;

/// A message as the outcome prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Message { from: String, number: u64 },
    Exit { from: String, reason: ExitReason },
    Down { monitor: String, object: String, reason: ExitReason },
}

/// What programs send, as a term: who, and which message.
pub(super) struct Sent {
    pub(super) from: String,
    pub(super) number: u64,
}

impl Sent {
    pub(super) fn term(&self) -> Term {
        Term::new(Encoding::Text, format!("{} {}", self.from, self.number))
    }

    fn read(payload: &Payload) -> Option<Self> {
        let text = std::str::from_utf8(&payload.as_term()?.bytes).ok()?;
        let (from, number) = text.split_once(' ')?;
        Some(Self { from: from.to_owned(), number: number.parse().ok()? })
    }
}

impl Seen {
    /// `None` for what is no part of the program.
    pub(super) fn of(message: &Message, directory: &Directory) -> Option<Self> {
        match message {
            Message::Plain(payload) => {
                let Sent { from, number } = Sent::read(payload)?;
                Some(Self::Message { from, number })
            }
            Message::Exit { from, reason } => {
                Some(Self::Exit { from: directory.process_name(*from), reason: reason.clone() })
            }
            Message::Down { monitor, object, reason } => Some(Self::Down {
                monitor: directory.monitor_name(*monitor),
                object: match object {
                    Monitored::Pid(pid) => directory.process_name(*pid),
                    Monitored::Name(name) | Monitored::NameAt { name, .. } | Monitored::ClusterName(name) => {
                        name.clone()
                    }
                },
                reason: reason.clone(),
            }),
            Message::Call { .. } | Message::Reply { .. } => None,
        }
    }

    /// Who caused it: processes come before names.
    pub(super) fn origin(&self) -> (bool, u64) {
        let origin = match self {
            Self::Message { from, .. } | Self::Exit { from, .. } => from,
            Self::Down { object, .. } => object,
        };
        (origin.starts_with('n'), number(origin))
    }
}

/// The number in a name like `p12`.
pub(super) fn number(name: &str) -> u64 {
    name.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX)
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { from, number } => write!(f, "msg({from},{number})"),
            Self::Exit { from, reason } => write!(f, "exit({from},{reason})"),
            Self::Down { monitor, object, reason } => write!(f, "down({monitor},{object},{reason})"),
        }
    }
}
