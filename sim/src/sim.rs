mod options;

pub use options::{RunError, SimOptions};

use crate::clock::{HostClock, SimClock, Skew};
use crate::cluster_wire::ClusterWire;
use crate::delivery::SimDelivery;
use crate::disk::{CrashLoss, Disk, DiskFaults, SimStorage};
use crate::entropy::SimEntropy;
use crate::executor::{Ended, Event, Kernel, Life, SimExecutor};
use crate::network::{Network, SimSockets};
use crate::outcome::Outcome;
use crate::plan::{FaultKind, Undo};
#[cfg(feature = "quic")]
use crate::quic::Quic;
use crate::recorder::Recorder;
use crate::seed::{below, generator, pick};
use crate::seen::{SeenEvent, Watcher};
use crate::tenant::Tenant;
use crate::tracer::SimTracer;
use parking_lot::Mutex;
use rand_core::Rng;
use rusm_core::seam::{Clock, Seams};
use rusm_core::{Node, NodeInfo, NodeOptions, NodeStatus, Timestamp, Tracer};
use rusm_transport::cluster::{Cluster, ClusterOptions};
use std::future::Future;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The host of whoever runs the simulation: tests, checkers, fault plans. It never crashes.
const OUTSIDE: &str = "outside";

/// Time of day at the start of every run: 2026-01-01.
const WALL_AT_START: u64 = 1_767_225_600_000_000_000;

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

struct Host {
    name: Arc<str>,
    life: Arc<Life>,
    clock: Arc<HostClock>,
    /// Whether it is down, between a crash of a plan and the start that ends it.
    down: bool,
    tenant: Option<Arc<dyn Tenant>>,
    entropy: Arc<SimEntropy>,
    disk: Disk,
    delivery: Arc<SimDelivery>,
}

