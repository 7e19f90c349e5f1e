//! The cluster: associations between nodes.
//!
//! [`proto`] is the whole protocol without I/O: bytes, time and connections come in as arguments, what to do comes out as
//! data. The simulator drives it over simulated links; a socket drives it the same way.

pub mod proto;
