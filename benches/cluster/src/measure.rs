use serde::{Deserialize, Serialize};

/// One thing that is measured.
#[derive(Clone, Copy)]
pub struct Measure {
    pub name: &'static str,
    pub what: &'static str,
    pub operations: u64,
}

/// All of them.
pub const MEASURES: &[Measure] = &[
    Measure { name: "small", what: "message of 8 bytes", operations: 2_000_000 },
    Measure { name: "1k", what: "message of 1 KiB", operations: 500_000 },
    Measure { name: "64k", what: "message of 64 KiB", operations: 20_000 },
    Measure { name: "round-trip", what: "round trip, one at a time", operations: 30_000 },
    Measure { name: "pairs", what: "round trip, 10,000 pairs at once", operations: 300_000 },
    Measure {
        name: "beside-slow",
        what: "message of 8 bytes, beside a receiver that does not read",
        operations: 2_000_000,
    },
    Measure { name: "killed", what: "until the end of a killed node is noticed", operations: 1 },
    Measure { name: "converge-3", what: "until 3 nodes that start at once are connected", operations: 3 },
    Measure { name: "converge-10", what: "until 10 nodes that start at once are connected", operations: 10 },
    Measure { name: "converge-50", what: "until 50 nodes that start at once are connected", operations: 50 },
];

impl Measure {
    /// Whether it counts the nodes of a cluster that comes together, which is measured of RUSM alone.
    pub fn converges(&self) -> bool {
        self.name.starts_with("converge")
    }
}

/// Who is measured.
pub const PEERS: &[&str] = &["rusm", "erlang", "erlang-tls"];

/// How many senders, each with a receiver of its own, the measures of messages have.
pub const SENDERS: u64 = 8;

/// What one job used.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Used {
    /// CPU time of both nodes, user and system.
    pub cpu_us: f64,
    pub wall_us: f64,
    /// Of single round trips.
    #[serde(default)]
    pub p50_us: f64,
    #[serde(default)]
    pub p99_us: f64,
}
