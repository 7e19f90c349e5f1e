use super::protocol::HELD_MAX;
use rusm_core::{NodeId, Pid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::time::Duration;

/// Of so many names whose lease has ended it is kept when that was.
const ENDED_MAX: usize = 10_000;

/// Bytes of a name.
const NAME_LEN_MAX: usize = 255;

/// How long a lease may last: long enough that a new leader is found before it ends.
const TTL_MS: std::ops::RangeInclusive<u32> = 2_000..=3_600_000;

/// Says which lease of a name this is: a later one of any name has a greater token, whatever has failed in between. What a holder
/// changes elsewhere it marks with its token, and whoever keeps that refuses a lesser one than it has seen: see
/// [`Fence`](super::Fence).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FencingToken(pub(super) u64);

impl FencingToken {
    /// The number itself, for whoever keeps it elsewhere. Never zero.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// A number that came from elsewhere.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A pid, as it is kept and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    node: u32,
    incarnation: u32,
    index: u32,
    serial: u32,
    random: u64,
}

impl Holder {
    pub(super) fn pid(self) -> Pid {
        let Self { node, incarnation, index, serial, random } = self;
        Pid { node: NodeId::from_u32(node), incarnation, index, serial, random }
    }
}

impl From<Pid> for Holder {
    fn from(pid: Pid) -> Self {
        let Pid { node, incarnation, index, serial, random } = pid;
        Self { node: node.as_u32(), incarnation, index, serial, random }
    }
}

/// What the voters agree on, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Gives the name to that process, unless it has a holder already, or a lease of it has ended after the entry `seen`: that one may
    /// have been this very request's, which has arrived twice. The keeper is the process that asks, and will renew; what it has
    /// been given it may be given again.
    Acquire { name: String, holder: Holder, keeper: Holder, ttl_ms: u32, seen: u64 },
    /// Lets the lease begin anew.
    Renew { name: String, keeper: Holder, token: FencingToken },
    /// Ends the lease.
    Release { name: String, keeper: Holder, token: FencingToken },
    /// Ends the lease, when it has been renewed so many times and no more.
    Expire { name: String, token: FencingToken, renewals: u64 },
    /// Makes another process of the same node the holder, by the same lease.
    Pass { name: String, keeper: Holder, token: FencingToken, holder: Holder },
}

impl Command {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Acquire { name, .. }
            | Self::Renew { name, .. }
            | Self::Release { name, .. }
            | Self::Expire { name, .. }
            | Self::Pass { name, .. } => name,
        }
    }

    /// Why no process of that node may ask for this.
    pub(super) fn refused(&self, node: NodeId) -> Option<&'static str> {
        if self.name().is_empty() || self.name().len() > NAME_LEN_MAX {
            return Some("a name has 1 to 255 bytes");
        }
        match self {
            Self::Pass { holder, keeper, .. } => {
                (holder.pid().node != node || keeper.pid().node != node).then_some("the holder is of another node")
            }
            Self::Acquire { holder, keeper, ttl_ms, .. } => {
                if holder.pid().node != node || keeper.pid().node != node {
                    return Some("the holder is of another node");
                }
                (!TTL_MS.contains(ttl_ms)).then_some("a lease lasts from 2 seconds to 1 hour")
            }
            Self::Renew { keeper, .. } | Self::Release { keeper, .. } => {
                (keeper.pid().node != node).then_some("the holder is of another node")
            }
            Self::Expire { .. } => Some("only a voter ends what has lasted its time"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What came of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// The name is the process's.
    Granted(FencingToken),
    /// The name is another's.
    Taken(Holder, FencingToken),
    /// A lease has ended after the entry that the request had seen: it may be asked again, having seen this one.
    Ended(u64),
    /// The lease has begun anew.
    Renewed,
    /// The name is not the process's, or not by that token.
    NotHeld,
    /// It is done: the lease has ended, or there was nothing to do.
    Done,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A lease that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) holder: Holder,
    keeper: Holder,
    pub(super) token: FencingToken,
    ttl_ms: u32,
    pub(super) renewals: u64,
    /// By which entry its holder became that.
    since: u64,
}

