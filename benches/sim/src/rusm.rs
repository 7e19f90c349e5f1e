//! rusm-sim: the workload on its sockets, on processes of a cluster, and events alone.

use crate::gossip::{self, EVERY, NODES, PROCESSES, Random, World};
use crate::used::{Used, cpu_s, resident_bytes};
use rusm_core::seam::{ByteStream, Listener, Seams};
use rusm_core::{Context, Encoding, Node, Payload, Pid, Term};
use rusm_sim::{ClusterWire, EventLog, Policy, Profile, Sim, SimHandle, SimOptions};
use rusm_transport::cluster::ClusterOptions;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

const PORT: u16 = 80;

/// Nothing is lost or slow, and no log is kept, as in the peers.
fn sim() -> Sim {
    sim_of(ClusterWire::default(), EventLog::Off)
}

fn sim_of(wire: ClusterWire, log: EventLog) -> Sim {
    let profile = Profile { policy: Policy::Random, lost_packets: 0, short_writes: 0, ..Profile::of_seed(1) };
    Sim::new(SimOptions { profile, wire, log, ..SimOptions::new(1) })
}

fn name(node: usize) -> String {
    format!("node{node}")
}

/// Runs for that much virtual time; looks at the memory after a tenth of it.
fn run(sim: &Sim, seconds: u64, messages: &AtomicU64) -> Used {
    let tenth = Duration::from_secs(seconds) / 10;
    let (cpu, start) = (cpu_s(), sim.now());
    sim.run_for(tenth);
    let early = resident_bytes();
    sim.run_for(tenth * 9);
    Used {
        cpu_s: cpu_s() - cpu,
        simulated_s: sim.now().since(start).as_secs_f64(),
        events: sim.recorder().events(),
        messages: messages.load(Ordering::Relaxed),
        memory: [early, resident_bytes()],
    }
}

#[derive(Clone)]
struct Simulated {
    sim: SimHandle,
    seams: Seams,
    listener: Arc<dyn Listener>,
}

impl World for Simulated {
    type Stream = Box<dyn ByteStream>;

    async fn sleep(&self, duration: Duration) {
        self.seams.clock.sleep_until(self.seams.clock.now() + duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.seams.executor.spawn(Box::pin(task));
    }

    async fn accept(&self) -> Self::Stream {
        self.listener.accept().await.expect("the node lives").0
    }

    async fn connect(&self, node: usize) -> io::Result<Self::Stream> {
        let ip = self.sim.network().address(&name(node)).expect("a host");
        self.seams.sockets.connect((ip, PORT).into()).await
    }
}

pub fn sockets(seconds: u64) -> Used {
    sockets_in(&sim(), seconds)
}

/// The same, with the log that a replay keeps for its trace hash.
pub fn logged(seconds: u64) -> Used {
    sockets_in(&sim_of(ClusterWire::default(), EventLog::Digest), seconds)
}

fn sockets_in(sim: &Sim, seconds: u64) -> Used {
    let received = Arc::new(AtomicU64::new(0));
    for node in 0..NODES {
        sim.seams(&name(node));
    }
    for node in 0..NODES {
        let (handle, seams, received) = (sim.handle(), sim.seams(&name(node)), received.clone());
        sim.spawn(&name(node), async move {
            let anywhere: SocketAddr = ([0, 0, 0, 0], PORT).into();
            let listener = seams.sockets.listen(anywhere).await.expect("a free port").into();
            gossip::node(Simulated { sim: handle, seams, listener }, node, received).await;
        });
    }
    run(sim, seconds, &received)
}

/// The same between processes of a cluster: mailboxes, the table of processes and the cluster's protocol are in it.
pub fn cluster(seconds: u64) -> Used {
    cluster_of(NODES, ClusterWire::default(), seconds)
}

/// The same with what production runs: the driver, quinn and rustls, over simulated UDP.
pub fn quic<const NODES: usize>(seconds: u64) -> Used {
    cluster_of(NODES, ClusterWire::Quic, seconds)
}

fn cluster_of(nodes: usize, wire: ClusterWire, seconds: u64) -> Used {
    let sim = sim_of(wire, EventLog::Off);
    let names: Vec<String> = (0..nodes).map(name).collect();
    let received = Arc::new(AtomicU64::new(0));
    let everybody: Arc<OnceLock<Vec<Vec<Pid>>>> = Arc::default();
    let mut pids = Vec::new();
    for own in 0..nodes {
        let node = Node::start(rusm_core::NodeOptions::new(&name(own), sim.seams(&name(own))));
        sim.join(&node, ClusterOptions { nodes: names.clone(), ..ClusterOptions::default() });
        let spawn = |number: usize| {
            let (received, everybody) = (received.clone(), everybody.clone());
            node.spawn(move |context| process(context, own, number, received, everybody))
        };
        pids.push((0..PROCESSES).map(spawn).collect());
    }
    everybody.set(pids).expect("once");
    run(&sim, seconds, &received)
}

async fn process(
    context: Context,
    own: usize,
    number: usize,
    received: Arc<AtomicU64>,
    everybody: Arc<OnceLock<Vec<Vec<Pid>>>>,
) {
    let mut random = Random::new((own * PROCESSES + number) as u64);
    loop {
        context.sleep(EVERY / 2 + EVERY * random.below(1000) as u32 / 1000).await;
        while context.try_receive(|_| true).is_some() {
            received.fetch_add(1, Ordering::Relaxed);
        }
        let others = everybody.get().expect("all are there");
        let other = &others[(own + 1 + random.below(others.len() as u64 - 1) as usize) % others.len()];
        let message = Term::new(Encoding::Raw, vec![0; 64]);
        context.send(other[random.below(PROCESSES as u64) as usize], Payload::Term(message)).expect("a term");
    }
}

/// Tasks that do nothing but go on: what one poll costs.
pub fn yields(seconds: u64) -> Used {
    let sim = sim();
    for _ in 0..500 {
        sim.spawn("a", async {
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
            .await
        });
    }
    run(&sim, seconds, &AtomicU64::new(0))
}

/// Tasks that do nothing but sleep: what one timer and one poll cost.
pub fn timers(seconds: u64) -> Used {
    let sim = sim();
    for number in 0..500 {
        let clock = sim.seams("a").clock;
        sim.spawn("a", async move {
            let mut random = Random::new(number);
            loop {
                clock.sleep_until(clock.now() + Duration::from_micros(1 + random.below(1000))).await;
            }
        });
    }
    run(&sim, seconds, &AtomicU64::new(0))
}
