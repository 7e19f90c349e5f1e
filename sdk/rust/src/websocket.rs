//! One process per WebSocket.

use crate::actor::{Actor, Exported, with_state};
use crate::bindings::websocket::exports::rusm::serve::websocket_handler::Guest;
use crate::bindings::websocket::rusm::serve::types::Request as OpeningRequest;

pub use crate::bindings::websocket::rusm::serve::types::{Close, Frame};

/// A process that holds one WebSocket. Its [`Actor::init`] runs before [`open`](WebSocket::open).
///
/// The connection lives as long as the process, and ends with it: with code 1011 when the process crashes.
pub trait WebSocket: Actor {
    /// Before the upgrade is answered; nothing can be sent yet.
    ///
    /// # Errors
    /// An HTTP status, 400 to 599, that refuses the connection.
    fn open(&mut self, request: OpeningRequest) -> Result<(), u16>;

    /// A whole message from the other side.
    fn received(&mut self, frame: Frame);

    /// The connection has ended; without a value when it was cut. The process ends afterwards.
    fn closed(&mut self, close: Option<Close>) {
        let _ = close;
    }
}

impl<T: WebSocket> Guest for Exported<T> {
    fn open(request: OpeningRequest) -> Result<(), u16> {
        with_state::<T, _>(|state| state.open(request))
    }

    fn received(frame: Frame) {
        with_state::<T, _>(|state| state.received(frame));
    }

    fn closed(close: Option<Close>) {
        with_state::<T, _>(|state| state.closed(close));
    }
}

/// The WebSocket of the calling process.
pub mod socket {
    use super::Frame;
    use crate::bindings::websocket::rusm::serve::websocket as host;

    /// Sends a text message. Waits while the other side is slow.
    ///
    /// # Errors
    /// The connection is gone; `closed` follows.
    pub fn send_text(text: impl Into<String>) -> Result<(), String> {
        send(Frame::Text(text.into()))
    }

    /// Sends a message. Waits while the other side is slow.
    ///
    /// # Errors
    /// The connection is gone; `closed` follows.
    pub fn send(frame: Frame) -> Result<(), String> {
        host::send(&frame)
    }

    /// Starts the closing handshake; `closed` follows.
    pub fn close(code: u16, reason: &str) {
        host::close(code, reason);
    }
}

/// Makes a type that implements [`Actor`](crate::Actor) and [`WebSocket`](crate::WebSocket) this component's process.
#[macro_export]
macro_rules! export_websocket {
    ($handler:ty) => {
        $crate::export_actor!($handler);
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type RusmWebSocket = $crate::Exported<$handler>;
    $crate::bindings::websocket::export!(RusmWebSocket with_types_in $crate::bindings::websocket);
        };
    };
}
