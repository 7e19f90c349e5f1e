/// The kinds of faults. Each is counted under its name when it has had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is explained at the fault of the same name")]
pub enum FaultKind {
    Kill,
    Exit,
    Starve,
    SlowSignals,
    Trap,
    Loop,
    Grow,
    GiantMessage,
    SlowGuest,
    Reset,
    SlowConnection,
    Corrupt,
    Refuse,
    Cut,
    Partition,
    Ring,
    Clog,
    Swizzle,
    Loss,
    Delay,
    Reorder,
    Duplicate,
    Lie,
    Crash,
    PowerCut,
    Pause,
    Slow,
    Drift,
    Jump,
    Expiry,
    DiskErrors,
    DiskFull,
    DiskSlow,
    ForgottenSyncs,
    MisdirectedWrite,
    BitRot,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 36] = [
        Self::Kill,
        Self::Exit,
        Self::Starve,
        Self::SlowSignals,
        Self::Trap,
        Self::Loop,
        Self::Grow,
        Self::GiantMessage,
        Self::SlowGuest,
        Self::Reset,
        Self::SlowConnection,
        Self::Corrupt,
        Self::Refuse,
        Self::Cut,
        Self::Partition,
        Self::Ring,
        Self::Clog,
        Self::Swizzle,
        Self::Loss,
        Self::Delay,
        Self::Reorder,
        Self::Duplicate,
        Self::Lie,
        Self::Crash,
        Self::Pause,
        Self::Slow,
        Self::Drift,
        Self::Jump,
        Self::Expiry,
        Self::DiskErrors,
        Self::DiskFull,
        Self::DiskSlow,
        Self::ForgottenSyncs,
        Self::MisdirectedWrite,
        Self::BitRot,
        Self::PowerCut,
    ];

    /// Whether correct code lives through it. A disk that lies, a network that corrupts and another node that lies it does not
    /// survive, and a run without guests, a cluster or a database has no faults of theirs: a power cut is a crash for whoever writes
    /// nothing.
    pub fn is_survivable(self) -> bool {
        use FaultKind::{BitRot, Corrupt, Expiry, ForgottenSyncs, Lie, MisdirectedWrite, PowerCut};
        let others = matches!(self, Corrupt | Lie | Expiry | ForgottenSyncs | MisdirectedWrite | BitRot | PowerCut);
        !self.is_of_guests() && !others
    }

    /// Whether it hits components.
    pub fn is_of_guests(self) -> bool {
        matches!(self, Self::Trap | Self::Loop | Self::Grow | Self::GiantMessage | Self::SlowGuest)
    }

    /// All kinds that [correct code lives through](Self::is_survivable).
    pub fn survivable() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_survivable())
    }

    /// What goes wrong between hosts, and with their clocks and pace: all that a cluster lives through without a crash.
    pub fn between_hosts() -> impl Iterator<Item = Self> {
        use FaultKind::{
            Clog, Corrupt, Cut, Delay, Drift, Duplicate, Expiry, Jump, Loss, Partition, Pause, Refuse, Reorder, Reset,
        };
        use FaultKind::{Ring, Slow, SlowConnection, Swizzle};
        let network = [Reset, SlowConnection, Corrupt, Refuse, Cut, Partition, Ring, Clog, Swizzle];
        let packets = [Loss, Delay, Reorder, Duplicate];
        network.into_iter().chain(packets).chain([Pause, Slow, Drift, Jump, Expiry])
    }

    /// Its name in the counts of a run.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "process: killed",
            Self::Exit => "process: exit signal",
            Self::Starve => "process: starved",
            Self::SlowSignals => "process: slow signals",
            Self::Trap => "guest: trap",
            Self::Loop => "guest: endless loop",
            Self::Grow => "guest: memory at its limit",
            Self::GiantMessage => "guest: giant message",
            Self::SlowGuest => "guest: slow",
            Self::Reset => "network: connection cut",
            Self::SlowConnection => "network: connection slow",
            Self::Corrupt => "network: packet corrupted",
            Self::Refuse => "network: connections refused",
            Self::Cut => "network: hosts cut",
            Self::Partition => "network: partition",
            Self::Ring => "network: ring of majorities",
            Self::Clog => "network: host cut off",
            Self::Swizzle => "network: hosts cut off one by one",
            Self::Loss => "network: heavy loss",
            Self::Delay => "network: delay",
            Self::Reorder => "network: reordered",
            Self::Duplicate => "network: duplicated",
            Self::Lie => "protocol: a frame was changed",
            Self::Crash => "node: crash",
            Self::PowerCut => "node: power cut within a commit",
            Self::Pause => "node: paused",
            Self::Slow => "node: slow",
            Self::Drift => "time: drift",
            Self::Jump => "time: jump",
            Self::Expiry => "time: certificate expired",
            Self::DiskErrors => "disk: I/O error",
            Self::DiskFull => "disk: full",
            Self::DiskSlow => "disk: slow",
            Self::ForgottenSyncs => "disk: forgotten sync",
            Self::MisdirectedWrite => "disk: misdirected write",
            Self::BitRot => "disk: bit rot",
        }
    }
}
