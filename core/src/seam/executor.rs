use std::future::Future;
use std::pin::Pin;

/// A future that owns what it needs and may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// Run this future.
///
/// ```
/// use rusm_core::seam::{BoxFuture, Executor, Seams, TokioExecutor};
/// use rusm_core::{Node, NodeOptions};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// Counts what it runs.
/// struct Counting(TokioExecutor, AtomicU64);
///
/// impl Executor for Counting {
///     fn spawn(&self, task: BoxFuture<()>) {
///         self.1.fetch_add(1, Ordering::Relaxed);
///         self.0.spawn(task);
///     }
///
///     fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
///         self.0.spawn_blocking(job);
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let counting = Arc::new(Counting(TokioExecutor::current(), AtomicU64::new(0)));
/// let seams = Seams { executor: counting.clone(), ..Seams::production(std::env::temp_dir()) };
/// let node = Node::start(NodeOptions::new("a", seams));
/// let before = counting.1.load(Ordering::Relaxed);
/// let (done, ended) = tokio::sync::oneshot::channel();
/// node.spawn(move |_| async move { done.send(()).unwrap() });
/// ended.await.unwrap();
/// assert!(counting.1.load(Ordering::Relaxed) > before);
/// # });
/// ```
pub trait Executor: Send + Sync + 'static {
    /// Starts a task. It runs until it completes; nobody waits for it.
    ///
    /// A panic ends the task and nothing else. Whoever needs to know how it went puts that into the future.
    fn spawn(&self, task: BoxFuture<()>);

    /// The tokio runtime that tasks run on, if one does: they need no box then. Default none.
    fn runtime(&self) -> Option<&tokio::runtime::Handle> {
        None
    }

    /// Runs a job that blocks its thread (compiling, syncing a file) away from the tasks.
    ///
    /// The simulator runs it in one step, as a task of its own.
    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>);
}

impl dyn Executor {
    /// [`spawn`](Self::spawn), without a box where that can be.
    #[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
    pub(crate) fn spawn_future(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self.runtime() {
            Some(runtime) => drop(runtime.spawn(task)),
            None => self.spawn(Box::pin(task)),
        }
    }
}

/// A tokio runtime.
pub struct TokioExecutor {
    runtime: tokio::runtime::Handle,
}

impl TokioExecutor {
    /// The runtime that the caller runs on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn current() -> Self {
        Self { runtime: tokio::runtime::Handle::current() }
    }
}

#[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
impl Executor for TokioExecutor {
    fn spawn(&self, task: BoxFuture<()>) {
        drop(self.runtime.spawn(task));
    }

    fn runtime(&self) -> Option<&tokio::runtime::Handle> {
        Some(&self.runtime)
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        drop(self.runtime.spawn_blocking(job));
    }
}
