//! The bytes: frozen, read back, and any others an error and nothing else.

use super::*;
use crate::unique::leases::{Command, FencingToken, Holder, Leases, Outcome};
use crate::unique::protocol::{Request, Response, Status, read_again};
use crate::unique::raft::{Entry, LogId, SnapshotMeta, Types, Vote};
use openraft::StoredMembership;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::testing::{blank_ent, log_id, membership_ent};
use proptest::prelude::*;
use rusm_core::{NodeId, Pid};
use std::fmt::{Debug, Write};

fn holder(index: u32) -> Holder {
    Pid { node: NodeId::of_name("a"), incarnation: 2, index, serial: 4, random: 0x1f_ffff_ffff_ffff }.into()
}

fn log(index: u64) -> LogId {
    log_id::<Types>(3, 1, index)
}

fn commands() -> [Command; 5] {
    let (name, keeper, token) = ("ledger".to_owned(), holder(301), FencingToken(9));
    [
        Command::Acquire { name: name.clone(), holder: holder(300), keeper, ttl_ms: 15_000, seen: 7 },
        Command::Renew { name: name.clone(), keeper, token },
        Command::Release { name: name.clone(), keeper, token },
        Command::Expire { name: name.clone(), token, renewals: 2 },
        Command::Pass { name, keeper, token, holder: holder(302) },
    ]
}

fn entries() -> Vec<Entry> {
    let normal = commands().into_iter().zip(10..);
    let normal =
        normal.map(|(command, index)| Entry { log_id: log(index), payload: openraft::EntryPayload::Normal(command) });
    let members = vec![[1, 2, 3].into(), [2, 3, 4].into()];
    normal.chain([blank_ent::<Types>(3, 1, 1), membership_ent::<Types>(3, 1, 2, members)]).collect()
}

fn meta() -> SnapshotMeta {
    let openraft::EntryPayload::Membership(members) = membership_ent::<Types>(3, 1, 2, vec![[1, 2, 3].into()]).payload
    else {
        unreachable!("it was made as one")
    };
    SnapshotMeta { last_log_id: Some(log(8)), last_membership: StoredMembership::new(Some(log(2)), members) }
}

fn requests() -> Vec<Request> {
    let ask = VoteRequest::new(Vote::new(4, 2), Some(log(8)));
    let append = AppendEntriesRequest {
        vote: Vote::new_committed(3, 1),
        prev_log_id: Some(log(9)),
        entries: entries(),
        leader_commit: Some(log(8)),
    };
    let mut requests = vec![
        Request::Append(append),
        Request::Vote(ask.clone()),
        Request::PreVote(ask),
        Request::Snapshot(Vote::new_committed(3, 1), meta(), vec![1, 2, 3]),
        Request::Whereis("ledger".into()),
        Request::Changed("ledger".into(), 7, 10_000),
        Request::Status,
        Request::Held("ledger".into()),
    ];
    requests.extend(commands().map(Request::Command));
    requests
}

fn responses() -> Vec<Response> {
    let vote = Vote::new(4, 2);
    let owner = Some((holder(300), FencingToken(9)));
    let mut responses = vec![
        Response::Append(AppendEntriesResponse::Success),
        Response::Append(AppendEntriesResponse::PartialSuccess(Some(log(8)))),
        Response::Append(AppendEntriesResponse::Conflict),
        Response::Append(AppendEntriesResponse::HigherVote(vote)),
        Response::Vote(VoteResponse::new(vote, Some(log(8)), true)),
        Response::Snapshot(SnapshotResponse::new(vote)),
        Response::Owner(owner),
        Response::Changed(owner, 9),
        Response::Unchanged,
        Response::Elsewhere(Some(2)),
        Response::Refused("why".into()),
        Response::Status(Status { leader: Some(2), term: 4, applied: 9, snapshot: 8, purged: 7 }),
        Response::Held(vec![("ledger".into(), holder(300), FencingToken(9))]),
    ];
    let outcomes = [
        Outcome::Granted(FencingToken(9)),
        Outcome::Taken(holder(300), FencingToken(9)),
        Outcome::Ended(8),
        Outcome::Renewed,
        Outcome::NotHeld,
        Outcome::Done,
    ];
    responses.extend(outcomes.map(Response::Outcome));
    responses
}

