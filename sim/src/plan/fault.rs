use super::FaultKind;
use crate::disk::CrashLoss;
use std::time::Duration;

/// One thing that goes wrong.
///
/// What `which` names is taken modulo how many there are when the fault comes: processes by pid, tasks, connections and
/// files in the order in which they came, components by name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are a host's name, a number that chooses, and how much")]
pub enum Fault {
    /// `kill HOST #N`: a process gets the exit signal `kill`; one whose parent lives, if there is one.
    Kill { host: String, which: u64 },
    /// `exit HOST #N`: a process gets an exit signal that it may trap.
    Exit { host: String, which: u64 },
    /// `starve HOST #N for T`: a task is never scheduled while it lasts.
    Starve { host: String, which: u64 },
    /// `slow-signals HOST T for T`: signals between its processes take up to that much longer.
    SlowSignals { host: String, extra: Duration },
    /// `trap HOST #N`: the next entry into a component traps.
    Trap { host: String, which: u64 },
    /// `loop HOST #N for T`: the next entry into a component does not return until its process is killed.
    Loop { host: String, which: u64 },
    /// `grow HOST #N`: at the next entry into a component its memory has grown to its limit: it gets no more.
    Grow { host: String, which: u64 },
    /// `giant HOST #N BYTES`: a process gets a message of so many bytes; one of a component, if there is one.
    GiantMessage { host: String, which: u64, bytes: u64 },
    /// `slow-guest HOST #N P% for T`: what a component computes takes that many percent of its time.
    SlowGuest { host: String, which: u64, percent: u64 },
    /// `reset #N`: a connection is cut; both ends are told.
    Reset { which: u64 },
    /// `slow-connection #N T for T`: each of its packets takes that much longer.
    SlowConnection { which: u64, extra: Duration },
    /// `corrupt #N`: a bit of a connection's next packet is wrong.
    Corrupt { which: u64 },
    /// `refuse HOST for T`: new connections to it are refused.
    Refuse { host: String },
    /// `cut FROM TO for T`: nothing gets from the one to the other; what is under way waits.
    Cut { from: String, to: String },
    /// `partition A,B C,D for T`: nothing passes between the two sides. Hosts on neither side reach both: a bridge.
    Partition { left: Vec<String>, right: Vec<String> },
    /// `ring A,B,C,D,E for T`: each reaches a majority, and no two the same one.
    Ring { hosts: Vec<String> },
    /// `clog HOST for T`: nothing reaches it or leaves it.
    Clog { host: String },
    /// `swizzle A,B,C for T`: one after the other is clogged, in that order, in the first half of the time; in the second they
    /// are let go, one after the other, in another order. Source: FoundationDB's simulator.
    Swizzle { hosts: Vec<String> },
    /// `loss P% for T`: so many packets are lost and sent again.
    Loss { percent: u64 },
    /// `delay T for T`: every packet takes up to that much longer.
    Delay { extra: Duration },
    /// `reorder P% for T`: so many packets are held back while those behind them arrive.
    Reorder { percent: u64 },
    /// `duplicate P% for T`: so many packets arrive twice.
    Duplicate { percent: u64 },
    /// `lie HOST P% for T`: of a hundred frames of the cluster's protocol that it sends, so many are left out, doubled, put in
    /// another order, made up, sent in another's name or changed in a field.
    Lie { host: String, percent: u64 },
    /// `crash HOST [all|tail|sectors|disk] for T`: it loses what it had not synced, or its disk, and starts again after
    /// that time.
    Crash { host: String, loss: CrashLoss },
    /// `power-cut HOST all|tail|sectors|disk #N for T`: N more writes and syncs of its disk are carried out. If it asks for one more within
    /// that time, which is then in the middle of a commit as often as not, its disk stops, and at the end of the time it crashes
    /// and starts again.
    PowerCut { host: String, loss: CrashLoss, which: u64 },
    /// `pause HOST for T`: nothing on it runs; the world goes on.
    Pause { host: String },
    /// `slow HOST P% for T`: everything on it takes that many percent of its time.
    Slow { host: String, percent: u64 },
    /// `drift HOST Nppm for T`: its monotonic clock runs that many parts in a million fast; below zero, slow.
    Drift { host: String, ppm: i32 },
    /// `jump HOST +T` or `-T`: its time of day is set.
    Jump { host: String, nanos: i64 },
    /// `expire HOST for T`: its certificate has expired, until it gets a new one: whoever it dials refuses it, and nobody who dials it
    /// takes its answer.
    Expiry { host: String },
    /// `disk-errors HOST P% for T`: that many operations fail.
    DiskErrors { host: String, percent: u64 },
    /// `disk-full HOST for T`: nothing more can be written than is there.
    DiskFull { host: String },
    /// `disk-slow HOST T for T`: every operation takes up to that much longer.
    DiskSlow { host: String, extra: Duration },
    /// `disk-forgets HOST for T`: a sync says that it did, and did not.
    ForgottenSyncs { host: String },
    /// `disk-misdirects HOST`: the next write goes to a wrong sector.
    MisdirectedWrite { host: String },
    /// `disk-rots HOST #N`: a bit of a file flips.
    BitRot { host: String, which: u64 },
}

