use rusm_core::{Context, Node, NodeOptions, TraceEvent, Tracer};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The nodes that a program runs on, as the first of them knows them.
#[derive(Clone, Default)]
pub(super) struct Nodes(Arc<Mutex<Vec<Node>>>);

impl Nodes {
    /// All of them, that of the context first.
    pub(super) fn of(context: &Context) -> Vec<Node> {
        let others = context.node().extension(|_| Self::default());
        let others = others.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        std::iter::once(context.node().clone()).chain(others).collect()
    }

    /// Starts so many nodes, connected by simulated links; returns the first. What crosses between them is counted.
    pub(super) fn start(sim: &SimHandle, count: usize) -> (Node, Self) {
        let names: Vec<String> = (1..=count).map(|number| format!("otp{number}")).collect();
        let mut nodes: Vec<Node> = Vec::new();
        for name in &names {
            let options = NodeOptions { tracer: Some(Arc::new(Crossings)), ..NodeOptions::new(name, sim.seams(name)) };
            let node = Node::start(options);
            sim.join(&node, ClusterOptions { cluster: 1, nodes: names.clone(), ..ClusterOptions::default() });
            nodes.push(node);
        }
        let first = nodes.remove(0);
        let others = first.extension(|_| Self(Arc::new(Mutex::new(nodes))));
        (first, others)
    }

    /// Lets go of them: each knows the others.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

static CROSSED: AtomicU64 = AtomicU64::new(0);

/// How many signals have left their node, in all runs.
pub(super) fn crossed() -> u64 {
    CROSSED.load(Ordering::Relaxed)
}

/// Counts the signals that leave their node.
struct Crossings;

impl Tracer for Crossings {
    fn event(&self, _: &Node, event: &TraceEvent<'_>) {
        if let TraceEvent::Sent { from, to, .. } = event
            && from.node != to.node
        {
            CROSSED.fetch_add(1, Ordering::Relaxed);
        }
    }
}
