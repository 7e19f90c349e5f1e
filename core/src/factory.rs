use crate::seam::BoxFuture;
use crate::{Behaviour, Context, ExitReason, Node, Term};
use std::future::Future;

pub(crate) type Run = Box<dyn FnOnce(Context) -> BoxFuture<ExitReason> + Send>;

/// What a process does, ready to be spawned: takes the context and runs until it returns why it ended.
pub struct ProcessBody {
    pub(crate) run: Run,
    /// The function or type that runs, as `process_info` shows it.
    pub(crate) function: &'static str,
    pub(crate) behaviour: Behaviour,
}

impl ProcessBody {
    /// Runs the body in a process that exists already: for bodies that wrap another.
    pub fn run(self, context: Context) -> BoxFuture<ExitReason> {
        (self.run)(context)
    }

    /// The same, shown as an instance of a behaviour: `function` is its callback type.
    pub(crate) fn of_behaviour(self, behaviour: Behaviour, function: &'static str) -> Self {
        Self { behaviour, function, ..self }
    }
}

/// Boxes an async closure as a [`ProcessBody`].
pub fn process_body<F, Fut, R>(body: F) -> ProcessBody
where
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: Into<ExitReason>,
{
    ProcessBody {
        // All of it runs in the new process: a panic of the closure itself ends that one, not whoever spawns it.
        run: Box::new(move |context| Box::pin(async move { body(context).await.into() })),
        function: std::any::type_name::<F>(),
        behaviour: Behaviour::Plain,
    }
}

/// How to start a process anywhere: a remote node, a supervisor and a restart all start it from this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSpec {
    /// Which factory makes it: `component` for Wasm.
    pub kind: String,
    /// What the factory shall make: a component's name.
    pub target: String,
    /// SHA-256 of the code, when it must be exactly that.
    pub digest: Option<[u8; 32]>,
    /// Start arguments.
    pub args: Term,
    /// What the process may do, in the form of its kind; the node where it runs narrows it to what it allows itself. Without, that node
    /// alone says.
    pub grants: Option<Term>,
}

/// Makes processes of one kind. `rusm-core` knows no Wasm: the host registers a factory for it.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, SpawnOptions, seam::Seams};
/// use rusm_core::{ExitReason, Factory, ProcessBody, ProcessSpec, Started, Term, process_body};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// use std::sync::Arc;
///
/// /// Makes processes that end as they are told.
/// struct Ends;
///
/// impl Factory for Ends {
///     fn body(&self, _: &Node, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason> {
///         let reason = ExitReason::new(spec.target.clone());
///         Ok(process_body(|_| async { reason }))
///     }
/// }
///
/// node.register_factory("ends", Arc::new(Ends));
/// let spec = ProcessSpec { kind: "ends".to_owned(), target: "boom".to_owned(), digest: None, args: Term::empty(), grants: None };
/// let started = node.start_process(SpawnOptions::default(), node.body_of(&spec).unwrap()).await;
/// assert_eq!(started, Started::Failed(ExitReason::new("boom")));
/// # });
/// ```
pub trait Factory: Send + Sync + 'static {
    /// The body of a new process.
    ///
    /// # Errors
    /// The reason with which the start fails: nothing has been started.
    fn body(&self, node: &Node, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason>;
}

impl<F> Factory for F
where
    F: Fn(&Node, &ProcessSpec) -> Result<ProcessBody, ExitReason> + Send + Sync + 'static,
{
    fn body(&self, node: &Node, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason> {
        self(node, spec)
    }
}
