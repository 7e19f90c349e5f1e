//! Three nodes, and what goes wrong between them.

use rand_core::Rng;
use rusm_core::{Context, Encoding, Node, NodeId, Pid, Term};
use rusm_sim::{Links, SimHandle};
use rusm_transport::cluster::ClusterOptions;
use std::time::Duration;

pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

/// Longer than any connection lives without a sign of life, and than a new one takes.
pub(crate) const SETTLE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) sim: SimHandle,
    pub(crate) links: Links,
    pub(crate) nodes: [Node; 3],
}

impl World {
    pub(crate) fn start(sim: &SimHandle) -> Self {
        let links = Links::new(sim);
        let nodes = NAMES.map(|name| start_node(sim, &links, name));
        Self { sim: sim.clone(), links, nodes }
    }

    pub(crate) fn node_of(&self, pid: Pid) -> &Node {
        self.nodes.iter().find(|node| node.id() == pid.node).expect("a node of this world")
    }

    /// Faults of the links, at times from the seed, then none any more and time for everything to come to rest.
    pub(crate) async fn chaos(&self, faults: u64) {
        let mut rng = self.sim.random("faults");
        // Some runs have none, so that what must hold without them is looked at too.
        let faults = if below(&mut rng, 5) == 0 { 0 } else { faults };
        for _ in 0..faults {
            self.sim.sleep(millis(&mut rng, 4_000)).await;
            let (one, other) = self.pair(&mut rng);
            match below(&mut rng, 4) {
                0 => self.links.reset(one, other),
                1 => self.links.cut(one, other),
                2 => {
                    self.links.cut(one, other);
                    self.links.cut(other, one);
                }
                _ => self.links.mend(one, other),
            }
        }
        self.sim.sleep(Duration::from_secs(5)).await;
        self.links.heal();
        self.sim.sleep(SETTLE).await;
    }

    fn pair(&self, rng: &mut impl Rng) -> (&'static str, &'static str) {
        let one = below(rng, 3) as usize;
        let other = (one + 1 + below(rng, 2) as usize) % 3;
        (NAMES[one], NAMES[other])
    }
}

pub(crate) fn start_node(sim: &SimHandle, links: &Links, name: &str) -> Node {
    let node = Node::start(sim.node_options(name));
    let nodes = NAMES.iter().map(|name| (*name).to_owned()).collect();
    links.join(&node, ClusterOptions { cluster: 1, nodes, ..ClusterOptions::default() });
    node
}

pub(crate) fn node_id(name: &str) -> NodeId {
    NodeId::of_name(name)
}

/// A number below `bound`.
pub(crate) fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    rng.next_u64() % bound
}

/// A duration below that many milliseconds.
pub(crate) fn millis(rng: &mut impl Rng, bound: u64) -> Duration {
    Duration::from_nanos(below(rng, bound * 1_000_000))
}

pub(crate) fn number_term(number: u64) -> Term {
    Term::new(Encoding::Raw, number.to_le_bytes().to_vec())
}

pub(crate) fn number_of(term: &Term) -> u64 {
    u64::from_le_bytes(term.bytes[..8].try_into().expect("eight bytes"))
}

/// A process that does nothing but handle its signals.
pub(crate) async fn idle(context: Context) {
    loop {
        context.receive().await;
    }
}
