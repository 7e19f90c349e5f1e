use std::fmt;

/// A node's number: a fixed hash of its name. Two nodes of a cluster never share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The number of the node of that name (FNV-1a, folded to 32 bits).
    pub const fn of_name(name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut i = 0;
        while i < bytes.len() {
            hash ^= bytes[i] as u64;
            hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
            i += 1;
        }
        Self((hash ^ (hash >> 32)) as u32)
    }

    /// The number itself, as it stands in a [`Pid`] on the wire.
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// A number that came over the wire.
    pub const fn from_u32(number: u32) -> Self {
        Self(number)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Names one process anywhere in the cluster, for as long as it lives and never another one after it.
///
/// `Ord` is arbitrary but stable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid {
    // What differs most comes first: comparing two of them ends there.
    /// Slot in its node's process table.
    pub index: u32,
    /// How many processes had the slot before.
    pub serial: u32,
    /// The node where the process lives.
    pub node: NodeId,
    /// Which life of that node: a restarted node has another one, and answers `noproc` to older pids.
    pub incarnation: u32,
    /// Drawn at spawn, so that whoever invents a pid reaches nobody.
    pub random: u64,
}

impl Pid {
    /// Stands for a process of that node that is not known by its pid.
    pub(crate) const fn somebody_of(node: NodeId) -> Self {
        Self { node, incarnation: 0, index: u32::MAX, serial: 0, random: 0 }
    }
}

/// As OTP writes it: `<index.serial>`; of which node is left out, as people see one node at a time.
impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}.{}>", self.index, self.serial)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{:?}.{}.{}.{}>", self.node, self.incarnation, self.index, self.serial)
    }
}

/// A unique value: names a monitor, a timer, an alias or one call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    // What differs most comes first: comparing two of them ends there.
    /// Counts up on the node that made it.
    pub serial: u64,
    /// Slot in that node's process table of the process that made it, so that an alias finds its owner.
    pub index: u32,
    /// The node that made it.
    pub node: NodeId,
    /// Which life of that node.
    pub incarnation: u32,
    /// Drawn when made, so that an invented alias reaches nobody.
    pub random: u64,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#ref<{}.{}>", self.index, self.serial)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#ref<{:?}.{}.{}.{}>", self.node, self.incarnation, self.index, self.serial)
    }
}
