//! More than a snapshot's worth of entries: a voter that lags gets the snapshot, and one that starts again goes on from its own.

use super::world::{NODES, names, start_voter};
use rusm_core::{Context, Node, NodeId, Pid};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::unique::{FencingToken, Lease, UniqueNameError, UniqueNames, VoterStatus};
use std::time::Duration;
use tokio::sync::oneshot;

/// A voter makes a snapshot after so many entries.
const ENTRIES_PER_SNAPSHOT: u64 = 1_000;
const CHURNERS: u64 = 24;
const TIMEOUT: Duration = Duration::from_secs(30);

#[rusm_sim::test(seeds = 3)]
async fn a_voter_that_lags_gets_the_snapshot_and_starts_from_it_again(sim: SimHandle) {
    let mut nodes = Vec::new();
    for name in NODES {
        nodes.push(start(&sim, name).await);
    }
    let asker = nodes.pop().expect("the last one only asks");
    let (holder, token) = hold(&nodes[0], "ledger").await.expect("it is free");
    let before = status_of(&asker, "c").await.expect("it runs").applied;
    assert!(before > 0, "it follows");

    sim.crash("c");
    churn(&asker, ENTRIES_PER_SNAPSHOT + 50).await;
    let ahead = status_when(&sim, &asker, "a", |status| status.purged > before).await;
    // Entries are counted from zero.
    assert!(ahead.snapshot + 1 >= ENTRIES_PER_SNAPSHOT, "{ahead:?}");

    start(&sim, "c").await;
    let lagging = status_when(&sim, &asker, "c", |status| status.applied >= ahead.applied).await;
    assert!(lagging.snapshot >= ahead.purged, "the others' logs did not have any more what it lacked: {lagging:?}");
    sim.crash("b");
    let owner = Some((holder, token));
    assert_eq!(names().whereis(&asker, "ledger", TIMEOUT).await, Ok(owner), "by one that has it from a snapshot");

    sim.crash("c");
    start(&sim, "c").await;
    let again = status_when(&sim, &asker, "c", |status| status.applied >= lagging.applied).await;
    assert!(again.snapshot >= lagging.snapshot, "it began where its snapshot ends: {again:?}");
    start(&sim, "b").await;
    status_when(&sim, &asker, "b", |status| status.applied >= again.applied).await;
    sim.crash("a");
    assert_eq!(names().whereis(&asker, "ledger", TIMEOUT).await, Ok(owner));
    assert_eq!(hold(&asker, "ledger").await, Err(UniqueNameError::Taken(holder, token)));
    let (_, later) = hold(&asker, "mailer").await.expect("it is free");
    assert!(
        later > token && later.as_u64() > ENTRIES_PER_SNAPSHOT,
        "tokens grow, whatever the logs have forgotten: {later}"
    );
    let held = names().held(&asker, TIMEOUT).await.expect("a majority");
    assert_eq!(
        held.iter().map(|held| (held.name.as_str(), held.token)).collect::<Vec<_>>(),
        [("ledger", token), ("mailer", later)]
    );
}

/// Starts a node in its next life, with its voter.
async fn start(sim: &SimHandle, name: &str) -> Node {
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
async fn hold(node: &Node, name: &'static str) -> Result<(Pid, FencingToken), UniqueNameError> {
    let (tell, told) = oneshot::channel();
    node.spawn(move |context: Context| async move {
        let registered = for_ever().register(&context, name, TIMEOUT).await;
        tell.send(registered.map(|lease| (context.pid(), lease.token()))).expect("it is waited for");
        context.receive().await;
    });
    told.await.expect("nothing crashes meanwhile")
}

fn for_ever() -> UniqueNames {
    names().ttl(Duration::from_secs(3_600))
}

/// Has names taken and given back until the log has so many entries more.
async fn churn(node: &Node, entries: u64) {
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

async fn status_of(node: &Node, voter: &str) -> Result<VoterStatus, UniqueNameError> {
    names().status_of(node, NodeId::of_name(voter), Duration::from_secs(2)).await
}

/// What a voter says of itself when it is so.
async fn status_when(sim: &SimHandle, node: &Node, voter: &str, is_so: impl Fn(&VoterStatus) -> bool) -> VoterStatus {
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
