use crate::watched::Watched;
use parking_lot::Mutex;
use rusm_core::{ExitReason, Node, Pid, ProcessBody, process_body};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How far a server is on its way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It takes requests.
    #[default]
    Serving,
    /// It takes no new connections and finishes what is under way.
    Draining,
    /// Whatever is left is cut.
    Cutting,
}

/// Completes when the server has come to that phase, or a later one.
pub(super) async fn reached(phase: &Watched<Phase>, wanted: Phase) {
    phase.wait_for(|phase| *phase >= wanted).await;
}

/// The open connections of a server, and the processes that serve them.
#[derive(Default)]
pub(super) struct Active {
    state: Mutex<State>,
    changed: tokio::sync::Notify,
}

#[derive(Default)]
struct State {
    connections: u32,
    processes: BTreeSet<Pid>,
}

impl Active {
    /// One more connection; `None` when there are `limit` already.
    pub(super) fn connect(self: &Arc<Self>, limit: u32) -> Option<Arc<ConnectionGuard>> {
        let mut state = self.state.lock();
        if state.connections >= limit {
            return None;
        }
        state.connections += 1;
        Some(Arc::new(ConnectionGuard(self.clone())))
    }

    /// A body that counts as one of these processes for as long as it lives.
    pub(super) fn track(self: &Arc<Self>, body: ProcessBody) -> ProcessBody {
        let active = self.clone();
        process_body(move |context| {
            let pid = context.pid();
            active.state.lock().processes.insert(pid);
            let guard = ProcessGuard { active, pid };
            let running = body.run(context);
            async move {
                let _guard = guard;
                running.await
            }
        })
    }

    /// Open connections.
    pub(super) fn connections(&self) -> u32 {
        self.state.lock().connections
    }

    /// Kills every process that is left. Returns how many there were, and how many connections.
    pub(super) fn kill(&self, node: &Node) -> (usize, u32) {
        let (processes, connections) = {
            let state = self.state.lock();
            (state.processes.iter().copied().collect::<Vec<_>>(), state.connections)
        };
        for pid in &processes {
            node.exit_signal(*pid, ExitReason::KILL);
        }
        (processes.len(), connections)
    }

    /// Completes when there are no connections and no processes.
    pub(super) async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            {
                let state = self.state.lock();
                if state.connections == 0 && state.processes.is_empty() {
                    return;
                }
            }
            changed.await;
        }
    }
}

/// One connection, counted until this is dropped.
pub(super) struct ConnectionGuard(Arc<Active>);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.state.lock().connections -= 1;
        self.0.changed.notify_waiters();
    }
}

struct ProcessGuard {
    active: Arc<Active>,
    pid: Pid,
}

impl Drop for ProcessGuard {
    fn drop(&mut self) {
        self.active.state.lock().processes.remove(&self.pid);
        self.active.changed.notify_waiters();
    }
}
