//! A leader that starts again answers out of the present: it may have lost which of its last entries count.

use super::world::{NODES, TIMEOUT, VOTERS, churn, hold, leading, names, start};
use futures_util::future::{join, join_all};
use rusm_core::Node;
use rusm_sim::{CrashLoss, SimHandle};
use std::time::Duration;

/// More than the others tell a leader at once which of them they have.
const ENTRIES: u64 = 200;

/// How often each of the others asks while it starts.
const ASKED: u32 = 40;
const ASK_EVERY: Duration = Duration::from_micros(500);

#[rusm_sim::test(seeds = 10)]
async fn a_leader_that_starts_again_knows_who_holds_a_name(sim: SimHandle) {
    let mut nodes = Vec::new();
    for name in NODES {
        nodes.push(start(&sim, name).await);
    }
    let asker = nodes.pop().expect("the last one only asks");
    for name in ["ledger", "mailer", "printer", "clock"] {
        churn(&asker, ENTRIES).await;
        let owner = hold(&asker, name).await.expect("it is free");
        let (leader, _) = leading(&sim, &asker, &nodes).await;
        sim.crash_with(VOTERS[leader], CrashLoss::All);
        let ask = async |after: u32, node: &Node| {
            sim.sleep(ASK_EVERY * after).await;
            names().whereis(node, name, TIMEOUT).await
        };
        let others = nodes.iter().enumerate().filter(|(voter, _)| *voter != leader).map(|(_, node)| node);
        let asking: Vec<_> =
            others.chain([&asker]).flat_map(|node| (0..ASKED).map(move |after| (after, node))).collect();
        let answers = join_all(asking.into_iter().map(|(after, node)| ask(after, node)));
        let (again, answers) = join(start(&sim, VOTERS[leader]), answers).await;
        nodes[leader] = again;
        assert_eq!(
            answers.iter().find(|answer| **answer != Ok(Some(owner))),
            None,
            "of what was answered about {owner:?}"
        );
    }
}
