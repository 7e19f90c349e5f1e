//! Some nodes that have all joined the first, and what goes wrong between them.

use crate::support::below;
use parking_lot::Mutex;
use rand_core::Rng;
use rusm_core::{MemberStatus, Node, NodeInfo, NodeStatus, Pid};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use std::sync::Arc;
use std::time::Duration;

/// After the last fault everything has come together by then: dialling again takes a few rounds of
/// `announce_interval`, and news their time.
pub(crate) const CONVERGED: Duration = Duration::from_secs(40);

/// Longer than it takes to give a silent node up.
const TIMEOUT_MS: u64 = 20_000;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) sim: SimHandle,
    /// Which directions are cut.
    cuts: Arc<Mutex<Vec<(String, String)>>>,
    /// By number; another one after a crash.
    nodes: Arc<Mutex<Vec<Node>>>,
    /// What runs on a node from its start on.
    boot: Boot,
}

type Boot = Arc<dyn Fn(&Node) + Send + Sync>;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing gets from one to the other.
    OneWay,
    /// One sees nobody.
    Isolated,
    /// Two halves, and one node that sees both.
    Bridge,
    /// Two halves.
    Split,
    /// The connection between two breaks.
    Reset,
    /// One stands still for longer than it takes to give it up.
    Pause,
    /// One crashes and comes back later.
    Crash,
    /// The time of day of one jumps.
    Jump,
}

pub(crate) const FAULTS: [Fault; 8] = [
    Fault::OneWay,
    Fault::Isolated,
    Fault::Bridge,
    Fault::Split,
    Fault::Reset,
    Fault::Pause,
    Fault::Crash,
    Fault::Jump,
];

impl World {
    pub(crate) fn start(sim: &SimHandle, number: usize, boot: impl Fn(&Node) + Send + Sync + 'static) -> Self {
        let (cuts, nodes) = (Arc::default(), Arc::default());
        let world = Self { sim: sim.clone(), cuts, nodes, boot: Arc::new(boot) };
        for i in 0..number {
            let node = world.start_node(i, number);
            world.nodes.lock().push(node);
        }
        world
    }

    /// A node joins the first one; the first one, when it comes back, whoever is next.
    fn start_node(&self, number: usize, nodes: usize) -> Node {
        let node = Node::start(self.sim.node_options(&name(number)));
        let other = if number == 0 { 1 % nodes } else { 0 };
        let options = ClusterOptions { cluster: 1, nodes: vec![name(other)], ..ClusterOptions::default() };
        self.sim.join(&node, options);
        (self.boot)(&node);
        node
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.lock().len()
    }

    pub(crate) fn nodes(&self) -> Vec<Node> {
        self.nodes.lock().clone()
    }

    /// Faults at times from the seed, then none any more, and nobody is down. Some runs have none at all.
    pub(crate) async fn chaos(&self, faults: u64) -> u64 {
        let mut rng = self.sim.random("faults");
        let faults = if below(&mut rng, 5) == 0 { 0 } else { 1 + below(&mut rng, faults) };
        for _ in 0..faults {
            self.sim.sleep(millis(&mut rng, 6_000)).await;
            self.fault(&mut rng).await;
            if below(&mut rng, 3) == 0 {
                self.mend();
            }
        }
        self.sim.sleep(millis(&mut rng, TIMEOUT_MS)).await;
        self.mend();
        faults
    }

    async fn fault(&self, rng: &mut impl Rng) {
        let all = self.len() as u64;
        let one = below(rng, all) as usize;
        let other = (one + 1 + below(rng, all - 1) as usize) % all as usize;
        let fault = FAULTS[below(rng, FAULTS.len() as u64) as usize];
        self.sim.sometimes(&format!("{fault:?}"));
        // Of which half a node is.
        let halves = rng.next_u64();
        let half = |node: usize| halves >> (node % 64) & 1;
        match fault {
            Fault::OneWay => self.cut(one, other),
            Fault::Isolated => self.cut_where(|a, b| a == one || b == one),
            Fault::Bridge => self.cut_where(|a, b| a != one && b != one && half(a) != half(b)),
            Fault::Split => self.cut_where(|a, b| half(a) != half(b)),
            Fault::Reset => self.reset(&name(one), &name(other)),
            Fault::Pause => {
                self.sim.pause(&name(one));
                self.sim.sleep(millis(rng, TIMEOUT_MS)).await;
                self.sim.resume(&name(one));
            }
            Fault::Crash => {
                self.sim.crash(&name(one));
                self.sim.sleep(millis(rng, TIMEOUT_MS)).await;
                let node = self.start_node(one, self.len());
                self.nodes.lock()[one] = node;
            }
            Fault::Jump => {
                let hours = below(rng, 48) as i64 - 24;
                self.sim.jump(&name(one), hours * 3_600_000_000_000);
            }
        }
    }

    fn cut_where(&self, cut: impl Fn(usize, usize) -> bool) {
        for one in 0..self.len() {
            for other in (0..self.len()).filter(|other| *other != one && cut(one, *other)) {
                self.cut(one, other);
            }
        }
    }

    fn cut(&self, from: usize, to: usize) {
        self.sim.network().cut(&name(from), &name(to));
        self.cuts.lock().push((name(from), name(to)));
    }

    /// Ends every cut.
    fn mend(&self) {
        for (from, to) in self.cuts.lock().drain(..) {
            self.sim.network().mend(&from, &to);
        }
    }

    /// Breaks the connections between the two.
    fn reset(&self, one: &str, other: &str) {
        for connection in self.sim.network().connections() {
            let ends = [connection.client.as_str(), connection.server.as_str()];
            if ends == [one, other] || ends == [other, one] {
                self.sim.network().reset(connection.id);
            }
        }
    }

    /// Whether that process lives.
    pub(crate) fn lives(&self, pid: Pid) -> bool {
        self.nodes.lock().iter().any(|node| node.id() == pid.node && node.process_info(pid).is_some())
    }

    /// What stands against everybody seeing everybody, each in its present life.
    pub(crate) fn discord(&self) -> Option<String> {
        let nodes = self.nodes();
        for node in &nodes {
            let known = node.known_nodes();
            for other in nodes.iter().filter(|other| other.id() != node.id()) {
                let seen = known.iter().find(|info| info.id == other.id());
                if !seen.is_some_and(|info| is_well(info, other)) {
                    return Some(format!("{} sees {} as {seen:?}", node.name(), other.name()));
                }
            }
            if known.len() + 1 != nodes.len() {
                return Some(format!("{} knows {known:?}", node.name()));
            }
        }
        None
    }
}

fn is_well(info: &NodeInfo, other: &Node) -> bool {
    info.status == NodeStatus::Up && info.member == Some(MemberStatus::Up) && info.incarnation == other.incarnation()
}

pub(crate) fn name(number: usize) -> String {
    format!("n{number}")
}

/// A duration below that many milliseconds.
pub(crate) fn millis(rng: &mut impl Rng, bound: u64) -> Duration {
    Duration::from_nanos(below(rng, bound * 1_000_000))
}
