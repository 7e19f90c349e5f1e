mod host;
mod options;

pub use options::{RunError, SimOptions};

use crate::cluster_wire::ClusterWire;
use crate::disk::{Disk, DiskFaults, SimStorage};
use crate::executor::{Ended, Event, Kernel, Life, SimExecutor};
use crate::network::{Network, SimSockets};
use crate::outcome::Outcome;
#[cfg(feature = "quic")]
use crate::quic::Quic;
use crate::recorder::Recorder;
use crate::seed::generator;
use crate::seen::{SeenEvent, Watcher};
use crate::tracer::SimTracer;
use host::Host;
#[cfg(feature = "quic")]
use host::WALL_AT_START;
use parking_lot::Mutex;
use rand_core::Rng;
use rusm_core::seam::{Clock, Seams};
use rusm_core::{Node, NodeInfo, NodeOptions, NodeStatus, Timestamp, Tracer};
use rusm_transport::cluster::{Cluster, ClusterOptions};
use std::future::Future;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The host of whoever runs the simulation: tests, checkers, fault plans. It never crashes.
const OUTSIDE: &str = "outside";

/// One simulated run: hosts on one virtual time, their network and their disks.
///
/// ```
/// use rusm_core::{Context, ExitReason, Node};
/// use rusm_sim::{Sim, SimOptions};
/// use std::time::Duration;
///
/// let hash = |seed| {
///     let sim = Sim::new(SimOptions::new(seed));
///     let node = Node::start(sim.node_options("a"));
///     let sleeper = node.spawn(|context: Context| async move { context.sleep(Duration::from_secs(60)).await });
///     let reason = sim.block_on(async move { node.await_exit(sleeper).await });
///     assert_eq!(reason, Ok(ExitReason::NORMAL));
///     sim.hash()
/// };
/// assert_eq!(hash(7), hash(7));
/// assert_ne!(hash(7), hash(8));
/// ```
///
/// Dropping it ends every task, in order.
pub struct Sim(SimHandle);

/// What tasks of the run itself use of it: a plan of faults, a checker. Cheap to clone.
#[derive(Clone)]
pub struct SimHandle(Arc<Inner>);

struct Inner {
    kernel: Arc<Kernel>,
    network: Network,
    wire: ClusterWire,
    #[cfg(feature = "quic")]
    quic: Quic,
    hosts: Mutex<Vec<Host>>,
    healed: AtomicBool,
    time_limit: u64,
}

impl Sim {
    /// A run with nothing in it.
    pub fn new(options: SimOptions) -> Self {
        let recorder = Recorder::new(options.log);
        let SimOptions { seed, profile, schedule, orderly_after, turns_max, .. } = options;
        let kernel = Arc::new(Kernel::new(seed, profile, schedule, orderly_after, turns_max, recorder));
        let network = Network::new(kernel.clone());
        let time_limit = u64::try_from(options.time_limit.as_nanos()).unwrap_or(u64::MAX);
        let (hosts, healed) = (Mutex::default(), AtomicBool::new(false));
        let handle = SimHandle(Arc::new(Inner {
            #[cfg(feature = "quic")]
            quic: Quic::new(kernel.clone(), Duration::from_nanos(WALL_AT_START)),
            kernel,
            network,
            wire: options.wire,
            hosts,
            healed,
            time_limit,
        }));
        handle.host(OUTSIDE, |_| ());
        Self(handle)
    }

    /// For the tasks of the run itself.
    pub fn handle(&self) -> SimHandle {
        self.0.clone()
    }

    /// Runs until `future`, a task of the host `outside`, is done. Everything else that was started runs meanwhile, and
    /// stands still afterwards.
    ///
    /// # Errors
    /// It can never be done, or is not done in time, or the run has failed.
    ///
    /// # Panics
    /// When `future` does.
    pub fn block_on<F>(&self, future: F) -> Result<F::Output, RunError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let done = Arc::new(AtomicBool::new(false));
        let output = Arc::new(Mutex::new(None));
        self.spawn(OUTSIDE, {
            let (done, output) = (done.clone(), output.clone());
            async move {
                let result = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(future)).await;
                *output.lock() = Some(result);
                done.store(true, Ordering::Relaxed);
            }
        });
        let kernel = &self.0.0.kernel;
        let ended = kernel.run(&done, self.0.0.time_limit);
        let now = Timestamp::from_nanos(kernel.now());
        let output = output.lock().take();
        if let Some(failure) = kernel.failure() {
            return Err(RunError::Failed(failure));
        }
        match (output, ended) {
            (Some(Ok(output)), _) => Ok(output),
            (Some(Err(panic)), _) => resume_unwind(panic),
            (None, Ended::OutOfTime) => Err(RunError::OutOfTime(now)),
            (None, Ended::Stopped | Ended::Stalled) => Err(RunError::Stalled(now)),
        }
    }

    /// Lets everything run for that much virtual time. True when there was nothing left to do before its end.
    pub fn run_for(&self, duration: Duration) -> bool {
        let kernel = &self.0.0.kernel;
        let until = kernel.now().saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        kernel.run(&AtomicBool::new(false), until) == Ended::Stalled
    }
}

