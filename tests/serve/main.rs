//! Nodes over real sockets: `rusm serve` as a process of its own, and clients that are not ours: hyper's and
//! tokio-tungstenite's.

#![expect(clippy::disallowed_methods, reason = "clients of a node, outside of it: they run in no simulator")]

mod bad_input;
mod chat;
mod cluster;
mod events;
mod http;
mod life;
mod many;
mod outgoing;
mod support;
mod websocket;
