//! The cluster over QUIC in the simulator: the same seed gives the same bytes on the wire, in another process too; and what goes
//! wrong on the way is what TLS and QUIC make of it.
//!
//! The suites of the cluster run over it as well: `RUSM_WIRE=quic cargo test -p rusm-sim --features quic --test cluster`.

mod datagrams;
mod expiry;
mod leaving;
mod same_bytes;
mod world;