impl Held {
    pub(super) fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_ms.into())
    }
}

/// Who holds which name: what each voter has made of the same commands. No time is in it. A voter measures by its own clock how
/// long a lease has not begun anew, from when it applied that, and proposes [`Command::Expire`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leases {
    held: BTreeMap<String, Held>,
    /// By which entry the last lease of a name ended that nobody holds.
    ended: BTreeMap<String, u64>,
    /// The same, by entry.
    names_by_end: BTreeMap<u64, String>,
    /// The last end that is forgotten.
    forgotten: u64,
}

impl Leases {
    /// Carries out the entry of that index.
    pub(super) fn apply(&mut self, index: u64, command: &Command) -> Outcome {
        match command {
            Command::Acquire { name, holder, keeper, ttl_ms, seen } => {
                let token = FencingToken(index);
                let (holder, keeper, ttl_ms) = (*holder, *keeper, *ttl_ms);
                self.acquire(name, Held { holder, keeper, token, ttl_ms, renewals: 0, since: index }, *seen)
            }
            Command::Renew { name, keeper, token } => match self.held.get_mut(name) {
                Some(held) if held.keeper == *keeper && held.token == *token => {
                    held.renewals += 1;
                    Outcome::Renewed
                }
                _ => Outcome::NotHeld,
            },
            Command::Pass { name, keeper, token, holder } => match self.held.get_mut(name) {
                Some(held) if held.keeper == *keeper && held.token == *token => {
                    (held.holder, held.since) = (*holder, index);
                    Outcome::Done
                }
                _ => Outcome::NotHeld,
            },
            Command::Release { name, keeper, token } => {
                self.end_if(index, name, |held| held.keeper == *keeper && held.token == *token)
            }
            Command::Expire { name, token, renewals } => {
                self.end_if(index, name, |held| held.token == *token && held.renewals == *renewals)
            }
        }
    }

    fn acquire(&mut self, name: &str, new: Held, seen: u64) -> Outcome {
        if let Some(held) = self.held.get_mut(name) {
            if held.keeper != new.keeper {
                return Outcome::Taken(held.holder, held.token);
            }
            held.renewals += 1;
            return Outcome::Granted(held.token);
        }
        let ended = self.ended.get(name).copied().unwrap_or(self.forgotten);
        if seen < ended {
            return Outcome::Ended(new.token.0);
        }
        if self.ended.remove(name).is_some() {
            self.names_by_end.remove(&ended);
        }
        self.held.insert(name.to_owned(), new);
        Outcome::Granted(new.token)
    }

    fn end_if(&mut self, index: u64, name: &str, ends: impl FnOnce(&Held) -> bool) -> Outcome {
        if !self.held.get(name).is_some_and(ends) {
            return Outcome::NotHeld;
        }
        self.held.remove(name);
        self.ended.insert(name.to_owned(), index);
        self.names_by_end.insert(index, name.to_owned());
        if self.names_by_end.len() > ENDED_MAX
            && let Some((end, name)) = self.names_by_end.pop_first()
        {
            self.ended.remove(&name);
            self.forgotten = end;
        }
        Outcome::Done
    }

    /// Who holds that name.
    pub(super) fn held(&self, name: &str) -> Option<&Held> {
        self.held.get(name)
    }

    /// By which entry that name's holder was last another; of what is forgotten, the last end of those.
    pub(super) fn changed_at(&self, name: &str) -> u64 {
        match self.held.get(name) {
            Some(held) => held.since,
            None => self.ended.get(name).copied().unwrap_or(self.forgotten),
        }
    }

    /// What is held of the names behind that one, in their order, as much as one answer has.
    pub(super) fn behind(&self, name: &str) -> Vec<(String, Holder, FencingToken)> {
        let behind = self.held.range::<str, _>((Bound::Excluded(name), Bound::Unbounded)).take(HELD_MAX);
        behind.map(|(name, held)| (name.clone(), held.holder, held.token)).collect()
    }

    /// All that is held.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Held)> {
        self.held.iter()
    }
}

#[cfg(test)]
mod tests;
