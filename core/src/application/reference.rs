use super::controller::{Answer, Ask, Controller};
use super::{ApplicationSpec, StartType};
use crate::{
    CallError, Calls, Context, ExitReason, Node, Pid, ProcessBody, Server, ServerRef, SpawnOptions, Started, StopError,
};
use std::time::Duration;

/// The local name of a node's [`Applications`].
const NAME: &str = "application_controller";

/// The process that starts and stops a node's applications: OTP's `application_controller`. [`ApplicationsRef`] asks it.
///
/// A node runs for as long as it does: it ends when a permanent application has ended, after it has stopped all the others,
/// with `application_terminated`. Whoever runs the node waits for that.
/// Divergence: OTP then halts the machine; here whoever started the node does.
///
/// ```
/// # use rusm_core::{ChildSpec, Context, ExitReason, Node, NodeOptions, Strategy, SupervisorSpec, seam::Seams};
/// use rusm_core::{ApplicationSpec, Applications, StartType};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let idle = |context: Context, _| async move { drop(context.receive().await) };
/// # let tree = || SupervisorSpec::new(Strategy::OneForOne).child(ChildSpec::worker("worker", idle));
/// let (controller, applications) = Applications::start(&node).await.unwrap();
/// applications.load(&node, ApplicationSpec::new("store", tree())).await.unwrap();
/// applications.load(&node, ApplicationSpec::new("shop", tree()).depends_on("store")).await.unwrap();
/// let started = applications.start_all(&node, "shop", StartType::Permanent).await.unwrap();
/// assert_eq!(started, ["store", "shop"]);
/// # let end = node.await_exit(controller);
/// # applications.stop_all(&node, ExitReason::SHUTDOWN).await.unwrap();
/// # assert_eq!(end.await, ExitReason::NOPROC);
/// # });
/// ```
pub struct Applications;

impl Applications {
    /// The body of the controller's process, for supervisors.
    pub fn body() -> ProcessBody {
        Controller::body(())
    }

    /// Starts the node's controller: its pid, whose end is the end of the node, and how to ask it.
    ///
    /// # Errors
    /// It runs already.
    pub async fn start(node: &Node) -> Result<(Pid, ApplicationsRef), ExitReason> {
        started(node.start_process(options(), Self::body()).await)
    }

    /// Starts the node's controller, linked to this process.
    ///
    /// # Errors
    /// It runs already.
    pub async fn start_link(context: &Context) -> Result<(Pid, ApplicationsRef), ExitReason> {
        started(context.start_link(options(), Self::body()).await)
    }
}

fn options() -> SpawnOptions {
    SpawnOptions { name: Some(NAME.to_owned()), label: NAME.to_owned(), ..SpawnOptions::default() }
}

fn started(started: Started) -> Result<(Pid, ApplicationsRef), ExitReason> {
    match started {
        Started::Up(pid) => Ok((pid, ApplicationsRef(pid.into()))),
        Started::Failed(reason) => Err(reason),
        Started::Ignored => unreachable!("the controller never ignores its start"),
    }
}

/// A running application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningApplication {
    /// Its name.
    pub name: String,
    /// What its end does to the others.
    pub start_type: StartType,
    /// The process that runs it and ends with it.
    pub master: Pid,
}

/// Why an application was not started, stopped, loaded or unloaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplicationError {
    /// There is none of that name. Nothing changed.
    #[error("no application of the name {0} is loaded")]
    NotLoaded(String),
    /// There is one of that name. Nothing changed.
    #[error("already_loaded: {0}")]
    AlreadyLoaded(String),
    /// It runs. Nothing changed.
    #[error("already_started: {0}")]
    AlreadyStarted(String),
    /// It does not run; of a start: it is one that the application depends on. Nothing changed.
    #[error("not_started: {0}")]
    NotStarted(String),
    /// It runs and cannot be unloaded. Nothing changed.
    #[error("running: {0}")]
    Running(String),
    /// It depends on itself. Nothing changed.
    #[error("the application {0} depends on itself")]
    Circle(String),
    /// It did not start. Those that were started for it are stopped again.
    #[error("the application {0} did not start: {1}")]
    StartFailed(String, ExitReason),
    /// The controller did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A node's [`Applications`], as those see it who start and stop them. Its calls take as long as it takes to start and stop.
