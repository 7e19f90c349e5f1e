use crate::outcome::Outcome;
use rusm_core::{Timestamp, TraceEvent};

/// One thing that happened in a run, as a checker sees it, when it happens.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Virtual time.
    pub at: Timestamp,
    /// Where; `outside` is whoever runs the simulation.
    pub host: &'a str,
    /// In which life of that host, counted from 1.
    pub life: u32,
    /// What.
    pub event: SeenEvent<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SeenEvent<'a> {
    /// Something on a node that writes to the event log.
    Node(&'a TraceEvent<'a>),
    /// What somebody recorded: [`SimHandle::record`](crate::SimHandle::record) with its kind and text, or the simulator
    /// itself: `crash HOST`, `fault-begins TEXT`, `fault-ends TEXT`, `heal`.
    Recorded {
        /// The kind.
        kind: &'a str,
        /// The text.
        text: &'a str,
    },
}

/// Sees everything and says when a property does not hold.
pub(crate) type Watcher = Box<dyn FnMut(&Seen<'_>) -> Result<(), Outcome> + Send>;
