//! Voters under supervision, on nodes of a cluster.

use rusm_core::{Node, Started, Strategy, Supervisor, SupervisorSpec};
use rusm_sim::FaultKind;
use rusm_transport::unique::{UniqueNames, Voter};
use std::time::Duration;

pub(crate) const VOTERS: [&str; 3] = ["a", "b", "c"];
/// The voters', and one that only asks.
pub(crate) const NODES: [&str; 4] = ["a", "b", "c", "d"];

/// Everything that may go wrong with nodes, networks, clocks and disks; processes are left alone.
pub(crate) fn of_machines() -> impl Iterator<Item = FaultKind> {
    let survivable = FaultKind::survivable().filter(|kind| !matches!(kind, FaultKind::Kill | FaultKind::Exit));
    survivable.chain([FaultKind::PowerCut])
}

pub(crate) fn names() -> UniqueNames {
    UniqueNames::of_voters(&VOTERS)
}

/// Starts the node's voter, if it has one.
pub(crate) async fn start_voter(node: &Node) {
    if !VOTERS.contains(&node.name()) {
        return;
    }
    loop {
        let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(20, Duration::from_secs(5));
        if let Started::Up(_) = Supervisor::start(node, spec.child(Voter::child_spec(&VOTERS))).await {
            return;
        }
        let clock = &node.seams().clock;
        clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
    }
}
