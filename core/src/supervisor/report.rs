use crate::{ExitReason, Pid};
use std::fmt;
use std::time::Duration;

/// What a supervisor did about a child, and why: its crash report.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, Started, seam::Seams};
/// use rusm_core::{ChildSpec, Context, Decision, ExitReason, Strategy, Supervisor, SupervisorSpec, TraceEvent, Tracer};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// use std::sync::{Arc, Mutex};
///
/// /// Keeps whom supervisors had to restart.
/// #[derive(Default)]
/// struct Restarts(Mutex<Vec<String>>);
///
/// impl Tracer for Restarts {
///     fn event(&self, _: &Node, event: &TraceEvent<'_>) {
///         if let TraceEvent::Supervisor { report, .. } = event
///             && matches!(report.decision, Decision::Restarted { .. })
///         {
///             self.0.lock().unwrap().push(format!("{}: {}", report.child, report.reason));
///         }
///     }
/// }
///
/// let restarts = Arc::new(Restarts::default());
/// let seams = Seams::production(std::env::temp_dir());
/// let node = Node::start(NodeOptions { tracer: Some(restarts.clone()), ..NodeOptions::new("watched", seams) });
/// let idle = |context: Context, _| async move { drop(context.receive().await) };
/// let spec = SupervisorSpec::new(Strategy::OneForOne).child(ChildSpec::worker("store", idle).name("store"));
/// # let Started::Up(_) = Supervisor::start(&node, spec).await else { panic!() };
/// node.exit_signal(node.whereis("store").unwrap(), ExitReason::new("boom"));
/// # while restarts.0.lock().unwrap().is_empty() { tokio::task::yield_now().await }
/// assert_eq!(*restarts.0.lock().unwrap(), ["store: boom"]);
/// # });
/// ```
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
