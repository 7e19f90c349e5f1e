use loom::thread::JoinHandle;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rusm_core_loom::seam::{
    BoxFuture, Clock, DiskStorage, Entropy, Executor, RandomStream, Seams, Timestamp, TokioSockets,
};
use rusm_core_loom::{Node, NodeOptions, TraceEvent, Tracer};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often a thread may be preempted in one order of events, where the environment does not say it: most races need one
/// or two. `LOOM_MAX_PREEMPTIONS=3` tries more.
const PREEMPTIONS: usize = 2;

/// A node whose processes are threads.
pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) threads: Arc<Threads>,
}

/// Runs it in every order, until all threads have ended.
pub(crate) fn check(scenario: impl Fn(World) + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(PREEMPTIONS);
    model.check(move || {
        let threads = Arc::new(Threads::default());
        let seams = Seams {
            clock: Arc::new(StillClock),
            executor: threads.clone(),
            delivery: None,
            entropy: Arc::new(SameEntropy),
            sockets: Arc::new(TokioSockets),
            storage: Arc::new(DiskStorage::new(std::env::temp_dir())),
        };
        let panics = Arc::new(Panics::default());
        let node = Node::start(NodeOptions { tracer: Some(panics.clone()), ..NodeOptions::new("a", seams) });
        scenario(World { node, threads: threads.clone() });
        threads.join();
        assert_eq!(*panics.0.lock().unwrap(), [""; 0], "what processes have asserted");
    });
}

/// Each task is a thread of its own.
#[derive(Default)]
pub(crate) struct Threads(Mutex<Vec<JoinHandle<()>>>);

impl Threads {
    /// Waits until all have ended, also those that others have started meanwhile.
    pub(crate) fn join(&self) {
        loop {
            let Some(thread) = self.0.lock().unwrap().pop() else { return };
            thread.join().expect("no thread panics");
        }
    }
}

impl Executor for Threads {
    fn spawn(&self, task: BoxFuture<()>) {
        let thread = loom::thread::spawn(move || loom::future::block_on(task));
        self.0.lock().unwrap().push(thread);
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.0.lock().unwrap().push(loom::thread::spawn(job));
    }
}

/// A process that panics ends, and nobody else with it: this remembers what it said.
#[derive(Default)]
struct Panics(Mutex<Vec<String>>);

impl Tracer for Panics {
    fn event(&self, _: &Node, event: &TraceEvent<'_>) {
        if let TraceEvent::Exited { reason, .. } = event
            && reason.word() == "panic"
        {
            self.0.lock().unwrap().push(reason.to_string());
        }
    }
}

/// Time stands still.
struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn wall(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep_until(&self, _deadline: Timestamp) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }
}

/// The same numbers each time: loom comes by each order more than once.
struct SameEntropy;

impl Entropy for SameEntropy {
    fn stream(&self, _consumer: &str) -> RandomStream {
        Box::new(ChaCha8Rng::from_seed([7; 32]))
    }
}
