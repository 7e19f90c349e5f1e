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

use crate::bindings::actor::rusm::actor::cluster as host;
use crate::{Destination, Monitored, Pid, Refusal};

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
