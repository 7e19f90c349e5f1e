use crate::{BoxFuture, ExitReason, Node, Pid, SupervisorSpec};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// What the end of a running application does to the others. Source: OTP `application:start/2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartType {
    /// Whatever the reason, all the others are stopped too, and [`Applications`](super::Applications) ends.
    Permanent,
    /// The same, unless the reason is `normal`.
    Transient,
    /// Nothing but a line in the log. The default.
    #[default]
    Temporary,
}

/// When something of an application runs that is not part of its tree.
#[derive(Clone)]
pub struct Moment {
    /// The node, to start and ask things through.
    pub node: Node,
    /// The supervisor at the top of the application's tree. After the tree has been stopped it is dead.
    pub root: Pid,
    /// How the application was started.
    pub start_type: StartType,
}

pub(super) type Hook = Arc<dyn Fn(Moment) -> BoxFuture<Result<(), ExitReason>> + Send + Sync>;

/// An application: a supervision tree, the applications that must run before it, and what else happens when it starts and
/// stops. Source: OTP `application`, the application resource file and the callbacks.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, seam::Seams};
/// use rusm_core::{ApplicationError, ApplicationSpec, Applications, ChildSpec, ExitReason, Moment, StartType, Strategy, SupervisorSpec};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// # use rusm_core::Context;
/// let idle = |context: Context, _| async move { drop(context.receive().await) };
/// let tree = SupervisorSpec::new(Strategy::OneForOne).child(ChildSpec::worker("shelves", idle));
/// let store = ApplicationSpec::new("store", tree)
///     .start_phase("fill", |moment: Moment| async move {
///         // The tree is up: what it needs before others may use it.
///         if moment.node.process_info(moment.root).is_some() { Ok(()) } else { Err(ExitReason::new("empty")) }
///     })
///     .prep_stop(|_| async { println!("closing") })
///     .stop(|_| async { println!("closed") });
///
/// let (_, applications) = Applications::start_link(&context).await.unwrap();
/// applications.load(&context, store).await.unwrap();
/// applications.start_all(&context, "store", StartType::Temporary).await.unwrap();
/// assert_eq!(applications.running(&context).await.unwrap()[0].name, "store");
/// assert_eq!(applications.unload(&context, "store").await, Err(ApplicationError::Running("store".to_owned())));
/// applications.stop(&context, "store").await.unwrap();
/// assert_eq!(applications.loaded(&context).await.unwrap(), ["store"]);
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct ApplicationSpec {
    pub(super) name: String,
    pub(super) tree: SupervisorSpec,
    pub(super) dependencies: Vec<String>,
    pub(super) phases: Vec<(String, Hook)>,
    pub(super) prep_stop: Option<Hook>,
    pub(super) stop: Option<Hook>,
}

impl ApplicationSpec {
    /// An application that is that tree, and nothing more.
    pub fn new(name: impl Into<String>, tree: SupervisorSpec) -> Self {
        let (dependencies, phases) = (Vec::new(), Vec::new());
        Self { name: name.into(), tree, dependencies, phases, prep_stop: None, stop: None }
    }

    /// The same, started only while that application runs.
    pub fn depends_on(mut self, application: impl Into<String>) -> Self {
        self.dependencies.push(application.into());
        self
    }

    /// The same with one more start phase: it runs when the tree is up and the phases before it are done; only after the last
    /// the application runs. An error stops the tree and is why the application did not start. Source: OTP
    /// `start_phase/3`.
    pub fn start_phase<F, Fut>(mut self, name: impl Into<String>, phase: F) -> Self
    where
        F: Fn(Moment) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ExitReason>> + Send + 'static,
    {
        self.phases.push((name.into(), Arc::new(move |moment| Box::pin(phase(moment)))));
        self
    }

    /// The same, running this before its tree is stopped: OTP's `prep_stop/1`. Not when the tree ended by itself.
    pub fn prep_stop<F, Fut>(mut self, prep_stop: F) -> Self
    where
        F: Fn(Moment) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.prep_stop = Some(unfailing(prep_stop));
        self
    }

    /// The same, running this when its tree has ended, however: OTP's `stop/1`.
    pub fn stop<F, Fut>(mut self, stop: F) -> Self
    where
        F: Fn(Moment) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.stop = Some(unfailing(stop));
        self
    }
}

fn unfailing<F, Fut>(hook: F) -> Hook
where
    F: Fn(Moment) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |moment| {
        let running = hook(moment);
        Box::pin(async move {
            running.await;
            Ok(())
        })
    })
}

impl fmt::Debug for ApplicationSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phases: Vec<&String> = self.phases.iter().map(|(name, _)| name).collect();
        f.debug_struct("ApplicationSpec")
            .field("name", &self.name)
            .field("dependencies", &self.dependencies)
            .field("phases", &phases)
            .finish_non_exhaustive()
    }
}
