//! What a client notes down for the judgement at the end.

use chat_protocol::Posted;
use serde::{Deserialize, Serialize};

/// One note, as JSON in an observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Seen {
    /// A message reached this client.
    Message(Posted),
    /// A message of this client was acknowledged.
    Acknowledged { id: String, seq: u64 },
    /// The history as this client read it, when all of its messages were acknowledged.
    History { messages: Vec<Posted> },
}

impl Seen {
    pub(crate) fn note(&self) {
        let text = serde_json::to_string(self).expect("a note has a JSON form");
        rusm_sdk::scenario::observe(&text);
    }
}