impl Sim {
    /// A run with nothing in it.
    pub fn new(options: SimOptions) -> Self {
        let recorder = Recorder::new(options.record);
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

    /// The trace hash up to now.
    pub fn hash(&self) -> String {
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
            clock: Arc::new(SimClock::new(kernel.clone(), host.life.clone(), host.clock.clone())) as Arc<dyn Clock>,
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

    /// Everything on that host takes this many percent of its usual time. Default 100.
    pub fn set_slowness(&self, host: &str, percent: u64) {
        self.recorder().count(FaultKind::Slow.name());
        self.record("fault", &format!("slow {host} {percent}"));
        self.host(host, |host| host.life.set_slowness(percent));
    }

    /// Ends [`set_slowness`](Self::set_slowness).
    pub fn restore_speed(&self, host: &str) {
        let life = self.host(host, |host| host.life.clone());
        if life.slowness() != 100 {
            self.record("full-speed", host);
            life.set_slowness(100);
        }
    }

    /// Nothing on that host runs until [`resume`](Self::resume); what it is sent waits.
    pub fn pause(&self, host: &str) {
        self.recorder().count(FaultKind::Pause.name());
        self.record("fault", &format!("pause {host}"));
        self.host(host, |host| host.life.set_paused(true));
    }

    /// Ends [`pause`](Self::pause).
    pub fn resume(&self, host: &str) {
        let life = self.host(host, |host| host.life.clone());
        if life.is_paused() {
            self.record("resume", host);
            life.set_paused(false);
            self.0.kernel.run_again(&life);
        }
    }

    /// Signals between the processes of that host take up to that much longer; zero ends it.
    pub fn slow_signals(&self, host: &str, extra: Duration) {
        let nanos = u64::try_from(extra.as_nanos()).unwrap_or(u64::MAX);
        self.host(host, |host| host.delivery.slow_down(nanos));
    }

    /// Keeps one task of that host from running, until what is returned is called.
    pub(crate) fn starve(&self, host: &str, which: u64) -> Option<Undo> {
        let life = self.host(host, |host| host.life.clone());
        let waker = self.0.kernel.starve(&life, which)?;
        self.recorder().count(FaultKind::Starve.name());
        self.record("fault", &format!("starve {host} task {}", waker.id.number));
        Some(Box::new(move |sim| sim.0.kernel.feed(&life, &waker)))
    }

    /// Parts in a million that the monotonic clock of that host runs fast.
    pub fn drift(&self, host: &str) -> i32 {
        self.host(host, |host| host.clock.drift())
    }

    /// Changes its drift from now on: at least -999999, below zero it runs slow.
    pub fn set_drift(&self, host: &str, ppm: i32) {
        self.recorder().count(FaultKind::Drift.name());
        self.record("fault", &format!("drift {host} {ppm}"));
        let now = self.0.kernel.now();
        self.host(host, |host| host.clock.set_drift(now, ppm));
    }

    /// Sets the time of day of that host forwards, or back.
    pub fn jump(&self, host: &str, nanos: i64) {
        self.recorder().count(FaultKind::Jump.name());
        self.record("fault", &format!("jump {host} {nanos}"));
        self.host(host, |host| host.clock.jump(nanos));
    }

    /// The certificate of that host has expired: no connection between nodes begins or ends there until
    /// [`renew_certificate`](Self::renew_certificate). Those that there are go on.
    pub fn expire_certificate(&self, host: &str) {
        self.recorder().count(FaultKind::Expiry.name());
        self.record("fault", &format!("expire {host}"));
        self.set_expired(host, true);
    }

    /// Ends [`expire_certificate`](Self::expire_certificate).
    pub fn renew_certificate(&self, host: &str) {
        self.record("certificate", host);
        self.set_expired(host, false);
    }

    /// The certificate of one host counts no more, and another is told so, which tells those that it is connected to.
    #[cfg(feature = "quic")]
    pub fn revoke_certificate(&self, of: &str, told: &str) {
        self.record("revoke", &format!("{of} {told}"));
        self.0.quic.revoke(of, told, self.seams(told).clock.wall());
    }

    fn set_expired(&self, host: &str, expired: bool) {
        let life = self.life(host);
        self.network().links().set_expired(life.host, expired);
        #[cfg(feature = "quic")]
        self.0.quic.set_expired(host, expired);
    }

    /// Says what runs on that host, for faults and starts.
    pub(crate) fn set_tenant(&self, host: &str, tenant: Arc<dyn Tenant>) {
        self.host(host, |host| host.tenant = Some(tenant));
    }

    pub(crate) fn tenant(&self, host: &str) -> Option<Arc<dyn Tenant>> {
        self.host(host, |host| host.tenant.clone())
    }

    /// The node that runs on that host now, if it is one of a scenario's.
    pub fn node(&self, host: &str) -> Option<Node> {
        self.tenant(host)?.node()
    }

    pub(crate) fn is_up(&self, host: &str) -> bool {
        self.host(host, |host| !host.down)
    }

    /// Starts again what runs on that host, after a crash.
    pub(crate) fn boot(&self, host: &str) {
        self.record("boot", host);
        self.host(host, |host| host.down = false);
        let Some(tenant) = self.tenant(host) else { return };
        let (sim, host) = (self.clone(), host.to_owned());
        let life = self.incarnation(&host);
        self.spawn(OUTSIDE, async move {
            if let Err(why) = tenant.boot().await
                && sim.incarnation(&host) == life
            {
                sim.fail(Outcome::Crashed(format!("{host} did not start again: {why}")));
            }
        });
    }

    /// The fault that the next entry into a component there meets.
    pub(crate) fn arm(&self, host: &str, which: u64, fault: FaultKind, lasts: Duration) {
        if let Some(tenant) = self.tenant(host) {
            tenant.arm(which, fault, lasts);
        }
    }

    /// What a component there computes takes that many percent of its time.
    pub(crate) fn slow_guest(&self, host: &str, which: u64, percent: u64) {
        if let Some(tenant) = self.tenant(host) {
            tenant.slow_guest(which, percent);
        }
    }

    /// Crashes a host: its tasks are gone, its connections cut, and its disk keeps what was synced and, of the rest,
    /// what the seed says. A new life of it begins: start its node again with [`seams`](Self::seams).
    pub fn crash(&self, host: &str) {
        let random = self.0.kernel.draw();
        let loss = pick(&mut generator(random, "crash"), &[CrashLoss::All, CrashLoss::Tail, CrashLoss::Sectors]);
        self.crash_with(host, loss);
    }

    /// The same, with a given loss of what was not synced.
    pub fn crash_with(&self, host: &str, loss: CrashLoss) {
        self.recorder().count(FaultKind::Crash.name());
        self.record("crash", host);
        self.end_life(host);
        if let Some(tenant) = self.tenant(host) {
            tenant.crashed();
        }
        self.disk(host).crash(loss);
        let kernel = &self.0.kernel;
        let mut hosts = self.0.hosts.lock();
        if let Some(host) = hosts.iter_mut().find(|of| &*of.name == host) {
            host.down = host.tenant.is_some();
            host.life = Arc::new(Life::new(host.life.host, host.life.number + 1));
            host.delivery = SimDelivery::new(kernel.clone(), host.life.clone());
            host.clock = host.clock.rebooted(below(generator(kernel.draw(), "boot").next_u64(), 1 << 40));
        }
    }

    /// Marks the life dead before its tasks are dropped, so that no destructor reaches anybody.
    fn end_life(&self, host: &str) {
        let (life, delivery) = self.host(host, |host| (host.life.clone(), host.delivery.clone()));
        life.end();
        self.0.network.crash(&life);
        self.0.kernel.drop_tasks(&life);
        #[cfg(feature = "quic")]
        self.0.quic.crashed(host);
        // Signals that were under way may hold what has destructors of its own.
        let _ = catch_unwind(AssertUnwindSafe(|| delivery.clear()));
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

impl Host {
    fn new(kernel: &Arc<Kernel>, name: &str, number: u32) -> Self {
        let mut rng = generator(kernel.seed, &format!("host {name:?}"));
        let origin = below(rng.next_u64(), 1 << 40);
        let fast_ppm = below(rng.next_u64(), 200) as i32;
        let skew = Skew::new(origin, fast_ppm, WALL_AT_START + below(rng.next_u64(), 2_000_000_000));
        kernel.record("host", |line| line.number(number.into()).text(name));
        let life = Arc::new(Life::new(number, 1));
        Self {
            name: name.into(),
            clock: HostClock::new(skew),
            down: false,
            tenant: None,
            entropy: Arc::new(SimEntropy::new(kernel.seed, name)),
            disk: Disk::new(kernel.clone(), number),
            delivery: SimDelivery::new(kernel.clone(), life.clone()),
            life,
        }
    }
}
