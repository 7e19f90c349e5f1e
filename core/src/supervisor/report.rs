use crate::{ExitReason, Pid};
use std::fmt;
use std::time::Duration;

/// What a supervisor did about a child, and why: its crash report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorReport {
    /// The child's id.
    pub child: String,
    /// The process that ended; none when it never started.
    pub pid: Option<Pid>,
    /// Why it ended or did not start.
    pub reason: ExitReason,
    /// What the supervisor did.
    pub decision: Decision,
}

/// What a supervisor did when a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Started it again.
    Restarted {
        /// The new process; none when its init said `ignore`.
        pid: Option<Pid>,
        /// Restarts in the window, this one included.
        count: u32,
        /// Restarts that the window may see.
        intensity: u32,
        /// How long the window is.
        period: Duration,
    },
    /// Started it again, with the child of that id, which had ended: the reason is that one's.
    RestartedWith {
        /// Who caused it.
        cause: String,
        /// The new process; none when its init said `ignore`.
        pid: Option<Pid>,
    },
    /// Tried to start it again, and will try once more after what is in its mailbox by now.
    RestartFailed {
        /// Restarts in the window, this one included.
        count: u32,
        /// Restarts that the window may see.
        intensity: u32,
    },
    /// Ends itself: that was one restart too many.
    GaveUp {
        /// Restarts in the window, the one that was not done included.
        count: u32,
        /// Restarts that the window may see.
        intensity: u32,
        /// How long the window is.
        period: Duration,
    },
    /// Nothing: the child is temporary.
    LetGo,
    /// Ends itself: the child was significant.
    AutoShutdown,
    /// Does not start itself: a child of its spec did not start.
    StartFailed,
    /// Goes on stopping it: the child ended otherwise than asked.
    StoppedOtherwise,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restarted { pid: Some(pid), count, intensity, period } => {
                write!(f, "restarted as {pid}, {count} of {intensity} restarts in {period:?}")
            }
            Self::Restarted { pid: None, count, intensity, period } => {
                write!(f, "restarted, it did not want to run, {count} of {intensity} restarts in {period:?}")
            }
            Self::RestartedWith { cause, pid: Some(pid) } => write!(f, "restarted as {pid}, because of {cause}"),
            Self::RestartedWith { cause, pid: None } => {
                write!(f, "restarted because of {cause}, it did not want to run")
            }
            Self::RestartFailed { count, intensity } => {
                write!(f, "restart failed, will try again, {count} of {intensity} restarts")
            }
            Self::GaveUp { count, intensity, period } => {
                write!(f, "gave up, restart {count} in {period:?} and only {intensity} are allowed")
            }
            Self::LetGo => f.write_str("let go, it is temporary"),
            Self::AutoShutdown => f.write_str("shuts down, the child is significant"),
            Self::StartFailed => f.write_str("does not start"),
            Self::StoppedOtherwise => f.write_str("was stopping it"),
        }
    }
}
