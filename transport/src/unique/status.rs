use super::leases::{FencingToken, Holder};
use super::protocol::Status;
use rusm_core::{NodeId, Pid};

/// What a voter says of itself: see [`UniqueNames::status_of`](super::UniqueNames::status_of).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoterStatus {
    /// Which node's voter leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// The term: it grows with most elections. Who has the greater number can take the lead in the same term.
    pub term: u64,
    /// The last entry of the log that it has carried out; zero when there is none.
    pub applied: u64,
    /// The last entry that its snapshot covers; zero when it has none.
    pub snapshot: u64,
    /// The last entry that its log has no more; zero when it has all.
    pub purged: u64,
}

impl From<Status> for VoterStatus {
    fn from(status: Status) -> Self {
        let Status { leader, term, applied, snapshot, purged } = status;
        Self { leader: leader.map(NodeId::from_u32), term, applied, snapshot, purged }
    }
}

/// A name that is held: see [`UniqueNames::held`](super::UniqueNames::held).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldName {
    /// The name.
    pub name: String,
    /// Its holder.
    pub holder: Pid,
    /// By which lease.
    pub token: FencingToken,
}

impl From<(String, Holder, FencingToken)> for HeldName {
    fn from((name, holder, token): (String, Holder, FencingToken)) -> Self {
        Self { name, holder: holder.pid(), token }
    }
}
