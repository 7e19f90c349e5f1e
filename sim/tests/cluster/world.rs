//! Three nodes of a cluster, and what goes wrong between them.

use rand_core::Rng;
use rusm_core::{Context, Encoding, Node, NodeId, Pid, Term};
use rusm_sim::{FaultKind, SimHandle, Test};
use std::time::Duration;

pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

/// Longer than any connection lives without a sign of life, and than a new one takes.
pub(crate) const SETTLE: Duration = Duration::from_secs(60);

/// Whatever can go wrong between the nodes does, for a while; nothing at all in some runs.
pub(crate) fn faults(test: &mut Test) {
    test.faults(FaultKind::between_hosts()).fault_count(0..16);
    test.heal_at(Duration::from_secs(10)..Duration::from_secs(50)).bound(Duration::from_secs(900));
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) sim: SimHandle,
    pub(crate) nodes: [Node; 3],
}

impl World {
    /// The nodes, which are up.
    pub(crate) fn of(sim: &SimHandle) -> Self {
        Self { sim: sim.clone(), nodes: NAMES.map(|name| sim.node(name).expect("it is up")) }
    }

    /// Returns when each has an association with each.
    pub(crate) async fn met(self) -> Self {
        self.sim.until_joined(&self.nodes).await;
        self
    }

    pub(crate) fn node_of(&self, pid: Pid) -> &Node {
        self.nodes.iter().find(|node| node.id() == pid.node).expect("a node of this world")
    }

    /// Returns when nothing goes wrong any more and everything has come to rest.
    pub(crate) async fn rest(&self) {
        while !self.sim.healed() {
            self.sim.sleep(Duration::from_millis(100)).await;
        }
        self.sim.sleep(SETTLE).await;
    }
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