fn leases() -> Leases {
    let mut leases = Leases::default();
    for (index, command) in (9..).zip(commands()) {
        leases.apply(index, &command);
    }
    let other =
        Command::Acquire { name: "mailer".into(), holder: holder(302), keeper: holder(303), ttl_ms: 2_000, seen: 0 };
    leases.apply(14, &other);
    leases
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// What a value's kind is called.
fn kind(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}

/// All that is written, with its name.
fn written() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    all.extend(requests().iter().map(|request| (format!("request {}", kind(request)), encode(request))));
    all.extend(responses().iter().map(|response| (format!("response {}", kind(response)), encode(response))));
    all.extend(entries().iter().map(|entry| ("entry".to_owned(), encode(entry))));
    all.push(("vote".into(), encode(&Vote::new_committed(3, 1))));
    all.push(("purged".into(), encode(&log(7))));
    all.push(("snapshot".into(), encode(&(meta(), encode(&leases())))));
    all.push(("leases".into(), encode(&leases())));
    all
}

/// A change here keeps voters of two versions from understanding each other, and a new one from reading its own file.
#[test]
fn the_bytes_of_version_1_are_frozen() {
    let mut out = String::new();
    for (name, bytes) in written() {
        writeln!(out, "{name:<20} {}", hex(&bytes)).expect("memory");
    }
    let vote = Vote::new_committed(3, 1);
    writeln!(out, "{:<20} {}", "sealed vote", hex(&seal(&vote))).expect("memory");
    insta::assert_snapshot!("version_1", out);
}

#[test]
fn what_is_written_is_read() {
    let check = |text: String, read: Result<String, BadBytes>| assert_eq!(read, Ok(text));
    for request in requests() {
        check(format!("{request:?}"), decode::<Request>(&encode(&request)).map(|read| format!("{read:?}")));
    }
    for response in responses() {
        check(format!("{response:?}"), decode::<Response>(&encode(&response)).map(|read| format!("{read:?}")));
    }
    for entry in entries() {
        assert_eq!(unseal::<Entry>(&seal(&entry)), Ok(entry));
    }
    assert_eq!(unseal(&seal(&(meta(), vec![7u8]))), Ok((meta(), vec![7u8])));
    assert_eq!(decode(&encode(&leases())), Ok(leases()));
}

#[test]
fn what_is_cut_off_or_of_another_version_is_refused() {
    for (name, bytes) in written() {
        for len in 0..bytes.len() {
            assert_eq!(read_again(&bytes[..len]), None, "{name}, cut to {len}");
        }
        let other: Vec<u8> = [VERSION + 1].into_iter().chain(bytes[1..].iter().copied()).collect();
        assert_eq!(decode::<Request>(&other).err(), Some(BadBytes), "{name}");
    }
    for request in requests() {
        let bytes = encode(&request);
        assert!((0..bytes.len()).all(|len| decode::<Request>(&bytes[..len]).is_err()), "{request:?}");
    }
}

#[test]
fn one_rotten_bit_of_what_is_sealed_is_noticed() {
    let sealed = seal(&entries()[0]);
    for bit in 0..sealed.len() * 8 {
        let mut rotten = sealed.clone();
        rotten[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unseal::<Entry>(&rotten), Err(BadBytes), "bit {bit}");
    }
    assert_eq!(unseal::<Entry>(&sealed[..DIGEST_LEN - 1]), Err(BadBytes));
}

/// A length in bytes may announce what is not there.
#[test]
fn an_announced_length_reserves_no_memory() {
    // A snapshot of 2^63 bytes, and as many entries.
    let endless = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    let full = encode(&Request::Snapshot(Vote::new_committed(3, 1), meta(), Vec::new()));
    let snapshot: Vec<u8> = full[..full.len() - 1].iter().copied().chain(endless).collect();
    assert_eq!(decode::<Request>(&snapshot).err(), Some(BadBytes));
    let append = AppendEntriesRequest {
        vote: Vote::new_committed(3, 1),
        prev_log_id: None,
        entries: Vec::new(),
        leader_commit: None,
    };
    let full = encode(&Request::Append(append));
    let entries: Vec<u8> = full[..full.len() - 2].iter().copied().chain(endless).collect();
    assert_eq!(decode::<Request>(&entries).err(), Some(BadBytes));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(read_again(&bytes), None);
        let versioned: Vec<u8> = [VERSION].into_iter().chain(bytes).collect();
        prop_assert_eq!(read_again(&versioned), None);
    }

    #[test]
    fn a_changed_byte_is_read_or_refused(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let all = written();
        let (_, mut bytes) = all[which.index(all.len())].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert_eq!(read_again(&bytes), None);
    }
}
