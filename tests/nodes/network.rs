//! What lies between the nodes.

use crate::namespaces::Namespaces;
use crate::relay::{Relay, Weather};
use crate::support::Site;
use std::net::SocketAddr;

pub(crate) enum Network {
    /// All nodes on loopback, and packets through a relay.
    Relay(Relay),
    /// Each node in a network namespace of its own, and packets through the kernel: `cargo xtask soak --namespaces`.
    Namespaces(Namespaces),
}

impl Network {
    /// The one that is asked for: the relay, if nothing is.
    pub(crate) async fn new(seed: u64, names: &[&str]) -> Self {
        match std::env::var("RUSM_NAMESPACES") {
            Ok(machines) => Self::Namespaces(Namespaces::new(names, &machines)),
            Err(_) => Self::Relay(Relay::start(seed, names).await),
        }
    }

    /// For a test that needs what the relay alone can do.
    pub(crate) fn relay(&self) -> &Relay {
        let Self::Relay(relay) = self else { panic!("this test is for the relay: unset RUSM_NAMESPACES") };
        relay
    }

    /// Where that node is to run.
    pub(crate) fn site(&self, node: &str) -> Site {
        match self {
            Self::Relay(_) => Site::default(),
            Self::Namespaces(namespaces) => namespaces.site(node),
        }
    }

    /// Where the others dial that node, when it is not where it listens.
    pub(crate) fn advertised(&self, node: &str) -> Option<SocketAddr> {
        match self {
            Self::Relay(relay) => Some(relay.place(node)),
            Self::Namespaces(_) => None,
        }
    }

    /// Where a node can be dialled that runs.
    pub(crate) fn place(&self, node: &str) -> SocketAddr {
        match self {
            Self::Relay(relay) => relay.place(node),
            Self::Namespaces(namespaces) => namespaces.place(node),
        }
    }

    /// The node itself listens there.
    pub(crate) fn is_at(&mut self, node: &str, address: SocketAddr) {
        match self {
            Self::Relay(relay) => relay.is_at(node, address),
            Self::Namespaces(namespaces) => namespaces.is_at(node, address),
        }
    }

    /// From now on, both ways between a node and all others.
    pub(crate) fn set_around(&mut self, node: &str, weather: Weather) {
        match self {
            Self::Relay(relay) => relay.set_around(node, weather),
            Self::Namespaces(namespaces) => namespaces.set_around(node, weather),
        }
    }

    /// All links are as good as new.
    pub(crate) fn heal(&mut self) {
        match self {
            Self::Relay(relay) => relay.heal(),
            Self::Namespaces(namespaces) => namespaces.heal(),
        }
    }

    /// What has happened to packets.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Relay(relay) => format!("{:?}", relay.counts()),
            Self::Namespaces(namespaces) => namespaces.summary(),
        }
    }
}
