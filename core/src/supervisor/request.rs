use super::{ChildArgs, ChildKind, ChildSpec, SpecError, SupervisorSpec};
use crate::{CallError, ExitReason, Pid};

/// Names a child: by id, or, under [`Strategy::SimpleOneForOne`](super::Strategy::SimpleOneForOne), by pid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildRef {
    /// By its spec's id.
    Id(String),
    /// An instance of a template by its process.
    Pid(Pid),
}

impl From<&str> for ChildRef {
    fn from(id: &str) -> Self {
        Self::Id(id.to_owned())
    }
}

impl From<String> for ChildRef {
    fn from(id: String) -> Self {
        Self::Id(id)
    }
}

impl From<Pid> for ChildRef {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

/// What may be asked of a supervisor.
pub(super) enum Request {
    StartChild(ChildSpec),
    StartInstance(ChildArgs),
    TerminateChild(ChildRef),
    RestartChild(String),
    DeleteChild(String),
    WhichChildren,
    CountChildren,
    Change(SupervisorSpec),
    Stop(ExitReason),
}

/// What it answers.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Started(Result<Option<Pid>, SupervisorError>),
    Done(Result<(), SupervisorError>),
    Children(Vec<ChildInfo>),
    Counts(ChildCounts),
}

/// One child as its supervisor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildInfo {
    /// The id of its spec; for an instance, the template's.
    pub id: String,
    /// Its process; none when it is not running.
    pub pid: Option<Pid>,
    /// True when a restart failed and is about to be tried again.
    pub restarting: bool,
    /// How often its supervisor has started it again.
    pub restarts: u32,
    /// What it is.
    pub kind: ChildKind,
}

/// A supervisor's children in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildCounts {
    /// Specs, of running children or not; 1 for a template.
    pub specs: usize,
    /// Children with a process whose end the supervisor has not seen.
    pub active: usize,
    /// Children of kind supervisor, running or not.
    pub supervisors: usize,
    /// Children of kind worker, running or not.
    pub workers: usize,
}

/// Why a supervisor did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SupervisorError {
    /// It has no such child. Nothing changed.
    #[error("not_found: the supervisor has no such child")]
    NotFound,
    /// The child is running. Nothing changed.
    #[error("running: the child is running")]
    Running,
    /// A restart of the child is about to be tried again. Nothing changed.
    #[error("restarting: the child is about to be restarted")]
    Restarting,
    /// A child of that id runs already. Nothing changed.
    #[error("already_started: the child runs as {0}")]
    AlreadyStarted(Pid),
    /// There is a spec of that id already, without a process. Nothing changed.
    #[error("already_present: there is a child of that id, which does not run")]
    AlreadyPresent,
    /// The call makes no sense for a `simple_one_for_one` supervisor. Nothing changed.
    #[error("simple_one_for_one: children are instances of a template here")]
    SimpleOneForOne,
    /// The call makes sense for a `simple_one_for_one` supervisor only. Nothing changed.
    #[error("not simple_one_for_one: children have specs of their own here")]
    NotSimpleOneForOne,
    /// The child did not start. A new one is not kept; one whose spec was there stays without a process.
    #[error("the child did not start: {0}")]
    StartFailed(ExitReason),
    /// The spec contradicts itself. Nothing changed.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// What answered is no supervisor.
    #[error("what answered is no supervisor")]
    NotASupervisor,
    /// The supervisor did not answer; whether it acted is not known.
    #[error("the supervisor did not answer: {0}")]
    Call(CallError),
}