impl Deref for Sim {
    type Target = SimHandle;

    fn deref(&self) -> &SimHandle {
        &self.0
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.0.recorder().close();
        let names: Vec<Arc<str>> = self.0.0.hosts.lock().iter().map(|host| host.name.clone()).collect();
        for name in names {
            self.0.end_life(&name);
        }
        self.0.0.kernel.drop_events();
        // A file that could not be written was reported by `finish`, if anybody asked.
        let _ = self.0.recorder().finish();
    }
}

impl SimHandle {
    /// The seed.
    pub fn seed(&self) -> u64 {
        self.0.kernel.seed
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.kernel.now())
    }

    /// Waits in virtual time.
    pub async fn sleep(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        crate::clock::Sleep::until(&self.0.kernel, self.0.kernel.now().saturating_add(nanos)).await;
    }

    /// A random stream for that purpose: depends on the seed and the purpose alone.
    pub fn random(&self, purpose: &str) -> impl Rng + Send + use<> {
        generator(self.0.kernel.seed, &format!("purpose {purpose}"))
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.0.network
    }

    /// The disk of a host, which is made when it is not there.
    pub fn disk(&self, host: &str) -> Disk {
        self.host(host, |host| host.disk.clone())
    }

    /// The event log.
    pub fn recorder(&self) -> &Recorder {
        &self.0.kernel.recorder
    }

    /// Writes a line of the caller's own to the event log, and shows it to the checkers.
    pub fn record(&self, kind: &'static str, text: &str) {
        self.0.kernel.record(kind, |line| line.text(text));
        self.0.kernel.see(OUTSIDE, 1, SeenEvent::Recorded { kind, text });
    }

    /// Marks a rare branch that has been reached: a suite names those that no seed reaches.
    pub fn sometimes(&self, what: &str) {
        self.0.kernel.record("sometimes", |line| line.text(what));
        self.recorder().reach(what);
    }

    /// The run has failed and ends here. The first failure counts.
    pub fn fail(&self, outcome: Outcome) {
        self.0.kernel.fail(outcome);
    }

    /// How the run has failed, if it has.
    pub fn failure(&self) -> Option<Outcome> {
        self.0.kernel.failure()
    }

    pub(crate) fn watch(&self, watcher: Watcher) {
        self.0.kernel.watch(watcher);
    }

    /// Whether the faults are over.
    pub fn healed(&self) -> bool {
        self.0.healed.load(Ordering::Relaxed)
    }

    /// Ends every fault: of the network, of disks, of machines and of guests.
    pub fn heal(&self) {
        self.record("heal", "");
        self.0.healed.store(true, Ordering::Relaxed);
        self.network().heal();
        for host in self.host_names() {
            self.disk(&host).set_faults(DiskFaults::default());
            self.restore_speed(&host);
            self.resume(&host);
            self.slow_signals(&host, Duration::ZERO);
            self.set_expired(&host, false);
            if let Some(tenant) = self.tenant(&host) {
                tenant.disarm();
            }
        }
    }

    /// The hosts, in the order in which they were made; `outside` is none of them.
    pub fn host_names(&self) -> Vec<String> {
        self.0.hosts.lock().iter().skip(1).map(|host| host.name.to_string()).collect()
    }

    /// The trace hash up to now; `None` when the run keeps [no event log](SimOptions::log).
    pub fn hash(&self) -> Option<String> {
        self.recorder().hash()
    }

    /// How many tasks have panicked, destructors included. A process that panics is none: its node catches it.
    pub fn panics(&self) -> u64 {
        self.0.kernel.panics()
    }

    /// The first processes that panicked on nodes that write to the event log, and with what.
    pub fn process_panics(&self) -> Vec<String> {
        self.0.kernel.process_panics()
    }

    /// How many tasks the present life of a host has.
    pub fn task_count(&self, host: &str) -> usize {
        let life = self.host(host, |host| host.life.clone());
        self.0.kernel.task_count(&life)
    }

    /// The seams of the present life of a host, which is made when it is not there.
    pub fn seams(&self, host: &str) -> Seams {
        let (kernel, network) = (self.0.kernel.clone(), self.0.network.clone());
        self.host(host, |host| Seams {
            clock: Arc::new(host.clock.of(host.life.clone())) as Arc<dyn Clock>,
            executor: Arc::new(SimExecutor::new(kernel, host.life.clone())),
            delivery: Some(host.delivery.clone()),
            entropy: host.entropy.clone(),
            sockets: Arc::new(SimSockets::new(network, host.life.clone())),
            storage: Arc::new(SimStorage::new(host.disk.clone(), host.life.clone())),
        })
    }

    /// How to start a node on that host: its seams, its incarnation, its events in the log.
    pub fn node_options(&self, host: &str) -> NodeOptions {
        let seams = self.seams(host);
        let incarnation = self.incarnation(host);
        NodeOptions { incarnation, tracer: Some(self.tracer(host)), ..NodeOptions::new(host, seams) }
    }

    /// Which life of that host this is, counted from 1.
    pub fn incarnation(&self, host: &str) -> u32 {
        self.host(host, |host| host.life.number)
    }

    /// The node, which runs on the host of its name, takes part in the run's cluster from now on: over the
    /// [network](Self::network), with its faults, and what the run's [wire](SimOptions::wire) says.
    ///
    /// Over QUIC a name has lower-case letters, digits and `-`, and the number of the cluster stands for an authority, whose
    /// certificates no clock finds expired.
    ///
    /// # Panics
    /// When it does already.
    pub fn join(&self, node: &Node, options: ClusterOptions) -> Cluster {
        let life = self.life(node.name());
        match self.0.wire {
            ClusterWire::Links => self.network().links().join(node, life, options),
            #[cfg(feature = "quic")]
            ClusterWire::Quic => {
                // They have addresses from now on.
                options.nodes.iter().for_each(|name| drop(self.life(name)));
                self.0.quic.join(self.network(), node, &life, options)
            }
        }
    }

    /// Returns when each of these nodes has an association with each: over QUIC they must find each other first, and until then
    /// signals between them meet `noconnection`.
    pub async fn until_joined(&self, nodes: &[Node]) {
        let is_up = |other: &NodeInfo| other.status == NodeStatus::Up;
        let has_all = |node: &Node| node.known_nodes().iter().filter(|other| is_up(other)).count() + 1 >= nodes.len();
        while !nodes.iter().all(has_all) {
            self.sleep(Duration::from_millis(10)).await;
        }
    }

    /// Writes what a node of the present life of that host does to the event log.
    pub fn tracer(&self, host: &str) -> Arc<dyn Tracer> {
        let kernel = self.0.kernel.clone();
        self.host(host, |host| Arc::new(SimTracer { kernel, life: host.life.clone(), name: host.name.clone() }))
    }

    /// The present life of a host, which is made when it is not there.
    pub(crate) fn life(&self, host: &str) -> Arc<Life> {
        self.host(host, |host| host.life.clone())
    }

    /// Starts a task on a host. It ends when the host crashes.
    pub fn spawn(&self, host: &str, task: impl Future<Output = ()> + Send + 'static) {
        let life = self.host(host, |host| host.life.clone());
        self.0.kernel.spawn(&life, Box::pin(task));
    }

    /// Calls `job` at that virtual time, between two polls.
    pub fn at(&self, at: Timestamp, job: impl FnOnce() + Send + 'static) {
        self.0.kernel.schedule(at.as_nanos(), Event::Call(Box::new(job)));
    }

    fn host<T>(&self, name: &str, job: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts = self.0.hosts.lock();
        let index = hosts.iter().position(|host| &*host.name == name).unwrap_or_else(|| {
            let number = hosts.len() as u32;
            hosts.push(Host::new(&self.0.kernel, name, number));
            self.0.network.add_host(name);
            self.0.kernel.add_host(name, number);
            hosts.len() - 1
        });
        job(&mut hosts[index])
    }
}
