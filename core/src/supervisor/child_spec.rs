use super::{AutoShutdown, SupervisorSpec};
use crate::{Context, ExitReason, MailboxBound, NodeId, ProcessBody, ProcessSpec, Term, process_body};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// When a child that ended is restarted.
///
/// Source: OTP `supervisor`, "Restart type".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// Always. The default.
    #[default]
    Permanent,
    /// Unless it ended with `normal`, `shutdown` or `{shutdown, _}`.
    Transient,
    /// Never, and its spec is forgotten when it ends.
    Temporary,
}

/// How a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Exit signal `shutdown`, and `kill` when it has not ended within this time.
    Timeout(Duration),
    /// Exit signal `shutdown`, and all the time it needs.
    Infinity,
    /// Exit signal `kill`.
    BrutalKill,
}

/// What kind of process a child is: only for those who look at the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChildKind {
    /// Does work. The default.
    #[default]
    Worker,
    /// Supervises.
    Supervisor,
}

/// What an instance of a `simple_one_for_one` template is started with, the first time and at every restart.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, Started, seam::Seams};
/// use rusm_core::{ChildArgs, ChildSpec, Context, Restart, Supervisor, SupervisorRef, SupervisorSpec};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// let room = ChildSpec::worker("room", |context: Context, args: ChildArgs| async move {
///     context.set_label(args.downcast::<String>().unwrap().as_str());
///     context.receive().await;
/// });
/// let rooms = SupervisorSpec::dynamic(room.restart(Restart::Temporary));
/// # let Started::Up(pid) = Supervisor::start(&node, rooms).await else { panic!() };
/// let rooms = SupervisorRef::from(pid);
/// let lobby = rooms.start_child_with(&node, ChildArgs::local("lobby".to_owned())).await.unwrap().unwrap();
/// # while node.process_info(lobby).unwrap().label != "lobby" { tokio::task::yield_now().await }
/// assert_eq!(node.process_info(lobby).unwrap().label, "lobby");
/// rooms.terminate_child(&node, lobby).await.unwrap();
/// # });
/// ```
#[derive(Clone, Default)]
pub enum ChildArgs {
    /// Nothing but what the template holds.
    #[default]
    None,
    /// For any child: takes the place of a [`ProcessSpec`]'s own arguments.
    Term(Term),
    /// For native children.
    Local(Arc<dyn Any + Send + Sync>),
}

impl ChildArgs {
    /// A typed value for a native child.
    pub fn local<T: Any + Send + Sync>(value: T) -> Self {
        Self::Local(Arc::new(value))
    }

    /// The typed value, when it is of that type.
    pub fn downcast<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        match self {
            Self::Local(value) => Arc::clone(value).downcast().ok(),
            Self::None | Self::Term(_) => None,
        }
    }
}

impl From<Term> for ChildArgs {
    fn from(term: Term) -> Self {
        Self::Term(term)
    }
}

impl fmt::Debug for ChildArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Term(term) => term.fmt(f),
            Self::Local(_) => f.write_str("Local(..)"),
        }
    }
}

/// How a child comes to life. Cheap to clone: it is used again at every restart.
#[derive(Clone)]
pub enum ChildStart {
    /// Through the factory of the spec's kind: how a component is started.
    Spec(ProcessSpec),
    /// The same on another node, which the supervisor asks each time. While that cannot be reached a start fails with
    /// `noconnection`, and when the association ends the child counts as ended with that reason: a permanent or transient one
    /// is started again, and each attempt counts for the intensity. The child itself hears `noconnection` of its supervisor,
    /// so that no second one lives on, unless it traps exits and stays.
    /// Source: OTP `supervisor`, whose children may be of any node; `erlang:spawn_request/5`.
    SpecOn {
        /// Which node.
        node: NodeId,
        /// What it starts there.
        spec: ProcessSpec,
    },
    /// A native process.
    Native(Arc<dyn Fn(ChildArgs) -> ProcessBody + Send + Sync>),
    /// A supervisor with children of its own.
    Supervisor(Arc<SupervisorSpec>),
}

