//! What is measured.

/// One operation that every peer which has it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Spawn a process that ends at once, and hear of its end.
    SpawnExit,
    /// A message there and one back.
    PingPong,
    /// The same between eight independent pairs at once.
    Pairs,
    /// One of four senders' messages to one hot receiver.
    FourToOne,
    /// One hop of a token in a ring of 1,000.
    Ring,
    /// A request to a server behaviour and its reply.
    Call,
    /// A supervised child crashes and its replacement is up, among so many children.
    Restart(u64),
    /// A request with a fresh reference, and its reply behind 10,000 messages that nobody takes.
    Reference,
    /// A message is taken by its pattern from behind 10,000 others.
    Pattern,
    /// A process that waits for its first message.
    Idle,
    /// A million of them.
    IdleMillion,
    /// What one link costs when a process with 100,000 dies, until the other end has seen it.
    Links,
    /// The same for one monitor.
    Monitors,
}

/// A measure and how it is taken.
pub struct Plan {
    pub measure: Measure,
    /// As `--only` names it.
    pub name: &'static str,
    pub title: &'static str,
    pub operations: u64,
    /// On how many worker threads, one after the other.
    pub threads: &'static [usize],
    /// What is to be reached, for people.
    pub aim: &'static str,
}

const fn plan(
    measure: Measure,
    name: &'static str,
    title: &'static str,
    operations: u64,
    threads: &'static [usize],
    aim: &'static str,
) -> Plan {
    Plan { measure, name, title, operations, threads, aim }
}

pub const PLANS: [Plan; 15] = [
    plan(Measure::SpawnExit, "spawn", "spawn + exit", 300_000, &[1, 2], "1.3 x tokio"),
    plan(Measure::PingPong, "ping-pong", "ping-pong round trip", 500_000, &[1], "1.2 x tokio, under Erlang"),
    plan(Measure::Pairs, "pairs", "round trip, 8 pairs", 500_000, &[1, 2], "2 threads do more than 1"),
    plan(
        Measure::FourToOne,
        "four-to-one",
        "4 senders to 1, a message",
        1_000_000,
        &[1, 2],
        "hydra's; 2 threads: 0.7 x 1",
    ),
    plan(Measure::Ring, "ring", "ring hop", 500_000, &[1], "0.2 us"),
    plan(Measure::Call, "call", "server call and reply", 300_000, &[1, 2], "0.8 x ractor"),
    plan(Measure::Restart(10), "restart-10", "restart, 10 children", 50_000, &[1], "4 us"),
    plan(Measure::Restart(1_000), "restart-1k", "restart, 1,000 children", 50_000, &[1], "4 us"),
    plan(Measure::Restart(100_000), "restart-100k", "restart, 100,000 children", 50_000, &[1], "4 us"),
    plan(Measure::Reference, "reference", "fresh reference behind 10,000", 200_000, &[1], "under Erlang"),
    plan(Measure::Pattern, "pattern", "pattern behind 10,000", 5_000, &[1], "25 us"),
    plan(Measure::Idle, "idle", "idle process", 100_000, &[1], "1,200 bytes"),
    plan(Measure::IdleMillion, "idle-million", "idle process of a million", 1_000_000, &[1], "they start"),
    plan(Measure::Links, "links", "death with 100,000 links, a link", 100_000, &[1], "1 us"),
    plan(Measure::Monitors, "monitors", "death with 100,000 monitors, one", 100_000, &[1], "1 us"),
];

impl Measure {
    /// Whether bytes are measured, not time.
    pub fn is_memory(self) -> bool {
        matches!(self, Self::Idle | Self::IdleMillion)
    }

    /// Whether a short run before the real one warms things up; not where memory is measured, or all is built up first.
    pub fn is_warmed_up(self) -> bool {
        !matches!(self, Self::Idle | Self::IdleMillion | Self::Links | Self::Monitors | Self::Restart(_))
    }

    /// Whether it makes sense for fewer operations: the others say in their name how many.
    pub fn is_scalable(self) -> bool {
        !matches!(self, Self::Idle | Self::IdleMillion | Self::Links | Self::Monitors)
    }
}
