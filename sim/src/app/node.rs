//! A node that runs the app: started, crashed, started again.

use super::guest_faults::ArmedFaults;
use crate::tenant::Tenant;
use crate::{FaultKind, SimHandle};
use parking_lot::Mutex;
use rusm_core::{
    BoxFuture, ExitReason, NoUniqueNames, Node, NodeOptions, Pid, Started, Strategy, Supervisor, SupervisorRef,
    SupervisorSpec,
};
use rusm_host::app::{App, AppProcess, RunningApp, next_incarnation};
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::unique::{UniqueNames, Voter};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Where the app listens on its host.
pub(super) const PORT: u16 = 80;

/// So many nodes of a cluster decide on unique names.
const VOTERS: usize = 3;

/// The supervisor of a node's voter.
const VOTING: &str = "rusm:voting";

/// A node of the app in one run. There is one or, after a crash, none.
pub(super) struct AppNode {
    sim: SimHandle,
    app: App,
    host: String,
    /// The names of all nodes of the cluster, this one among them.
    nodes: Arc<[String]>,
    guests: Arc<ArmedFaults>,
    running: Mutex<Option<Running>>,
}

#[derive(Clone)]
struct Running {
    app: Arc<RunningApp>,
    /// What nobody supervises and belongs to the app all the same.
    own: Arc<BTreeSet<Pid>>,
}

impl AppNode {
    pub(super) fn new(sim: SimHandle, app: App, guests: Arc<ArmedFaults>, nodes: Arc<[String]>, host: String) -> Self {
        Self { sim, app, host, nodes, guests, running: Mutex::new(None) }
    }

    /// The name of its host, which is its own.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Starts a node and the app on it, in the present life of its host.
    ///
    /// # Errors
    /// Why it does not run.
    async fn start(&self) -> Result<(), String> {
        let life = self.sim.incarnation(self.host());
        let seams = self.sim.seams(self.host());
        let anywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
        let listener = App::listen(self.app.manifest(), &seams, Some(anywhere)).await.map_err(|e| e.to_string())?;
        let incarnation = next_incarnation(&*seams.storage).map_err(|error| error.to_string())?;
        let tracer = Some(self.sim.tracer(self.host()));
        let node = Node::start(NodeOptions { incarnation, tracer, ..NodeOptions::new(self.host(), seams) });
        if self.nodes.len() > 1 {
            self.sim.join(&node, ClusterOptions { nodes: self.nodes.to_vec(), ..ClusterOptions::default() });
            self.vote(&node).await?;
        }
        let app = Arc::new(self.app.start(&node, listener).await.map_err(|error| error.to_string())?);
        let own = app.processes().await.iter().filter(|process| process.supervised.is_none()).map(pid).collect();
        // Of a host that has crashed meanwhile there is nothing to keep: its next boot starts the app again.
        if self.sim.incarnation(self.host()) == life {
            *self.running.lock() = Some(Running { app, own: Arc::new(own) });
        }
        Ok(())
    }

    /// The first nodes decide on unique names: three of them, when there are so many.
    async fn vote(&self, node: &Node) -> Result<(), String> {
        let Some(voters) = self.nodes.get(..VOTERS) else {
            let why = format!("only a cluster of at least {VOTERS} nodes has voters, who decide on unique names");
            node.set_unique_names(Arc::new(NoUniqueNames(why)));
            return Ok(());
        };
        let voters: Vec<&str> = voters.iter().map(String::as_str).collect();
        node.set_unique_names(Arc::new(UniqueNames::of_voters(&voters)));
        if !voters.contains(&node.name()) {
            return Ok(());
        }
        let spec = SupervisorSpec::new(Strategy::OneForOne).name(VOTING).intensity(1_000, Duration::from_secs(1));
        match Supervisor::start(node, spec.child(Voter::child_spec(&voters))).await {
            Started::Up(_) => Ok(()),
            Started::Ignored => unreachable!("a supervisor does not ignore its start"),
            Started::Failed(reason) => Err(format!("the node cannot vote on unique names: {reason}")),
        }
    }

    /// A component of the app, by name.
    fn component(&self, which: u64) -> Option<&str> {
        let components: Vec<&String> = self.app.manifest().components.keys().collect();
        which.checked_rem(components.len() as u64).map(|index| components[index as usize].as_str())
    }

    fn running(&self) -> Option<Running> {
        self.running.lock().clone()
    }

    /// Processes that serve a connection: neither supervised nor the app's own.
    pub(super) async fn serving(&self) -> Vec<String> {
        let Some(Running { app, own }) = self.running() else { return Vec::new() };
        let processes = app.processes().await;
        // What agrees on unique names comes and goes, and stands by its voter.
        let voter = app.node().whereis(Voter::NAME);
        let agrees = |process: &AppProcess| voter.is_some() && process.info.parent == voter;
        let serving = |process: &&AppProcess| {
            process.supervised.is_none() && !own.contains(&process.info.pid) && !agrees(process)
        };
        processes.iter().filter(serving).map(|process| format!("{} {}", process.info.label, process.info.pid)).collect()
    }

    /// Waits until the app's root supervisor gives up, and says why. A crash of its host is none of that.
    pub(super) async fn gives_up(&self) -> ExitReason {
        loop {
            let life = self.sim.incarnation(self.host());
            if let Some(Running { app, .. }) = self.running() {
                let reason = app.wait().await;
                if self.sim.incarnation(self.host()) == life && self.running.lock().is_some() {
                    return reason;
                }
            }
            self.sim.sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops the app; says which processes are left then.
    pub(super) async fn stop(&self) -> Vec<String> {
        let Some(running) = self.running.lock().take() else { return Vec::new() };
        running.app.stop().await;
        let node = running.app.node();
        // Where nobody votes there is none.
        let _ = SupervisorRef::from(VOTING).stop(node, ExitReason::SHUTDOWN).await;
        // What is linked to those that have stopped ends a moment later.
        self.sim.sleep(Duration::from_secs(1)).await;
        let left = node.processes().into_iter().filter_map(|pid| node.process_info(pid));
        left.map(|info| format!("{} {}", info.label, info.pid)).collect()
    }
}

impl Tenant for AppNode {
    fn boot(self: Arc<Self>) -> BoxFuture<Result<(), String>> {
        Box::pin(async move { self.start().await })
    }

    fn crashed(&self) {
        drop(self.running.lock().take());
        self.guests.forget(&self.host);
    }

    fn node(&self) -> Option<Node> {
        self.running().map(|running| running.app.node().clone())
    }

    /// The instances of the app's components, by pid.
    fn processes(&self) -> Vec<Pid> {
        let Some(node) = self.node() else { return Vec::new() };
        let components = &self.app.manifest().components;
        let is_instance = |pid: &Pid| node.process_info(*pid).is_some_and(|info| components.contains_key(&info.label));
        let mut pids = node.processes();
        pids.retain(is_instance);
        pids.sort_unstable();
        pids
    }

    /// Where the app does not run there is nobody to hit: an app whose children do not start does not start itself.
    fn arm(&self, which: u64, fault: FaultKind, lasts: Duration) {
        if let Some(component) = self.component(which).filter(|_| self.running().is_some()) {
            self.guests.arm(&self.host, component, fault, lasts);
        }
    }

    fn slow_guest(&self, which: u64, percent: u64) {
        if let Some(component) = self.component(which) {
            self.guests.slow(&self.host, component, percent);
        }
    }

    fn disarm(&self) {
        self.guests.disarm();
    }
}

fn pid(process: &AppProcess) -> Pid {
    process.info.pid
}
