//! WebSockets: one process for each connection.

mod close;
mod driver;
mod handshake;
mod open;

pub use close::SocketClose;
pub(super) use open::open;

use super::outbox::{ConnectionGone, OutboxSender};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// A message of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketFrame {
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl SocketFrame {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// What arrives in the mailbox of a WebSocket's process, in order with its other messages.
#[derive(Debug)]
pub enum SocketEvent {
    /// A whole message from the other side.
    Received(Received),
    /// The connection has ended; without a value when it was cut. Nothing follows, and the process should end.
    Closed(Option<SocketClose>),
}

/// A message that was received. So many may wait for their process; then the connection is not read any more, until
/// one of these is dropped.
#[derive(Debug)]
pub struct Received {
    /// The message.
    pub frame: SocketFrame,
    _credit: OwnedSemaphorePermit,
}

/// The WebSocket of one process. Dropping it closes the connection: with what [`ends_with`](Self::ends_with) said, or
/// 1011.
pub struct WebSocket {
    outgoing: OutboxSender<Outgoing>,
    ending: Arc<Mutex<SocketClose>>,
}

enum Outgoing {
    Frame(SocketFrame),
    Close(SocketClose),
}

impl WebSocket {
    /// Sends a message. Waits while the other side is slow.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&self, frame: SocketFrame) -> Result<(), ConnectionGone> {
        let len = frame.len();
        self.outgoing.send(Outgoing::Frame(frame), len).await
    }

    /// Starts the closing handshake, behind the messages sent; [`SocketEvent::Closed`] follows.
    pub fn close(&self, close: SocketClose) {
        self.outgoing.push(Outgoing::Close(close));
    }

    /// What the other side is told when the process ends without having closed.
    pub fn ends_with(&self, close: SocketClose) {
        *self.ending.lock() = close;
    }
}
