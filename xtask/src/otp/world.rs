use super::nodes::Nodes;
use anyhow::Context as _;
use rusm_core::seam::Seams;
use rusm_core::{Context, Node, NodeOptions};
use rusm_sim::{EventLog, Sim, SimOptions};
use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;
use tokio::sync::oneshot;

/// How many programs run at the same time.
const AT_ONCE: usize = 16;

/// In the simulator most signals take less than this; some take up to a hundred times as long.
const SIGNAL_NS_MAX: u64 = 4_000;

/// What programs run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum World {
    /// The production executor.
    Threads(usize),
    /// The simulator: schedule and delivery of unordered signals are drawn from the seed.
    Simulated { seed: u64 },
    /// The simulator, with so many nodes and simulated links between them.
    Nodes { seed: u64, nodes: usize },
}

impl World {
    /// Runs each job in a process of its own on a new node, and returns what they return.
    pub(super) fn run_all<F, Fut, T>(self, jobs: Vec<F>) -> anyhow::Result<Vec<T>>
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::Threads(threads) => {
                let mut runtime = tokio::runtime::Builder::new_multi_thread();
                let runtime = runtime.worker_threads(threads.max(1)).enable_all().build()?;
                runtime.block_on(on_threads(jobs))
            }
            Self::Simulated { seed } => jobs.into_iter().map(|job| simulated(seed, 1, job)).collect(),
            Self::Nodes { seed, nodes } => jobs.into_iter().map(|job| simulated(seed, nodes, job)).collect(),
        }
    }

    /// How long to wait before looking again whether everything is at rest. In the simulator no signal takes as long.
    pub(super) fn pause(self) -> Duration {
        match self {
            Self::Threads(_) => Duration::from_micros(50),
            Self::Simulated { .. } | Self::Nodes { .. } => Duration::from_secs(10),
        }
    }

    pub(super) fn is_simulated(self) -> bool {
        !matches!(self, Self::Threads(_))
    }
}

/// Programs that wait for time to pass do so together.
async fn on_threads<F, Fut, T>(jobs: Vec<F>) -> anyhow::Result<Vec<T>>
where
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut running = VecDeque::new();
    let mut results = Vec::new();
    for job in jobs {
        if running.len() == AT_ONCE {
            results.extend(next_result(&mut running).await?);
        }
        let node = Node::start(NodeOptions::new("otp", Seams::production(std::env::temp_dir())));
        let (result, done) = oneshot::channel();
        node.spawn(move |context| async move {
            // The receiver waits for as long as this runs.
            let _ = result.send(job(context).await);
        });
        running.push_back(done);
    }
    while let Some(result) = next_result(&mut running).await? {
        results.push(result);
    }
    Ok(results)
}

async fn next_result<T>(running: &mut VecDeque<oneshot::Receiver<T>>) -> anyhow::Result<Option<T>> {
    match running.pop_front() {
        Some(done) => done.await.map(Some).context("the driver of a program crashed"),
        None => Ok(None),
    }
}

fn simulated<F, Fut, T>(seed: u64, nodes: usize, job: F) -> anyhow::Result<T>
where
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut options = SimOptions::new(seed);
    options.log = EventLog::Off;
    options.time_limit = Duration::from_secs(24 * 3600);
    // A signal that takes a good part of a child's shutdown time, 60 ms, is not what OTP's outcomes were recorded with.
    options.profile.signal_ns_max = options.profile.signal_ns_max.min(SIGNAL_NS_MAX);
    let sim = Sim::new(options);
    let (node, others) = match nodes {
        1 => (Node::start(NodeOptions::new("otp", sim.seams("otp"))), Nodes::default()),
        _ => Nodes::start(&sim.handle(), nodes),
    };
    let (result, done) = oneshot::channel();
    node.spawn(move |context| async move {
        // The receiver waits for as long as this runs.
        let _ = result.send(job(context).await);
    });
    let done = sim.block_on(done);
    others.clear();
    done?.context("the driver of a program crashed")
}
