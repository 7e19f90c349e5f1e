//! openraft on a node's seams.

mod channels;
mod home;
mod instant;
mod log;
mod machine;
mod network;
mod runtime;
mod types;
mod watch;

pub(super) use home::Home;
pub(super) use log::Log;
pub use log::VOTER_FILE;
pub(super) use machine::{Applied, Machine};
pub(super) use network::Network;
pub(super) use runtime::SeamRuntime;
pub(super) use types::{Entry, LogId, Snapshot, SnapshotMeta, Types, Vote};

pub(super) type Raft = openraft::Raft<Types, Machine>;
