use crate::cluster_wire::ClusterWire;
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::recorder::EventLog;
use rusm_core::Timestamp;
use std::time::Duration;

/// How to run a simulation.
pub struct SimOptions {
    /// Everything that the run draws comes from it.
    pub seed: u64,
    /// How the run behaves apart from faults. Default: drawn from the seed.
    pub profile: Profile,
    /// What carries the cluster's protocol. Default simulated links.
    pub wire: ClusterWire,
    /// Draws another order of the same run: which task runs next, ties, costs of polls. Default 0.
    pub schedule: u64,
    /// After so many polls, ready tasks run in the order in which they became ready. Default never.
    pub orderly_after: Option<u64>,
    /// Virtual time after which [`Sim::block_on`](super::Sim::block_on) gives up. Default one hour.
    pub time_limit: Duration,
    /// How many turns all tasks may have together; one more, and the run counts as stalled. Default no limit.
    pub turns_max: u64,
    /// What becomes of the event log. Default its digest is taken.
    pub log: EventLog,
}

impl SimOptions {
    /// That seed, with the defaults for everything else.
    pub fn new(seed: u64) -> Self {
        let time_limit = Duration::from_secs(3600);
        let (profile, wire) = (Profile::of_seed(seed), ClusterWire::default());
        Self {
            seed,
            profile,
            wire,
            schedule: 0,
            orderly_after: None,
            time_limit,
            turns_max: u64::MAX,
            log: EventLog::Digest,
        }
    }
}

/// Why a run ended before what it waited for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Nothing was ready and nothing was going to happen: it would have waited for ever.
    #[error("stalled at {}: nothing is ready and nothing is going to happen", seconds(*.0))]
    Stalled(Timestamp),
    /// The time limit was reached.
    #[error("not done at {}, which is the limit", seconds(*.0))]
    OutOfTime(Timestamp),
    /// A checker or a script has found a failure, and the run ended there.
    #[error("{0}")]
    Failed(Outcome),
}

fn seconds(at: Timestamp) -> String {
    format!("{:.6} s", at.as_nanos() as f64 / 1e9)
}
