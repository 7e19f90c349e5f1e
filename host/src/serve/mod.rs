//! Serving: an HTTP/1.1 server on the seams, and one process for each request, WebSocket and event stream.
//!
//! [`Server::start`] listens; [`Handlers`] make the processes. A crash costs one connection and nobody else notices.
//! Everything that a client may take is bounded: see [`Limits`](crate::manifest::Limits).

mod active;
mod body;
mod connection;
mod date;
mod event_stream;
pub(crate) mod guest;
mod handlers;
mod outbox;
mod patience;
mod refusal;
mod routes;
mod server;
mod service;
#[cfg(test)]
mod tests;
mod websocket;
mod wire;

pub use body::{BodyError, BodyTooLarge, RequestBody, ResponseBody};
pub use event_stream::{EncodeError, EventStream, SendEventError, ServerEvent};
pub use handlers::{Decision, Exchange, Handlers, Opening, OpeningRequest, Responder};
pub use outbox::ConnectionGone;
pub use routes::{Matched, NoRoute, Routes};
pub use server::{Drained, ListenError, ServeOptions, Server, ServerHandle};
pub use websocket::{Received, SocketClose, SocketEvent, SocketFrame, WebSocket};
