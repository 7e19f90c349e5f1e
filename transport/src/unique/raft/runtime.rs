use super::channels::{Lock, Once, Queue};
use super::home::Home;
use super::instant::SeamInstant;
use super::watch::Watched;
use openraft_rt::{AsyncRuntime, OptionalSend};
use pin_project_lite::pin_project;
use rusm_core::seam::RandomStream;
use rusm_core::{BoxFuture, Timestamp};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;

/// The seams of a node, as openraft asks for a runtime: its tasks are processes, its time and randomness the node's. Which node
/// that is, the task says that runs: see [`Home`].
#[derive(Debug)]
pub(crate) struct SeamRuntime;

/// A task has ended without a result: it was killed, or has panicked.
#[derive(Debug, thiserror::Error)]
#[error("the task has ended without a result")]
pub(crate) struct Ended;

/// The time is up.
#[derive(Debug, thiserror::Error)]
#[error("the time is up")]
pub(crate) struct Elapsed;

/// Waits for a task. Dropped, it lets the task run on.
pub(crate) struct JoinHandle<T>(oneshot::Receiver<T>);

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| Ended)
    }
}

pin_project! {
    /// A future, for at most so long.
    pub(crate) struct Timeout<F> {
        #[pin]
        future: F,
        over: BoxFuture<()>,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        this.over.as_mut().poll(context).map(|()| Err(Elapsed))
    }
}

impl AsyncRuntime for SeamRuntime {
    type JoinError = Ended;
    type JoinHandle<T: OptionalSend + 'static> = JoinHandle<T>;
    type Sleep = BoxFuture<()>;
    type Instant = SeamInstant;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = Timeout<T>;
    type ThreadLocalRng = RandomStream;
    type Mpsc = Queue;
    type Watch = Watched;
    type Oneshot = Once;
    type Mutex<T: OptionalSend + 'static> = Lock<T>;

    fn spawn<T>(future: T) -> JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        let (done, is_done) = oneshot::channel();
        Home::here().spawn(async move {
            // Nobody may want to know.
            let _ = done.send(future.await);
        });
        JoinHandle(is_done)
    }

    fn sleep(duration: Duration) -> BoxFuture<()> {
        let home = Home::here();
        home.clock().sleep_until(home.clock().now() + duration)
    }

    fn sleep_until(deadline: SeamInstant) -> BoxFuture<()> {
        Home::here().clock().sleep_until(Timestamp::default() + deadline.since_origin())
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(duration: Duration, future: F) -> Timeout<F> {
        Timeout { future, over: Self::sleep(duration) }
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(deadline: SeamInstant, future: F) -> Timeout<F> {
        Timeout { future, over: Self::sleep_until(deadline) }
    }

    /// A process that panics ends its voter too, so that whoever could look at this is gone.
    fn is_panic(_: &Ended) -> bool {
        false
    }

    fn thread_rng() -> RandomStream {
        Home::here().node().seams().entropy.stream("raft")
    }

    /// # Panics
    /// Always: a node's executor runs it, and openraft does not ask for another.
    fn new(_: usize) -> Self {
        panic!("openraft runs on a node's executor")
    }

    /// # Panics
    /// As [`new`](Self::new).
    fn block_on<F: Future<Output = T>, T>(&mut self, _: F) -> T {
        panic!("openraft runs on a node's executor")
    }

    fn spawn_blocking<F, T>(job: F) -> impl Future<Output = Result<T, io::Error>> + Send
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (done, is_done) = oneshot::channel();
        Home::here().node().seams().executor.spawn_blocking(Box::new(move || {
            // The task that waits may have been killed.
            let _ = done.send(job());
        }));
        async move { is_done.await.map_err(|_| io::Error::other("a blocking job has ended without a result")) }
    }
}
