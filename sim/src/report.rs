use crate::{Outcome, Plan, Profile};
use std::collections::BTreeMap;
use std::time::Duration;

/// What there is to say of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What everything was drawn from.
    pub seed: u64,
    /// How the run behaved apart from faults.
    pub profile: Profile,
    /// What went wrong in it.
    pub plan: Plan,
    /// How much work it had, by the scenario's names for it.
    pub sizes: BTreeMap<String, u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The trace hash, where the run kept an [event log](crate::EventLog).
    pub hash: Option<String>,
    /// Events, in the log or not.
    pub events: u64,
    /// How much virtual time passed.
    pub virtual_time: Duration,
    /// Faults that had their effect, and how often.
    pub counts: BTreeMap<String, u64>,
    /// Marked rare branches that were reached, and how often.
    pub reached: BTreeMap<String, u64>,
    /// Why the event log was not written whole. The run went on, and its hash counts.
    pub unwritten: Option<String>,
}

impl Report {
    /// The trace hash, or `-` where there is none.
    pub fn trace(&self) -> &str {
        self.hash.as_deref().unwrap_or("-")
    }
}