#[derive(Clone, Debug)]
pub struct ApplicationsRef(ServerRef<Controller>);

impl From<Pid> for ApplicationsRef {
    fn from(pid: Pid) -> Self {
        Self(pid.into())
    }
}

/// Whatever controller the node has.
impl Default for ApplicationsRef {
    fn default() -> Self {
        Self(NAME.into())
    }
}

impl ApplicationsRef {
    /// Makes an application known. Source: OTP `application:load/1`.
    ///
    /// # Errors
    /// There is one of that name.
    pub async fn load(&self, caller: &impl Calls, spec: ApplicationSpec) -> Result<(), ApplicationError> {
        self.done(caller, Ask::Load(spec)).await
    }

    /// Forgets an application. Source: OTP `application:unload/1`.
    ///
    /// # Errors
    /// It runs, or there is none of that name.
    pub async fn unload(&self, caller: &impl Calls, name: &str) -> Result<(), ApplicationError> {
        self.done(caller, Ask::Unload(name.to_owned())).await
    }

    /// Starts an application, when those that it depends on run. Source: OTP `application:start/2`.
    ///
    /// # Errors
    /// It is not loaded, runs, depends on one that does not run, or did not start.
    pub async fn start(&self, caller: &impl Calls, name: &str, start_type: StartType) -> Result<(), ApplicationError> {
        self.done(caller, Ask::Start(name.to_owned(), start_type)).await
    }

    /// Starts an application and, before it, all that it depends on and that does not run. Returns what it started, in order;
    /// when it runs, nothing. Source: OTP `application:ensure_all_started/2`.
    ///
    /// # Errors
    /// One of them is not loaded, depends on itself, or did not start: then none of them runs that did not run before.
    pub async fn start_all(
        &self,
        caller: &impl Calls,
        name: &str,
        start_type: StartType,
    ) -> Result<Vec<String>, ApplicationError> {
        match self.ask(caller, Ask::StartAll(name.to_owned(), start_type)).await? {
            Answer::Started(started) => started,
            _ => unreachable!("it was asked to start"),
        }
    }

    /// Stops an application; those that depend on it run on. Source: OTP `application:stop/1`.
    ///
    /// # Errors
    /// It does not run.
    pub async fn stop(&self, caller: &impl Calls, name: &str) -> Result<(), ApplicationError> {
        self.done(caller, Ask::Stop(name.to_owned())).await
    }

    /// Stops all applications, the last one started first, and the controller itself.
    ///
    /// # Errors
    /// See [`StopError`].
    pub async fn stop_all(&self, caller: &impl Calls, reason: ExitReason) -> Result<(), StopError> {
        self.0.stop(caller, reason, Duration::MAX).await
    }

    /// The names of the loaded applications, sorted. Source: OTP `application:loaded_applications/0`.
    ///
    /// # Errors
    /// The controller did not answer.
    pub async fn loaded(&self, caller: &impl Calls) -> Result<Vec<String>, CallError> {
        match self.ask(caller, Ask::Loaded).await? {
            Answer::Loaded(loaded) => Ok(loaded),
            _ => unreachable!("what is loaded was asked for"),
        }
    }

    /// The running applications in the order of their start. Source: OTP `application:which_applications/0`.
    ///
    /// # Errors
    /// The controller did not answer.
    pub async fn running(&self, caller: &impl Calls) -> Result<Vec<RunningApplication>, CallError> {
        match self.ask(caller, Ask::Running).await? {
            Answer::Running(running) => Ok(running),
            _ => unreachable!("what runs was asked for"),
        }
    }

    async fn done(&self, caller: &impl Calls, ask: Ask) -> Result<(), ApplicationError> {
        match self.ask(caller, ask).await? {
            Answer::Done(done) => done,
            _ => unreachable!("it was asked to do something"),
        }
    }

    async fn ask(&self, caller: &impl Calls, ask: Ask) -> Result<Answer, CallError> {
        self.0.call(caller, ask, Duration::MAX).await
    }
}
