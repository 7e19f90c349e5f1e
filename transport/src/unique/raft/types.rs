use super::runtime::SeamRuntime;
use crate::unique::leases::{Command, Outcome};
use openraft::EmptyNode;
use openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf};

openraft::declare_raft_types!(
    /// What openraft is made of here: voters are named by their node's number, entries are commands about leases.
    pub(crate) Types:
        D = Command,
        R = Outcome,
        NodeId = u64,
        Node = EmptyNode,
        AsyncRuntime = SeamRuntime,
);

pub(crate) type LogId = LogIdOf<Types>;
pub(crate) type Vote = VoteOf<Types>;
pub(crate) type Membership = StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = SnapshotMetaOf<Types>;
/// A snapshot: the leases, [encoded](crate::unique::codec).
pub(crate) type Snapshot = SnapshotOf<Types, Vec<u8>>;
pub(crate) type Entry = <Types as openraft::RaftTypeConfig>::Entry;
