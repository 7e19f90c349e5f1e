//! Processes of other nodes: what crosses between nodes, and what is known of it here.

mod association;
mod convert;
mod nodes;
mod relations;
mod send;
mod signal;
mod spawn;

pub(crate) use association::Associations;
pub use association::{Association, Foreign};
pub(crate) use convert::{check_message, check_request};
pub(crate) use nodes::KnownNodes;
pub use nodes::{MemberStatus, NodeEvent, NodeInfo, NodeReason, NodeStatus};
pub(crate) use send::send;
pub use signal::{RemoteKind, RemoteSignal, RemoteTarget};
pub use spawn::{SpawnOutcome, SpawnRequest};
pub(crate) use spawn::{SpawnReplied, asker_ended};
