//! What those who share say to each other, as the bytes of a term: a version, then postcard.

use super::part::{COUNT_MAX, Change, Held, Part, Version};
use crate::{Badarg, Encoding, NodeId, Payload, Pid, Term};
use serde::{Deserialize, Serialize};

/// The first byte.
const VERSION: u8 = 1;

/// Bytes of a key.
const KEY_LEN_MAX: usize = 255;

/// Whether something can be shared under that key.
///
/// # Errors
/// It is too long.
pub(crate) fn check_key(key: &str) -> Result<(), Badarg> {
    let len = key.len();
    if len > KEY_LEN_MAX { Err(Badarg(format!("a name of {len} bytes: at most {KEY_LEN_MAX}"))) } else { Ok(()) }
}

/// Node, incarnation, index, serial, random part.
type WirePid = (u32, u32, u32, u32, u64);

/// A later version appends to this, and says it only to those who have asked in it.
#[derive(Serialize, Deserialize)]
enum Wire {
    Ask { token: u64 },
    Answer { pid: WirePid, version: Version, entries: Vec<(String, WirePid, Held)> },
    Tell { token: u64, changes_before: u64, changes: Vec<(String, WirePid, u32, Option<u64>)> },
}

/// What one says to another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Tell me what you share, and from then on what changes; say `token` with that: only we two know it. A call.
    Ask { token: u64 },
    /// The answer to it: who gives it, and what that one shares.
    Answer { pid: Pid, part: Part },
    /// Behind so many changes came these. A message.
    Tell { token: u64, changes_before: u64, changes: Vec<Change> },
}

impl Said {
    pub(super) fn encode(&self) -> Term {
        let wire = match self {
            Self::Ask { token } => Wire::Ask { token: *token },
            Self::Answer { pid, part } => {
                let entries = part.iter().map(|(key, pid, held)| (key.clone(), pid_out(pid), held));
                Wire::Answer { pid: pid_out(*pid), version: part.version, entries: entries.collect() }
            }
            Self::Tell { token, changes_before, changes } => {
                let changes = changes.iter().map(|change| {
                    let Change { key, pid, count, stamp } = change;
                    (key.clone(), pid_out(*pid), *count, *stamp)
                });
                Wire::Tell { token: *token, changes_before: *changes_before, changes: changes.collect() }
            }
        };
        let bytes = postcard::to_extend(&wire, vec![VERSION]);
        let bytes = bytes.unwrap_or_else(|error| unreachable!("postcard encodes plain values into memory: {error}"));
        Term::new(Encoding::Raw, bytes)
    }

    /// Reads it; none when it is something else, or of a later version.
    pub(super) fn decode(payload: &Payload) -> Option<Self> {
        let (version, rest) = payload.as_term()?.bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (wire, rest) = postcard::take_from_bytes::<Wire>(rest).ok()?;
        let said = match wire {
            Wire::Ask { token } => Self::Ask { token },
            Wire::Answer { pid, version, entries } => {
                let pid = pid_in(pid);
                let mut part = Part { version, ..Part::default() };
                for (key, pid, held) in entries {
                    let change = Change { key, pid: pid_in(pid), count: held.count, stamp: Some(held.stamp) };
                    part.apply(&change.checked()?);
                }
                Self::Answer { pid, part }
            }
            Wire::Tell { token, changes_before, changes } => {
                let changes = changes
                    .into_iter()
                    .map(|(key, pid, count, stamp)| Change { key, pid: pid_in(pid), count, stamp }.checked());
                Self::Tell { token, changes_before, changes: changes.collect::<Option<_>>()? }
            }
        };
        rest.is_empty().then_some(said)
    }
}

impl Change {
    /// The change, when it is within the limits.
    fn checked(self) -> Option<Self> {
        ((1..=COUNT_MAX).contains(&self.count) && self.key.len() <= KEY_LEN_MAX).then_some(self)
    }
}

fn pid_out(pid: Pid) -> WirePid {
    (pid.node.as_u32(), pid.incarnation, pid.index, pid.serial, pid.random)
}

fn pid_in((node, incarnation, index, serial, random): WirePid) -> Pid {
    Pid { node: NodeId::from_u32(node), incarnation, index, serial, random }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: Pid =
        Pid { node: NodeId::of_name("a"), incarnation: 2, index: 300, serial: 4, random: 0x1f_ffff_ffff_ffff };

    #[track_caller]
    fn check(said: &Said, expected: &str) {
        let term = said.encode();
        let hex: String = term.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
        assert_eq!(Said::decode(&term.into()).as_ref(), Some(said));
    }

    /// What version 1 writes: a change here breaks every node that runs.
    #[test]
    fn the_bytes_of_version_1_are_frozen() {
        check(&Said::Ask { token: 300 }, "0100ac02");
        let mut part = Part::new(2, 1000);
        part.apply(&Change { key: "db".to_owned(), pid: PID, count: 1, stamp: Some(70) });
        check(
            &Said::Answer { pid: PID, part },
            "0101c0e188cb0202ac0204ffffffffffffff0f02e8070001026462c0e188cb0202ac0204ffffffffffffff0f0146",
        );
        let changes = vec![Change { key: "db".to_owned(), pid: PID, count: 2, stamp: None }];
        check(
            &Said::Tell { token: 1, changes_before: 9, changes },
            "0102010901026462c0e188cb0202ac0204ffffffffffffff0f0200",
        );
    }

    #[test]
    fn what_is_cut_off_or_longer_or_breaks_a_limit_is_not_read() {
        let tell = |key: String, count: u32| {
            let changes = vec![Change { key, pid: PID, count, stamp: Some(1) }];
            Said::Tell { token: 1, changes_before: 0, changes }.encode()
        };
        let read = |bytes: &[u8]| Said::decode(&Term::new(Encoding::Raw, bytes.to_vec()).into());
        let whole = tell("k".repeat(KEY_LEN_MAX), COUNT_MAX);
        assert!(read(&whole.bytes).is_some());
        assert_eq!(read(&tell("k".repeat(KEY_LEN_MAX + 1), 1).bytes), None);
        assert_eq!(read(&tell("k".to_owned(), COUNT_MAX + 1).bytes), None);
        assert_eq!(read(&tell("k".to_owned(), 0).bytes), None);
        assert_eq!(read(&whole.bytes[..whole.bytes.len() - 1]), None);
        assert_eq!(read(&[&whole.bytes[..], &[0]].concat()), None);
        assert_eq!(read(&[2, 0, 1]), None);
        assert_eq!(read(&[]), None);
    }
}
