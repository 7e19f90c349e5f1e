use super::app::Served;
use super::client::{WebSocketClient, next};
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// A visitor of the chat, in a room.
pub(crate) struct Visitor {
    pub(crate) socket: WebSocketClient,
}

impl Visitor {
    pub(crate) async fn enter(node: &Served, room: &str, name: &str) -> Self {
        Self { socket: node.socket(&format!("{room}?name={name}")).await }
    }

    pub(crate) async fn say(&mut self, id: &str, text: &str) {
        self.send(&json!({"type": "post", "id": id, "text": text})).await;
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the socket is open");
    }

    /// The next frame of that kind. Others may come before it; the socket's end may not.
    pub(crate) async fn hears(&mut self, kind: &str) -> Value {
        loop {
            let text = next(&mut self.socket).await;
            let frame: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no {kind}, but {text}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// What is in the room that this visitor has not seen, as `sender: text`.
    pub(crate) async fn joins(&mut self) -> Vec<String> {
        texts(&self.hears("joined").await["messages"])
    }
}

pub(crate) fn texts(messages: &Value) -> Vec<String> {
    let text = |message: &Value| {
        format!("{}: {}", message["sender"].as_str().unwrap_or("?"), message["text"].as_str().unwrap_or("?"))
    };
    messages.as_array().map(|messages| messages.iter().map(text).collect()).unwrap_or_default()
}
