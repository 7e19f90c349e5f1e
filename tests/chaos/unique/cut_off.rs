//! A leader that is cut off from the other voters does not know that they have another, and says nothing of names.

use super::world::{TIMEOUT, VOTERS, cut_off, hold, leading, let_back, names, start};
use rusm_sim::SimHandle;
use rusm_transport::unique::UniqueNameError;
use std::time::Duration;

/// It is asked for so long: each voter in turn, and more than once.
const ASKED_FOR: Duration = Duration::from_secs(15);

#[rusm_sim::test(seeds = 6)]
async fn a_leader_that_is_cut_off_answers_nothing(sim: SimHandle) {
    let mut nodes = Vec::new();
    for name in VOTERS {
        nodes.push(start(&sim, name).await);
    }
    let (leader, _) = leading(&sim, &nodes[0], &nodes).await;
    let (former, other) = (&nodes[leader], &nodes[(leader + 1) % VOTERS.len()]);
    cut_off(&sim, VOTERS[leader]);
    let (holder, token) = hold(other, "ledger").await.expect("two of three are a majority");
    let said = names().whereis(former, "ledger", ASKED_FOR).await;
    assert_eq!(said, Err(UniqueNameError::NoMajority));
    let_back(&sim, VOTERS[leader]);
    assert_eq!(names().whereis(former, "ledger", TIMEOUT).await, Ok(Some((holder, token))));
}
