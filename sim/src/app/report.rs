use super::plan::Plan;
use crate::profile::Profile;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every property held.
    Passed,
    /// One did not.
    Broken {
        /// Which: the scenario's name for it, or one of the simulator's own: `the-app-runs`, `the-app-stops`,
        /// `clients-return`, `no-process-left-over`.
        property: String,
        /// Why.
        detail: String,
    },
    /// Nothing was ready and nothing was going to happen, or the limit of virtual time was reached.
    Stalled(String),
    /// The app did not start, the scenario itself failed, or a task panicked.
    Crashed(String),
}

/// What there is to say of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What everything was drawn from.
    pub seed: u64,
    /// How the run behaved apart from faults.
    pub profile: Profile,
    /// What went wrong in it.
    pub plan: Plan,
    /// How it ended.
    pub outcome: Outcome,
    /// The trace hash.
    pub hash: String,
    /// Events in the log.
    pub events: u64,
    /// How much virtual time passed.
    pub virtual_time: Duration,
    /// Faults that happened, and how often.
    pub counts: BTreeMap<String, u64>,
    /// Rare branches that the scenario marked and reached.
    pub reached: BTreeSet<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Broken { property, detail } => write!(f, "property broken: {property}: {detail}"),
            Self::Stalled(why) => write!(f, "stalled: {why}"),
            Self::Crashed(why) => write!(f, "crashed: {why}"),
        }
    }
}
