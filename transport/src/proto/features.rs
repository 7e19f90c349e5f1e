use rusm_core::RemoteKind;
use std::fmt;
use std::ops::BitAnd;

/// What a node knows beyond the first version of the protocol, a bit each: those count between two nodes that both have. A
/// number is given once and never again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(pub u64);

impl Features {
    /// The first version, and nothing beyond it.
    pub const NONE: Self = Self(0);
    /// To gossip: the frames `gossip` and `leave`. Only nodes that do say so.
    pub const GOSSIP: Self = Self(1);
    /// To start processes for others: the kinds `spawn` and `spawn_reply`, and the node itself as a receiver.
    pub const SPAWN: Self = Self(1 << 1);
    /// What a timer sends, with the timer's reference: the kind `timeout`.
    pub const TIMEOUT: Self = Self(1 << 2);
    /// That a process which is started for others has grants: the extension `grants` of the envelope. A node that left it out would
    /// give the process what it allows itself.
    pub const GRANTS: Self = Self(1 << 3);
    /// All that every node of this version knows.
    pub const ALL: Self = Self(Self::SPAWN.0 | Self::TIMEOUT.0 | Self::GRANTS.0);

    /// What the receiver of a signal of that kind must know.
    pub fn needed_by(kind: &RemoteKind) -> Self {
        match kind {
            RemoteKind::Spawn(asked) if asked.spec.grants.is_some() => Self(Self::SPAWN.0 | Self::GRANTS.0),
            RemoteKind::Spawn(_) | RemoteKind::SpawnReply { .. } => Self::SPAWN,
            RemoteKind::Timeout { .. } => Self::TIMEOUT,
            _ => Self::NONE,
        }
    }

    /// Whether all of `others` are among these.
    pub fn has(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }
}

impl BitAnd for Features {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
