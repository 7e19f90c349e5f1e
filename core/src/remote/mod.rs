//! Processes of other nodes: what crosses between nodes.

mod signal;

pub use signal::{RemoteKind, RemoteSignal, RemoteTarget};
