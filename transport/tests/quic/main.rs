//! Nodes over real QUIC on loopback.

#![expect(clippy::disallowed_methods, reason = "real sockets, real time and real processes: no simulator")]

mod certificates;
mod life;
mod members;
mod peers;
mod refused;
mod rogue;
mod signals;
mod support;
