use crate::task_supervisor;
use crate::{
    Context, Destination, ExitReason, Message, Payload, Pid, ProcessBody, Reference, SpawnOptions, SupervisorError,
    SupervisorRef, process_body,
};
use std::collections::VecDeque;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

/// One piece of work in a process of its own, whose result the process that started it waits for: Elixir's `Task`.
///
/// ```
/// # use rusm_core::{Context, ExitReason, Node, NodeOptions, Task, seam::Seams};
/// # use std::time::Duration;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let pid = node.spawn(|context: Context| async move {
/// let task = Task::start(&context, |_| async { 6 * 7 });
/// assert_eq!(task.join(&context, Duration::from_secs(5)).await, Ok(42));
/// # });
/// # assert_eq!(node.await_exit(pid).await, ExitReason::NORMAL);
/// # });
/// ```
///
/// Only the process that started it may join it, and should: a task that is dropped runs on, and nobody hears of it.
#[must_use = "a task's result is waited for with `join` or `poll`"]
pub struct Task<T> {
    pid: Pid,
    monitor: Reference,
    /// An alias that the result is sent to.
    answer: Reference,
    /// The result cannot lie in the mailbox before this.
    marker: u64,
    result: PhantomData<fn() -> T>,
}

/// Why a task has no result.
///
/// ```
/// # use rusm_core::{ExitReason, Node, NodeOptions, seam::Seams};
/// use rusm_core::{Task, TaskError};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// use std::time::Duration;
///
/// let crashes = Task::<()>::start_nolink(&context, |_| async { panic!("no luck") });
/// let ended = crashes.join(&context, Duration::MAX).await;
/// assert_eq!(ended, Err(TaskError::Ended(ExitReason::PANIC.with_detail("no luck"))));
///
/// let slow = Task::start(&context, |context| async move { context.sleep(Duration::MAX).await });
/// let Err(slow) = slow.poll(&context, Duration::from_millis(1)).await else { panic!("it sleeps") };
/// assert!(slow.kill(&context).is_none());
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It ended without one.
    #[error("the task ended: {0}")]
    Ended(ExitReason),
    /// It took too long, and was killed.
    #[error("the task took too long and was killed")]
    Timeout,
}

/// What a task sends.
struct Done<T> {
    answer: Reference,
    value: T,
}

