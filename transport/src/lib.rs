//! The cluster: associations between nodes.
//!
//! [`proto`] is the whole protocol without I/O: bytes, time and connections come in as arguments, what to do comes out as
//! data. [`cluster`] drives it on a node, over whatever carries bytes: simulated links, or QUIC
//! with the feature `quic`.

pub mod cluster;
pub mod proto;
#[cfg(feature = "quic")]
pub mod quic;
#[cfg(feature = "unique")]
pub mod unique;
