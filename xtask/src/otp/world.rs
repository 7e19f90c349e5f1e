use anyhow::Context as _;
use rusm_core::seam::Seams;
use rusm_core::{Context, Node, NodeOptions};
use std::future::Future;
use std::time::Duration;

/// What programs run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum World {
    /// The production executor.
    Threads(usize),
    /// The simulator: schedule and delivery of unordered signals are drawn from the seed.
    Simulated { seed: u64 },
}

impl World {
    /// Runs `job` in a process of its own on a new node, and returns what it returns.
    pub(super) fn run<F, Fut, T>(self, job: F) -> anyhow::Result<T>
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::Threads(threads) => {
                let mut runtime = tokio::runtime::Builder::new_multi_thread();
                let runtime = runtime.worker_threads(threads.max(1)).enable_all().build()?;
                runtime.block_on(async move {
                    let node = Node::start(NodeOptions::new("otp", Seams::production(std::env::temp_dir())));
                    let (result, done) = tokio::sync::oneshot::channel();
                    node.spawn(move |context| async move {
                        // The receiver below waits for as long as this runs.
                        let _ = result.send(job(context).await);
                    });
                    done.await.context("the driver of a program crashed")
                })
            }
            Self::Simulated { seed } => simulated(seed, job),
        }
    }

    /// How long to wait before looking again whether everything is at rest. In the simulator no signal takes as long.
    pub(super) fn pause(self) -> Duration {
        match self {
            Self::Threads(_) => Duration::from_micros(50),
            Self::Simulated { .. } => Duration::from_secs(10),
        }
    }
}

fn simulated<F, Fut, T>(_seed: u64, _job: F) -> anyhow::Result<T>
where
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    anyhow::bail!("not yet")
}
