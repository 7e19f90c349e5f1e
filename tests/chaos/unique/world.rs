//! Voters under supervision, on nodes of a cluster.

use futures_util::future::join_all;
use rusm_core::{Context, Node, NodeId, Pid, Started, Strategy, Supervisor, SupervisorSpec};
use rusm_sim::{FaultKind, SimHandle};
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::unique::{FencingToken, Lease, UniqueNameError, UniqueNames, Voter, VoterStatus};
use std::time::Duration;
use tokio::sync::oneshot;

pub(crate) const VOTERS: [&str; 3] = ["a", "b", "c"];
/// The voters', and one that only asks.
pub(crate) const NODES: [&str; 4] = ["a", "b", "c", "d"];

/// How many processes take names and give them back.
const CHURNERS: u64 = 24;

/// Longer than an answer takes, with two of three voters.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

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

/// Starts a node in its next life, with its voter.
pub(crate) async fn start(sim: &SimHandle, name: &str) -> Node {
    let node = Node::start(sim.node_options(name));
    let nodes = NODES.map(str::to_owned).to_vec();
    sim.join(&node, ClusterOptions { nodes, ..ClusterOptions::default() });
    let (started, is_started) = oneshot::channel();
    let voting = node.clone();
    sim.spawn(name, async move {
        start_voter(&voting).await;
        started.send(()).expect("it is waited for");
    });
    is_started.await.expect("nothing crashes meanwhile");
    node
}

/// Has a process of that node take a name and keep it, longer than the run, whatever happens to its node.
pub(crate) async fn hold(node: &Node, name: &'static str) -> Result<(Pid, FencingToken), UniqueNameError> {
    let (tell, told) = oneshot::channel();
    node.spawn(move |context: Context| async move {
        let registered = for_ever().register(&context, name, TIMEOUT).await;
        tell.send(registered.map(|lease| (context.pid(), lease.token()))).expect("it is waited for");
        context.receive().await;
    });
    told.await.expect("nothing crashes meanwhile")
}

pub(crate) fn for_ever() -> UniqueNames {
    names().ttl(Duration::from_secs(3_600))
}

/// Has names taken and given back until the log has so many entries more.
pub(crate) async fn churn(node: &Node, entries: u64) {
    let churners = (0..CHURNERS).map(|number| {
        let (tell, told) = oneshot::channel();
        node.spawn(move |context: Context| async move {
            let name = format!("name {number}");
            // One entry each to take it and to give it back.
            for _ in 0..entries / CHURNERS / 2 + 1 {
                let lease: Lease = for_ever().register(&context, &name, TIMEOUT).await.expect("it is free");
                lease.release(&context, TIMEOUT).await.expect("a majority");
            }
            tell.send(()).expect("it is waited for");
        });
        told
    });
    for churner in churners.collect::<Vec<_>>() {
        churner.await.expect("nothing crashes meanwhile");
    }
}

/// What a voter says of itself.
pub(crate) async fn status_of(node: &Node, voter: &str) -> Result<VoterStatus, UniqueNameError> {
    names().status_of(node, NodeId::of_name(voter), Duration::from_secs(2)).await
}

/// The same, when it is so.
pub(crate) async fn status_when(
    sim: &SimHandle,
    node: &Node,
    voter: &str,
    is_so: impl Fn(&VoterStatus) -> bool,
) -> VoterStatus {
    let until = sim.now() + Duration::from_secs(120);
    loop {
        let status = status_of(node, voter).await;
        match status {
            Ok(status) if is_so(&status) => return status,
            _ => assert!(sim.now() < until, "the voter of {voter} does not get there: {status:?}"),
        }
        sim.sleep(Duration::from_millis(200)).await;
    }
}

/// Which of the voters' nodes leads, as most of them say, and the term. One alone may not know that it leads no more, not even by the
/// term: who has the greater number can take the lead in the same one.
pub(crate) async fn leading(sim: &SimHandle, asker: &Node, voters: &[Node]) -> (usize, u64) {
    let until = sim.now() + Duration::from_secs(120);
    loop {
        let said = join_all(VOTERS.map(|voter| status_of(asker, voter))).await;
        for (index, node) in voters.iter().enumerate() {
            let of_it = said.iter().flatten().filter(|status| status.leader == Some(node.id()));
            let terms: Vec<u64> = of_it.map(|status| status.term).collect();
            if let (true, Some(term)) = (terms.len() > VOTERS.len() / 2, terms.into_iter().max()) {
                return (index, term);
            }
        }
        assert!(sim.now() < until, "nobody leads: {said:?}");
        sim.sleep(Duration::from_millis(200)).await;
    }
}

/// Nothing gets from that node to another, or back, until it is [`let_back`].
pub(crate) fn cut_off(sim: &SimHandle, node: &str) {
    for other in NODES.into_iter().filter(|other| *other != node) {
        sim.network().cut(node, other);
        sim.network().cut(other, node);
    }
}

pub(crate) fn let_back(sim: &SimHandle, node: &str) {
    for other in NODES.into_iter().filter(|other| *other != node) {
        sim.network().mend(node, other);
        sim.network().mend(other, node);
    }
}
