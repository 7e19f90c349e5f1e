//! One process per listener of server-sent events.

use crate::actor::{Actor, Exported, with_state};
use crate::bindings::event_stream::exports::rusm::serve::event_stream_handler::Guest;
use crate::bindings::websocket::rusm::serve::types::Request as OpeningRequest;

pub use crate::bindings::event_stream::rusm::serve::event_stream::ServerEvent;

/// A process that feeds one listener. Its [`Actor::init`] runs before [`open`](EventStream::open); what it sends
/// comes from its later callbacks, for example from a message that it sends to itself every second.
pub trait EventStream: Actor {
    /// Before the response's head is sent; nothing can be sent yet.
    ///
    /// # Errors
    /// An HTTP status, 400 to 599, that refuses the listener.
    fn open(&mut self, request: OpeningRequest) -> Result<(), u16>;
}

impl<T: EventStream> Guest for Exported<T> {
    fn open(request: OpeningRequest) -> Result<(), u16> {
        with_state::<T, _>(|state| state.open(request))
    }
}

/// The event stream of the calling process.
pub mod events {
    use super::ServerEvent;
    use crate::bindings::event_stream::rusm::serve::event_stream as host;

    /// Sends an event with this name (the `event:` field) and data. Waits while the other side is slow.
    ///
    /// # Errors
    /// The listener is gone.
    pub fn send(name: &str, data: impl Into<String>) -> Result<(), String> {
        send_event(&ServerEvent { name: Some(name.to_owned()), data: data.into(), id: None, retry_ms: None })
    }

    /// Sends an event with all its fields.
    ///
    /// # Errors
    /// The listener is gone.
    pub fn send_event(event: &ServerEvent) -> Result<(), String> {
        host::send(event)
    }

    /// Ends the stream; the process ends with `normal`.
    pub fn close() {
        host::close();
    }
}

/// Makes a type that implements [`Actor`](crate::Actor) and [`EventStream`](crate::EventStream) this component's process.
#[macro_export]
macro_rules! export_event_stream {
    ($handler:ty) => {
        $crate::export_actor!($handler);
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type RusmEventStream = $crate::Exported<$handler>;
    $crate::bindings::event_stream::export!(RusmEventStream with_types_in $crate::bindings::event_stream);
        };
    };
}
