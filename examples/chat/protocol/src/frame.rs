//! What the page and its socket's process say to each other: JSON in text frames.

use rusm_sdk::ExitReason;
use serde::{Deserialize, Serialize};

use crate::Posted;

/// From the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ClientFrame {
    /// Says something. Answered by `ack` or `refused`; may be sent again, with the same id, until it is.
    Post {
        /// Made by the page, once for each message.
        id: String,
        /// What is said.
        text: String,
    },
    /// Makes the room's process trap.
    Crash,
    /// Makes this socket's own process trap.
    CrashSocket,
}

/// To the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ServerFrame {
    /// This client is in the room: the first frame.
    Joined {
        /// The room's name.
        room: String,
        /// The room's process.
        pid: String,
        /// Everybody in the room.
        members: Vec<String>,
        /// What this client has not seen, oldest first.
        messages: Vec<Posted>,
        /// The place of the newest message that the room has: a client that has seen a later one counts from here.
        last: u64,
        /// The node that the room lives on.
        node: String,
    },
    /// Somebody said something.
    Message(Posted),
    /// This client's message is durable.
    Ack {
        /// The client's id for it.
        id: String,
        /// Its place in the room.
        seq: u64,
    },
    /// This client's message was not taken and will not be.
    Refused {
        /// The client's id for it.
        id: String,
        /// Why.
        reason: String,
    },
    /// Who is in the room now.
    Members {
        /// Everybody.
        members: Vec<String>,
    },
    /// The room's process has ended. The socket stays open.
    Down {
        /// The process that ended.
        pid: String,
        /// OTP's word, or the host's.
        word: String,
        /// What happened, for people.
        detail: Option<String>,
    },
    /// The room runs again and this client is back in it.
    Up {
        /// The room's new process.
        pid: String,
        /// Everybody who is back.
        members: Vec<String>,
        /// What this client has not seen, oldest first.
        messages: Vec<Posted>,
        /// As with `joined`.
        last: u64,
        /// The node that the room lives on.
        node: String,
    },
    /// What the client sent makes no sense.
    Error {
        /// Why.
        text: String,
    },
}

impl ServerFrame {
    /// The news that a room's process has ended.
    pub fn down(pid: String, reason: ExitReason) -> Self {
        Self::Down { pid, word: reason.word, detail: reason.detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_shape_that_the_page_reads() {
        let posted = Posted { seq: 3, sender: "ada".into(), id: "i".into(), text: "hi".into(), at_ms: 5 };
        let frame = serde_json::to_string(&ServerFrame::Message(posted)).unwrap();
        assert_eq!(frame, r#"{"type":"message","seq":3,"sender":"ada","id":"i","text":"hi","at_ms":5}"#);
        let crash: ClientFrame = serde_json::from_str(r#"{"type":"crash-socket"}"#).unwrap();
        assert_eq!(crash, ClientFrame::CrashSocket);
    }
}
