//! More than a snapshot's worth of entries: a voter that lags gets the snapshot, and one that starts again goes on from its own.

use super::world::{NODES, TIMEOUT, churn, hold, names, start, status_when};
use rusm_sim::SimHandle;
use rusm_transport::unique::UniqueNameError;

/// A voter makes a snapshot after so many entries.
const ENTRIES_PER_SNAPSHOT: u64 = 1_000;

#[rusm_sim::test(seeds = 3)]
async fn a_voter_that_lags_gets_the_snapshot_and_starts_from_it_again(sim: SimHandle) {
    let mut nodes = Vec::new();
    for name in NODES {
        nodes.push(start(&sim, name).await);
    }
    let asker = nodes.pop().expect("the last one only asks");
    let (holder, token) = hold(&nodes[0], "ledger").await.expect("it is free");
    let before = status_when(&sim, &asker, "c", |status| status.applied > 0).await.applied;

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
