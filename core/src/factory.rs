use crate::seam::BoxFuture;
use crate::{Context, ExitReason, Node, Term};
use std::future::Future;

/// What a process does, ready to be spawned: takes the context and runs until it returns why it ended.
pub type ProcessBody = Box<dyn FnOnce(Context) -> BoxFuture<ExitReason> + Send>;

/// Boxes an async closure as a [`ProcessBody`].
pub fn process_body<F, Fut, R>(body: F) -> ProcessBody
where
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: Into<ExitReason>,
{
    // All of it runs in the new process: a panic of the closure itself ends that one, not whoever spawns it.
    Box::new(move |context| Box::pin(async move { body(context).await.into() }))
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
}

/// Makes processes of one kind. `rusm-core` knows no Wasm: the host registers a factory for it.
pub trait Factory: Send + Sync + 'static {
    /// The body of a new process.
    ///
    /// # Errors
    /// The reason with which the start fails: nothing has been started.
    fn body(&self, node: &Node, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason>;
}
