use super::codec::{BadBytes, decode, encode};
use super::leases::{Command, FencingToken, Holder, Outcome};
use super::raft::{SnapshotMeta, Types, Vote};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use rusm_core::{Encoding, Payload, Term};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The local name of a node's voter.
pub(super) const VOTER: &str = "unique_names_voter";

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
}

pub(super) fn to_term(message: &impl Serialize) -> Term {
    Term::new(Encoding::Raw, encode(message))
}

/// # Errors
/// It is not a term of ours.
pub(super) fn from_payload<T: DeserializeOwned>(payload: &Payload) -> Result<T, BadBytes> {
    decode(&payload.as_term().ok_or(BadBytes)?.bytes)
}
