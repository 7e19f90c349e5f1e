//! What is said to a room, and what a room says.

use rusm_sdk::Pid;
use serde::{Deserialize, Serialize};

/// The name of the whole cluster under which a room's process is registered.
pub fn room_process(room: &str) -> String {
    format!("room:{room}")
}

/// A message as its sender hands it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Who says it.
    pub sender: String,
    /// Made by the sender, once for each message: a message that is handed in again has the same one.
    pub id: String,
    /// What is said.
    pub text: String,
}

/// A message in a room's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Its place in the room, from 1, without gaps.
    pub seq: u64,
    /// Who said it.
    pub sender: String,
    /// The sender's own name for the message.
    pub id: String,
    /// What was said.
    pub text: String,
    /// When the room took it, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What somebody asks a room and waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RoomRequest {
    /// The caller becomes a member. Answer: [`Joined`]. To join again changes nothing.
    Join {
        /// The member's name.
        name: String,
        /// The last message that the caller has seen: it is given those that came later.
        after: u64,
    },
    /// Stores a message and hands it to the members. Answer: [`Outcome`].
    Post(Post),
    /// Answer: [`Description`].
    Describe,
    /// Answer: the window of its history, a `Vec` of [`Posted`].
    History,
}

/// What a member is told when it joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Everybody in the room, the caller too.
    pub members: Vec<String>,
    /// The messages of the history that the caller has not seen, oldest first.
    pub messages: Vec<Posted>,
    /// The place of the newest message. A room that lived on a lost node may come back with less than the caller has seen.
    pub last: u64,
    /// The room's node.
    pub node: String,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    /// It is in the history, and durable.
    Stored {
        /// Its place.
        seq: u64,
        /// It had been handed in before.
        duplicate: bool,
    },
    /// It was not taken.
    Refused {
        /// Why.
        reason: String,
    },
}

/// A room at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The room's name.
    pub room: String,
    /// Everybody in it.
    pub members: Vec<String>,
    /// How many messages were ever posted.
    pub messages: u64,
    /// The room's node.
    pub node: String,
}

/// What is sent to a room without waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RoomMessage {
    /// Stores a message; `from` is told [`RoomEvent::Stored`] or [`RoomEvent::Refused`].
    Post {
        /// The message.
        post: Post,
        /// Whom to tell.
        from: Pid,
    },
    /// Makes the room trap.
    Crash {
        /// Who asked for it.
        by: String,
    },
    /// `from` keeps a copy from now on: it is told [`CopyEvent::Window`], then [`CopyEvent::Message`] with each message.
    Copy {
        /// Whom to tell.
        from: Pid,
    },
    /// To itself: somebody else had the room's name first.
    Leave,
}

/// What a room sends to those that keep a copy of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CopyEvent {
    /// All that the room keeps, oldest first.
    Window {
        /// The room's name.
        room: String,
        /// Its process.
        from: Pid,
        /// The messages.
        messages: Vec<Posted>,
    },
    /// One message more; it is durable where the room lives.
    Message {
        /// The room's name.
        room: String,
        /// Its process.
        from: Pid,
        /// The message.
        posted: Posted,
    },
}

/// What a room sends to its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RoomEvent {
    /// Somebody said something; it is durable.
    Message(Posted),
    /// The message of this member with that id is durable.
    Stored {
        /// The sender's own name for it.
        id: String,
        /// Its place.
        seq: u64,
    },
    /// The message of this member with that id was not taken.
    Refused {
        /// The sender's own name for it.
        id: String,
        /// Why.
        reason: String,
    },
    /// Who is in the room now.
    Members {
        /// Everybody.
        members: Vec<String>,
    },
}
