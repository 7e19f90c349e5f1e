use crate::SimHandle;
use crate::tenant::Tenant;
use parking_lot::Mutex;
use rusm_core::{BoxFuture, Node, Pid};
use std::sync::Arc;

/// What runs on a node when it has started.
pub(super) type Start = Arc<dyn Fn(Node) -> BoxFuture<()> + Send + Sync>;

/// A node of a scenario in Rust: started at the beginning and after each crash.
pub(super) struct NativeNode {
    sim: SimHandle,
    host: String,
    start: Start,
    node: Mutex<Option<Node>>,
}

impl NativeNode {
    pub(super) fn new(sim: SimHandle, host: String, start: Start) -> Self {
        Self { sim, host, start, node: Mutex::new(None) }
    }
}

impl Tenant for NativeNode {
    /// Returns when what starts it has, or its host has crashed meanwhile.
    fn boot(self: Arc<Self>) -> BoxFuture<Result<(), String>> {
        Box::pin(async move {
            let node = Node::start(self.sim.node_options(&self.host));
            let started = (self.start)(node.clone());
            *self.node.lock() = Some(node);
            let (done, is_done) = tokio::sync::oneshot::channel();
            self.sim.spawn(&self.host, async move {
                started.await;
                // Nobody waits any more when the run has ended.
                let _ = done.send(());
            });
            match is_done.await {
                Ok(()) => Ok(()),
                Err(_) => Err("it panicked, or its host crashed".to_owned()),
            }
        })
    }

    fn crashed(&self) {
        drop(self.node.lock().take());
    }

    fn node(&self) -> Option<Node> {
        self.node.lock().clone()
    }

    /// Those whose parent lives, if there are such: nobody would start the others again.
    fn processes(&self) -> Vec<Pid> {
        let Some(node) = self.node() else { return Vec::new() };
        let mut pids = node.processes();
        pids.sort_unstable();
        let parent = |pid: &Pid| node.process_info(*pid).and_then(|info| info.parent);
        let has_parent = |pid: &Pid| parent(pid).is_some_and(|parent| node.process_info(parent).is_some());
        if pids.iter().any(has_parent) {
            pids.retain(has_parent);
        }
        pids
    }
}