impl Fault {
    /// Its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Kill { .. } => FaultKind::Kill,
            Self::Exit { .. } => FaultKind::Exit,
            Self::Starve { .. } => FaultKind::Starve,
            Self::SlowSignals { .. } => FaultKind::SlowSignals,
            Self::Trap { .. } => FaultKind::Trap,
            Self::Loop { .. } => FaultKind::Loop,
            Self::Grow { .. } => FaultKind::Grow,
            Self::GiantMessage { .. } => FaultKind::GiantMessage,
            Self::SlowGuest { .. } => FaultKind::SlowGuest,
            Self::Reset { .. } => FaultKind::Reset,
            Self::SlowConnection { .. } => FaultKind::SlowConnection,
            Self::Corrupt { .. } => FaultKind::Corrupt,
            Self::Refuse { .. } => FaultKind::Refuse,
            Self::Cut { .. } => FaultKind::Cut,
            Self::Partition { .. } => FaultKind::Partition,
            Self::Ring { .. } => FaultKind::Ring,
            Self::Clog { .. } => FaultKind::Clog,
            Self::Swizzle { .. } => FaultKind::Swizzle,
            Self::Loss { .. } => FaultKind::Loss,
            Self::Delay { .. } => FaultKind::Delay,
            Self::Reorder { .. } => FaultKind::Reorder,
            Self::Duplicate { .. } => FaultKind::Duplicate,
            Self::Lie { .. } => FaultKind::Lie,
            Self::Crash { .. } => FaultKind::Crash,
            Self::PowerCut { .. } => FaultKind::PowerCut,
            Self::Pause { .. } => FaultKind::Pause,
            Self::Slow { .. } => FaultKind::Slow,
            Self::Drift { .. } => FaultKind::Drift,
            Self::Jump { .. } => FaultKind::Jump,
            Self::Expiry { .. } => FaultKind::Expiry,
            Self::DiskErrors { .. } => FaultKind::DiskErrors,
            Self::DiskFull { .. } => FaultKind::DiskFull,
            Self::DiskSlow { .. } => FaultKind::DiskSlow,
            Self::ForgottenSyncs { .. } => FaultKind::ForgottenSyncs,
            Self::MisdirectedWrite { .. } => FaultKind::MisdirectedWrite,
            Self::BitRot { .. } => FaultKind::BitRot,
        }
    }

    /// The hosts that it names.
    pub fn hosts(&self) -> Vec<&str> {
        match self {
            Self::Reset { .. }
            | Self::SlowConnection { .. }
            | Self::Corrupt { .. }
            | Self::Loss { .. }
            | Self::Delay { .. }
            | Self::Reorder { .. }
            | Self::Duplicate { .. } => Vec::new(),
            Self::Cut { from, to } => vec![from, to],
            Self::Partition { left, right } => left.iter().chain(right).map(String::as_str).collect(),
            Self::Ring { hosts } | Self::Swizzle { hosts } => hosts.iter().map(String::as_str).collect(),
            Self::Kill { host, .. }
            | Self::Exit { host, .. }
            | Self::Starve { host, .. }
            | Self::SlowSignals { host, .. }
            | Self::Trap { host, .. }
            | Self::Loop { host, .. }
            | Self::Grow { host, .. }
            | Self::GiantMessage { host, .. }
            | Self::SlowGuest { host, .. }
            | Self::Lie { host, .. }
            | Self::Refuse { host }
            | Self::Clog { host }
            | Self::Crash { host, .. }
            | Self::PowerCut { host, .. }
            | Self::Pause { host }
            | Self::Slow { host, .. }
            | Self::Drift { host, .. }
            | Self::Jump { host, .. }
            | Self::Expiry { host }
            | Self::DiskErrors { host, .. }
            | Self::DiskFull { host }
            | Self::DiskSlow { host, .. }
            | Self::ForgottenSyncs { host }
            | Self::MisdirectedWrite { host }
            | Self::BitRot { host, .. } => vec![host],
        }
    }

    /// The directions of the network that it cuts.
    pub(crate) fn cuts(&self) -> Vec<(String, String)> {
        let both = |a: &String, b: &String| [(a.clone(), b.clone()), (b.clone(), a.clone())];
        match self {
            Self::Cut { from, to } => vec![(from.clone(), to.clone())],
            Self::Partition { left, right } => {
                left.iter().flat_map(|a| right.iter().flat_map(move |b| both(a, b))).collect()
            }
            Self::Ring { hosts } => {
                // Each keeps its nearest neighbours on the ring, so many that they are a majority with itself.
                let near = hosts.len() / 4 + usize::from(hosts.len() % 4 > 1);
                let distance = |i: usize, j: usize| (i.abs_diff(j)).min(hosts.len() - i.abs_diff(j));
                let far = |(i, j): &(usize, usize)| i < j && distance(*i, *j) > near;
                let pairs = (0..hosts.len()).flat_map(|i| (0..hosts.len()).map(move |j| (i, j)));
                pairs.filter(far).flat_map(|(i, j)| both(&hosts[i], &hosts[j])).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_ring_each_sees_a_majority_and_no_two_the_same() {
        for len in [5, 7, 9] {
            let hosts: Vec<String> = (0..len).map(|number| format!("n{number}")).collect();
            let cuts = Fault::Ring { hosts: hosts.clone() }.cuts();
            let mut seen = std::collections::BTreeSet::new();
            for host in &hosts {
                let reached: Vec<&String> =
                    hosts.iter().filter(|other| !cuts.contains(&(host.clone(), (*other).clone()))).collect();
                assert!(reached.len() * 2 > len, "{host} of {len} sees {reached:?}");
                assert!(seen.insert(reached), "two of {len} see the same");
            }
        }
    }
}
