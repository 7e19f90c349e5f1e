use crate::{ExitReason, Pid};

/// What a supervisor did when one of its children ended or did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorReport {
    /// The child's id in its specification.
    pub child: String,
    /// The process that ended; nobody when the child did not start.
    pub pid: Option<Pid>,
    /// Why it ended or did not start.
    pub reason: ExitReason,
    /// What the supervisor did, in words: `restarted as <1.2>, 1 of 3 in 5s`.
    pub action: String,
}