impl ChildStart {
    /// A native process that counts as up as soon as it runs.
    pub fn native<F, Fut, R>(body: F) -> Self
    where
        F: Fn(Context, ChildArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        let body = Arc::new(body);
        Self::Native(Arc::new(move |args| {
            let body = Arc::clone(&body);
            process_body(move |context| {
                context.init_ack();
                body(context, args)
            })
        }))
    }

    /// A native process that says itself when it is up, with [`Context::init_ack`], or that it does not start, with
    /// [`Context::init_ignore`] or [`Context::init_fail`]. The supervisor waits until it has.
    pub fn native_with_init<F, Fut, R>(body: F) -> Self
    where
        F: Fn(Context, ChildArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        let body = Arc::new(body);
        Self::Native(Arc::new(move |args| {
            let body = Arc::clone(&body);
            process_body(move |context| body(context, args))
        }))
    }
}

impl fmt::Debug for ChildStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(spec) => write!(f, "Spec({} {})", spec.kind, spec.target),
            Self::SpecOn { node, spec } => write!(f, "SpecOn({node:?} {} {})", spec.kind, spec.target),
            Self::Native(_) => f.write_str("Native(..)"),
            Self::Supervisor(spec) => spec.fmt(f),
        }
    }
}

/// One child of a supervisor: what it is called, how it is started, restarted and stopped.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, Started, seam::Seams};
/// use rusm_core::{AutoShutdown, ChildKind, ChildSpec, ChildStart, Context, ExitReason, Restart, Shutdown, SpecError, Strategy, Supervisor, SupervisorSpec};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// use std::time::Duration;
///
/// let idle = |context: Context, _| async move { drop(context.receive().await) };
/// // Up only when it says so.
/// let slow = ChildStart::native_with_init(|context, _| async move {
///     context.sleep(Duration::from_millis(1)).await;
///     context.init_ack();
///     context.receive().await;
/// });
/// let nested = SupervisorSpec::new(Strategy::OneForAll).child(ChildSpec::worker("inner", idle));
/// let job = ChildSpec::worker("job", |_, _| async {}).restart(Restart::Transient).significant(true);
/// let spec = SupervisorSpec::new(Strategy::OneForOne)
///     .auto_shutdown(AutoShutdown::AnySignificant)
///     .child(ChildSpec::new("slow", slow).shutdown(Shutdown::BrutalKill))
///     .child(ChildSpec::worker("patient", idle).shutdown(Shutdown::Timeout(Duration::from_secs(30))))
///     .child(ChildSpec::supervisor("nested", nested))
///     .child(job.clone());
/// assert_eq!(spec.children[2].kind, ChildKind::Supervisor);
/// # let Started::Up(pid) = Supervisor::start(&node, spec).await else { panic!() };
/// // The job is done, and so is all of it.
/// # let reason = node.await_exit(pid).await;
/// # assert!([ExitReason::SHUTDOWN, ExitReason::NOPROC].contains(&reason));
///
/// let contradicts = SupervisorSpec::new(Strategy::OneForOne).child(job);
/// assert_eq!(contradicts.check(), Err(SpecError::SignificantWithoutAutoShutdown { id: "job".to_owned() }));
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct ChildSpec {
    /// Names the child within its supervisor.
    pub id: String,
    /// How it is started.
    pub start: ChildStart,
    /// When it is restarted. Default [`Restart::Permanent`].
    pub restart: Restart,
    /// How it is stopped. Default 5 seconds for a worker and [`Shutdown::Infinity`] for a supervisor.
    pub shutdown: Shutdown,
    /// Whether its end counts for the supervisor's [`AutoShutdown`]. Default false; never for a permanent child.
    pub significant: bool,
    /// What it is. Default [`ChildKind::Worker`], for a nested supervisor [`ChildKind::Supervisor`].
    pub kind: ChildKind,
    /// The local name that it has, on its node, from its first moment. Default none, for a nested supervisor the one of its
    /// spec.
    pub name: Option<String>,
    /// How many messages may lie in its mailbox. Default any number.
    pub mailbox: Option<MailboxBound>,
}

