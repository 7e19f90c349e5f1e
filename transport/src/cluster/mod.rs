//! What drives the protocol on a node: between [`Peers`](rusm_core::seam::Peers), which the node's processes use, and a
//! [`Wire`], which knows sockets or simulates them.

mod driver;
mod lanes;
mod mark;
mod wire;

pub use driver::{Cluster, ClusterOptions};
pub use mark::Mark;
pub use wire::{Input, Wire};
