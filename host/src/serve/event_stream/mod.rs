//! Server-sent events: one process for each listener.

mod encode;
mod feed;

pub use encode::{EncodeError, ServerEvent};
pub(super) use feed::open;

use super::outbox::{ConnectionGone, OutboxSender};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The event stream of one process. Dropping it ends the stream: cleanly after [`orderly`](Self::orderly), otherwise
/// the connection is cut.
pub struct EventStream {
    events: OutboxSender<Outgoing>,
    orderly: Arc<AtomicBool>,
}

enum Outgoing {
    Event(Bytes),
    End,
}

/// Why an event was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendEventError {
    /// It cannot be written down.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Nobody would get it.
    #[error(transparent)]
    Gone(#[from] ConnectionGone),
}

impl EventStream {
    /// Sends an event. Waits while the client is slow.
    ///
    /// # Errors
    /// The event cannot be written down, or the connection is gone.
    pub async fn send(&self, event: &ServerEvent) -> Result<(), SendEventError> {
        let bytes = event.encode()?;
        let len = bytes.len();
        Ok(self.events.send(Outgoing::Event(bytes), len).await?)
    }

    /// Ends the stream behind the events sent.
    pub fn close(&self) {
        self.events.push(Outgoing::End);
    }

    /// The process ends as it should: so does its stream.
    pub fn orderly(&self) {
        self.orderly.store(true, Ordering::Relaxed);
    }
}
