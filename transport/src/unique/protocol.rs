use super::codec::{BadBytes, decode, encode, unseal};
use super::leases::{Command, FencingToken, Holder, Leases, Outcome};
use super::raft::{Entry, LogId, SnapshotMeta, Types, Vote};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use rusm_core::{Encoding, Payload, Term};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The local name of a node's voter: with the prefix of the runtime's own processes, so that no component reaches it.
pub(super) const VOTER: &str = "rusm:voter";

/// What a voter can be asked. New kinds stand at the end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// openraft's own, from another voter.
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Snapshot(Vote, SnapshotMeta, Vec<u8>),
    /// Carries out a command and says what came of it.
    Command(Command),
    /// Says who holds a name, now.
    Whereis(String),
    /// Says who holds a name, as soon as that has changed by an entry after this one; or that it has not, after so many
    /// milliseconds.
    Changed(String, u64, u32),
    /// Says what this voter knows of itself and of who leads.
    Status,
    /// Says which names are held, now: in their order, those behind this one, as many as one answer has.
    Held(String),
}

/// The answers. New kinds stand at the end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Response {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    Snapshot(SnapshotResponse<Types>),
    Outcome(Outcome),
    /// Who holds the name.
    Owner(Option<(Holder, FencingToken)>),
    /// Who holds the name, since the entry of that index.
    Changed(Option<(Holder, FencingToken)>, u64),
    /// Nothing has changed.
    Unchanged,
    /// Another voter leads, as far as this one knows: which node's. Nothing was carried out.
    Elsewhere(Option<u32>),
    /// The request is not one that this process may make. Nothing was carried out.
    Refused(String),
    Status(Status),
    /// Names with their holders; fewer than [`HELD_MAX`] when there are no more.
    Held(Vec<(String, Holder, FencingToken)>),
}

/// So many names are in one answer.
pub(super) const HELD_MAX: usize = 1_000;

/// What a voter says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    /// Which node's voter leads, as far as it knows.
    pub(super) leader: Option<u32>,
    pub(super) term: u64,
    /// The last entry that it has applied; zero when there is none.
    pub(super) applied: u64,
    /// The last entry of its snapshot.
    pub(super) snapshot: u64,
    /// The last entry that its log has no more.
    pub(super) purged: u64,
}

pub(super) fn to_term(message: &impl Serialize) -> Term {
    Term::new(Encoding::Raw, encode(message))
}

/// # Errors
/// It is not a term of ours.
pub(super) fn from_payload<T: DeserializeOwned>(payload: &Payload) -> Result<T, BadBytes> {
    decode(&payload.as_term().ok_or(BadBytes)?.bytes)
}

/// Reads the bytes as each kind that a voter takes from others or from its disk, and says what of it could be read is not written
/// and read again to the same: nothing, unless a rule is broken. For the fuzz targets.
#[doc(hidden)]
pub fn read_again(bytes: &[u8]) -> Option<&'static str> {
    fn differs<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
        let again = |value: &T| {
            let written = encode(value);
            decode::<T>(&written).is_ok_and(|read| encode(&read) == written)
        };
        decode::<T>(bytes).is_ok_and(|value| !again(&value))
    }
    let kinds = [
        ("request", differs::<Request>(bytes)),
        ("response", differs::<Response>(bytes)),
        ("entry", differs::<Entry>(bytes)),
        ("vote", differs::<Vote>(bytes)),
        ("purged", differs::<LogId>(bytes)),
        ("snapshot", differs::<(SnapshotMeta, Vec<u8>)>(bytes)),
        ("leases", differs::<Leases>(bytes)),
    ];
    // What is sealed is refused before it is read, unless the digest says that we wrote it.
    let _ = unseal::<Entry>(bytes);
    kinds.into_iter().find_map(|(kind, differs)| differs.then_some(kind))
}