impl<T: Send + 'static> Task<T> {
    /// Starts a task that is linked to this process: when one crashes, so does the other.
    pub fn start<F, Fut>(context: &Context, job: F) -> Self
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        Self::spawn(context, true, job)
    }

    /// Starts a task whose crash is an error of [`join`](Self::join) and nothing more.
    pub fn start_nolink<F, Fut>(context: &Context, job: F) -> Self
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        Self::spawn(context, false, job)
    }

    fn spawn<F, Fut>(context: &Context, link: bool, job: F) -> Self
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let (answer, marker) = (context.alias(), context.marker());
        let options = SpawnOptions { link, monitor: true, label: "task".to_owned(), ..SpawnOptions::default() };
        let spawned = context.spawn_with(options, body(answer, job));
        let monitor = spawned.monitor.unwrap_or_else(|| unreachable!("a monitor was asked for"));
        Self { pid: spawned.pid, monitor, answer, marker, result: PhantomData }
    }

    /// Starts a task under a [`TaskSupervisor`](crate::TaskSupervisor): its crash is an error of [`join`](Self::join) here and nothing more, and it
    /// ends with its supervisor. When this process ends before the task has begun, it never begins; later it runs on.
    /// Source: Elixir `Task.Supervisor.async_nolink/3`.
    ///
    /// # Errors
    /// The supervisor is not there, or is none of tasks.
    pub async fn supervised<F, Fut>(
        context: &Context,
        supervisor: &SupervisorRef,
        job: F,
    ) -> Result<Self, SupervisorError>
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let (answer, marker) = (context.alias(), context.marker());
        let started =
            supervisor.start_child_with(context, task_supervisor::args(context.pid(), body(answer, job))).await;
        let pid = match started {
            Ok(pid) => pid.unwrap_or_else(|| unreachable!("a task never ignores its start")),
            Err(error) => {
                context.unalias(answer);
                return Err(error);
            }
        };
        let monitor = context.monitor(pid);
        task_supervisor::begin(context, pid);
        Ok(Self { pid, monitor, answer, marker, result: PhantomData })
    }

    /// The task's process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for the result. A task that takes longer than `timeout` is killed; [`Duration::MAX`] waits for ever.
    ///
    /// # Errors
    /// There is no result.
    pub async fn join(self, context: &Context, timeout: Duration) -> Result<T, TaskError> {
        match self.wait(context, timeout).await {
            Some(result) => result.map_err(TaskError::Ended),
            None => self.kill(context).ok_or(TaskError::Timeout),
        }
    }

    /// Waits for the result for at most so long. `Err` gives the task back: it still runs. Source: Elixir `Task.yield/2`.
    pub async fn poll(self, context: &Context, timeout: Duration) -> Result<Result<T, ExitReason>, Self> {
        match self.wait(context, timeout).await {
            Some(result) => Ok(result),
            None => Err(self),
        }
    }

    /// Ends the task, with `kill`. A result that has arrived already is returned.
    pub fn kill(self, context: &Context) -> Option<T> {
        context.unlink(self.pid);
        context.exit_signal(self.pid, ExitReason::KILL);
        context.demonitor_flush(self.monitor);
        context.unalias(self.answer);
        let message = context.try_receive(|message| self.is_done(message))?;
        self.value(message)
    }

    async fn wait(&self, context: &Context, timeout: Duration) -> Option<Result<T, ExitReason>> {
        let is_mine = |message: &Message| match message {
            Message::Down { monitor, .. } => *monitor == self.monitor,
            _ => self.is_done(message),
        };
        let message = context.receive_from(self.marker, Some(timeout), is_mine).await?;
        context.unalias(self.answer);
        match message {
            Message::Down { reason, .. } => Some(Err(reason)),
            message => {
                // It has done its work: how it ends is of no interest.
                context.demonitor_flush(self.monitor);
                context.unlink(self.pid);
                context.try_receive(|message| matches!(message, Message::Exit { from, .. } if *from == self.pid));
                self.value(message).map(Ok)
            }
        }
    }

    fn is_done(&self, message: &Message) -> bool {
        matches!(message, Message::Plain(payload)
            if payload.downcast_ref::<Done<T>>().is_some_and(|done| done.answer == self.answer))
    }

    fn value(&self, message: Message) -> Option<T> {
        let Message::Plain(payload) = message else { return None };
        payload.downcast::<Done<T>>().ok().map(|done| done.value)
    }
}

/// Does the job and sends its result to an alias.
fn body<T, F, Fut>(answer: Reference, job: F) -> ProcessBody
where
    T: Send + 'static,
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    process_body(move |context: Context| {
        // The context is the job's: what is sent goes through the node, in this process's name.
        let (node, own) = (context.node().clone(), context.pid());
        async move {
            let value = job(context).await;
            let done = Payload::local(Done { answer, value });
            // An alias that nobody listens to any more is no error.
            let _ = node.send_from(own, Destination::Alias(answer), done);
        }
    })
}

impl Context {
    /// Runs `job` on each item, at most `limit` at the same time, each in a task of its own, and returns the results in
    /// the order of the items. A job that crashes is its own result and disturbs no other. Source: Elixir
    /// `Task.async_stream/3` with `async_nolink`.
    ///
    /// ```
    /// # use rusm_core::{Node, NodeOptions, seam::Seams};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// let squares = context.map_concurrently(2, [1, 2, 3], |_, n: u32| async move { n * n }).await;
    /// assert_eq!(squares, [Ok(1), Ok(4), Ok(9)]);
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `limit` is zero.
    pub async fn map_concurrently<I, T, F, Fut>(&self, limit: usize, items: I, job: F) -> Vec<Result<T, ExitReason>>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        T: Send + 'static,
        F: Fn(Context, I::Item) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        assert!(limit > 0, "with a limit of zero nothing would ever run");
        let mut items = items.into_iter();
        let mut running = VecDeque::new();
        let mut results = Vec::new();
        loop {
            while running.len() < limit {
                let Some(item) = items.next() else { break };
                let job = job.clone();
                running.push_back(Task::start_nolink(self, move |context| job(context, item)));
            }
            let Some(oldest) = running.pop_front() else { return results };
            let result = oldest.wait(self, Duration::MAX).await;
            results.push(result.unwrap_or_else(|| unreachable!("there is no deadline")));
        }
    }
}