impl ChildSpec {
    /// A child with the defaults of its kind.
    pub fn new(id: impl Into<String>, start: ChildStart) -> Self {
        let kind = match start {
            ChildStart::Supervisor(_) => ChildKind::Supervisor,
            ChildStart::Spec(_) | ChildStart::SpecOn { .. } | ChildStart::Native(_) => ChildKind::Worker,
        };
        let shutdown = match kind {
            ChildKind::Worker => Shutdown::Timeout(Duration::from_secs(5)),
            ChildKind::Supervisor => Shutdown::Infinity,
        };
        let name = match &start {
            ChildStart::Supervisor(spec) => spec.name.clone(),
            ChildStart::Spec(_) | ChildStart::SpecOn { .. } | ChildStart::Native(_) => None,
        };
        Self {
            id: id.into(),
            start,
            restart: Restart::Permanent,
            shutdown,
            significant: false,
            kind,
            name,
            mailbox: None,
        }
    }

    /// A native worker that counts as up as soon as it runs; see [`ChildStart::native`].
    pub fn worker<F, Fut, R>(id: impl Into<String>, body: F) -> Self
    where
        F: Fn(Context, ChildArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        Self::new(id, ChildStart::native(body))
    }

    /// A worker that the factory of the spec's kind starts.
    pub fn process(id: impl Into<String>, spec: ProcessSpec) -> Self {
        Self::new(id, ChildStart::Spec(spec))
    }

    /// A worker on that node, which the factory of the spec's kind starts there; see [`ChildStart::SpecOn`].
    pub fn process_on(id: impl Into<String>, node: NodeId, spec: ProcessSpec) -> Self {
        Self::new(id, ChildStart::SpecOn { node, spec })
    }

    /// A supervisor as a child.
    pub fn supervisor(id: impl Into<String>, spec: SupervisorSpec) -> Self {
        Self::new(id, ChildStart::Supervisor(Arc::new(spec)))
    }

    /// The same with this restart type.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// The same, stopped in this way.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// The same, significant or not.
    pub fn significant(mut self, significant: bool) -> Self {
        self.significant = significant;
        self
    }

    /// The same with this local name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same with a bound on its mailbox.
    pub fn mailbox(mut self, bound: MailboxBound) -> Self {
        self.mailbox = Some(bound);
        self
    }

    /// Whether the child may be under a supervisor with that `auto_shutdown`.
    pub(super) fn check(&self, auto_shutdown: AutoShutdown) -> Result<(), SpecError> {
        if !self.significant {
            return Ok(());
        }
        if auto_shutdown == AutoShutdown::Never {
            return Err(SpecError::SignificantWithoutAutoShutdown { id: self.id.clone() });
        }
        if self.restart == Restart::Permanent {
            return Err(SpecError::SignificantAndPermanent { id: self.id.clone() });
        }
        Ok(())
    }
}

/// What is wrong with a supervisor's or child's spec. Nothing was started or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// OTP: `{bad_combination, [{auto_shutdown, never}, {significant, true}]}`.
    #[error("bad_combination: child {id} is significant and its supervisor's auto_shutdown is never")]
    SignificantWithoutAutoShutdown {
        /// Which child.
        id: String,
    },
    /// OTP: `{bad_combination, [{restart, permanent}, {significant, true}]}`.
    #[error("bad_combination: child {id} is significant and permanent")]
    SignificantAndPermanent {
        /// Which child.
        id: String,
    },
    /// OTP: `{duplicate_child_name, Id}`.
    #[error("duplicate_child_name: two children have the id {id}")]
    DuplicateId {
        /// Which id.
        id: String,
    },
    /// OTP: `{invalid_period, 0}`.
    #[error("invalid_period: the period is zero")]
    ZeroPeriod,
    /// OTP: `{bad_start_spec, _}`.
    #[error(
        "bad_start_spec: a simple_one_for_one supervisor has one child spec, the template, and this one has {specs}"
    )]
    NotOneTemplate {
        /// How many there are.
        specs: usize,
    },
    /// A supervisor of specs cannot become one of a template, nor the other way round.
    #[error("bad_strategy: simple_one_for_one cannot be changed to or from another strategy")]
    OtherKindOfSupervisor,
}
