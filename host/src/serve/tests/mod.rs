//! The server over real bytes, on tokio's paused clock.
#![expect(clippy::disallowed_methods, reason = "the tests hold the clock that the server runs on")]

mod events;
mod http;
mod limits;
mod sockets;
mod world;
