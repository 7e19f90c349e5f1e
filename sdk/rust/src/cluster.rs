//! The cluster that this node is in: its nodes, and names that are known on all of them.
//!
//! A node that is in no cluster is one of its own, so the same component runs by `rusm serve` and by `rusm node`.
//!
//! ```no_run
//! use rusm_sdk::{ClusterName, Term, cluster, process};
//! use std::time::Duration;
//!
//! cluster::register("ledger")?;
//! // On any node:
//! let answer = process::call(ClusterName::new("ledger"), Term::text("balance"), Duration::from_secs(5));
//! # Ok::<(), rusm_sdk::Refusal>(())
//! ```

use std::fmt;

use crate::bindings::actor::rusm::actor::cluster as host;
use crate::{Destination, MemberStatus, Monitored, NodeEvent, NodeInfo, NodeStatus, Pid, Reference, Refusal};

pub use host::WatchedNodes;

/// A name that is known in the whole cluster, to send to, to call or to monitor. Grant: `reach-cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusterName(String);

impl ClusterName {
    /// That name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<ClusterName> for Destination {
    fn from(name: ClusterName) -> Self {
        Self::ClusterName(name.0)
    }
}

impl From<ClusterName> for Monitored {
    fn from(name: ClusterName) -> Self {
        Self::ClusterName(name.0)
    }
}

/// Gives the calling process a name that is known in the whole cluster; it may have several. Grant: `register-cluster`.
///
/// Two processes on nodes that do not reach each other, or that ask at the same moment, may both get it. When their nodes meet,
/// the one that registered first keeps it; the other gets the exit signal `global_name_conflict`, whose detail is the name: it
/// ends, or it traps exits and goes on without the name.
///
/// # Errors
/// The grant is missing, or another process has the name, as far as this node knows.
pub fn register(name: &str) -> Result<(), Refusal> {
    host::register(name)
}

/// Takes a cluster name of this process away. Grant: `register-cluster`.
///
/// # Errors
/// The grant is missing, or this process does not have that name.
pub fn unregister(name: &str) -> Result<(), Refusal> {
    host::unregister(name)
}

/// The process that has this name in the cluster, as this node knows it. Grant: `reach-cluster`.
///
/// # Errors
/// The grant is missing.
pub fn whereis(name: &str) -> Result<Option<Pid>, Refusal> {
    host::whereis(name)
}

/// The names that are registered in the cluster and that this component may reach, sorted.
pub fn names() -> Vec<String> {
    host::names()
}

/// The name of this process's node.
pub fn node() -> String {
    host::node()
}

/// The names of the other nodes that there is a connection with, sorted.
pub fn nodes() -> Vec<String> {
    host::nodes()
}

/// All other nodes that this one has heard of, by name.
pub fn known_nodes() -> Vec<NodeInfo> {
    host::known_nodes()
}

/// Watches the other nodes: an [`Event::Node`](crate::Event::Node) for whatever changes of one of them from now on, also for
/// suspicions; what is returned was known just before. Each monitor has events of its own; a process has at most 16 at a time.
///
/// ```no_run
/// use rusm_sdk::{Actor, Event, Term, cluster, warn};
///
/// struct Watcher;
///
/// impl Actor for Watcher {
///     fn init(_args: Term) -> Result<Self, String> {
///         cluster::monitor_nodes().map_err(|refusal| refusal.text().to_owned())?;
///         Ok(Watcher)
///     }
///
///     fn info(&mut self, event: Event) {
///         let Event::Node(event) = event else { return };
///         if event.is_nodedown() {
///             warn!("the node {} is lost: {}", event.node.name, event.node.reason);
///         }
///     }
/// }
/// ```
///
/// # Errors
/// This process has too many such monitors.
pub fn monitor_nodes() -> Result<WatchedNodes, Refusal> {
    host::monitor_nodes()
}

/// Ends a monitor of nodes; none of its events comes any more.
pub fn demonitor_nodes(monitor: Reference) {
    host::demonitor_nodes(monitor);
}

impl NodeStatus {
    /// Whether there is a connection with the node: [`nodes`] lists those.
    pub fn is_connected(self) -> bool {
        matches!(self, Self::Up | Self::Suspect)
    }
}

/// In one word.
impl fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Unreachable => "unreachable",
            Self::Down => "down",
        })
    }
}

/// In one word.
impl fmt::Display for MemberStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Down => "down",
        })
    }
}

impl NodeEvent {
    /// A connection has begun: OTP's `nodeup`.
    pub fn is_nodeup(&self) -> bool {
        self.node.status.is_connected() && !self.was_connected()
    }

    /// A connection has ended: OTP's `nodedown`.
    pub fn is_nodedown(&self) -> bool {
        !self.node.status.is_connected() && self.was_connected()
    }

    fn was_connected(&self) -> bool {
        self.before.is_some_and(NodeStatus::is_connected)
    }
}
