//! Components that a node does not have itself: it takes their code, piece by piece, from the node that asks for a process of
//! them, when its operator accepts that, and holds it to the digest in the spec.

mod fetch;
mod hand_out;
mod kept;
mod wire;

pub(crate) use fetch::fetch;
pub(crate) use hand_out::hands_out;
pub(crate) use kept::{Full, Kept};

/// The local name of the process that hands code out: one that no component can reach.
const NAME: &str = "rusm:code";

/// A digest as people compare it.
pub(crate) fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
