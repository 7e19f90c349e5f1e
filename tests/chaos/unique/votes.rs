//! A voter knows how it has voted after a power cut: one that had forgotten would vote again in the same term, and two could lead.

use super::world::{TIMEOUT, VOTERS, cut_off, leading, let_back, names, start, status_of, status_when};
use crate::support::below;
use rusm_core::Node;
use rusm_sim::{CrashLoss, SimHandle};
use std::time::Duration;

const ELECTIONS: u64 = 3;
const LOSSES: [CrashLoss; 3] = [CrashLoss::All, CrashLoss::Tail, CrashLoss::Sectors];

/// Less than a packet takes: nothing else comes between a vote and the power cut.
const LOOK_EVERY: Duration = Duration::from_micros(200);

#[rusm_sim::test(seeds = 4)]
async fn a_voter_knows_its_vote_after_a_power_cut(sim: SimHandle) {
    let mut rng = sim.random("votes");
    let mut nodes = Vec::new();
    for name in VOTERS {
        nodes.push(start(&sim, name).await);
    }
    for _ in 0..ELECTIONS {
        let (leader, term) = leading(&sim, &nodes[0], &nodes).await;
        cut_off(&sim, VOTERS[leader]);
        let voting = (leader + 1 + below(&mut rng, 2) as usize) % VOTERS.len();
        let name = VOTERS[voting];
        let voted = term_after(&sim, &nodes[voting], name, term).await;
        sim.crash_with(name, LOSSES[below(&mut rng, 3) as usize]);
        nodes[voting] = start(&sim, name).await;
        let again = status_when(&sim, &nodes[voting], name, |_| true).await;
        assert!(again.term >= voted, "{name} had voted in term {voted}, and knows of {}", again.term);
        let_back(&sim, VOTERS[leader]);
        let up = status_when(&sim, &nodes[voting], name, |status| status.leader.is_some()).await;
        assert!(up.term >= voted);
    }
    assert!(names().held(&nodes[0], TIMEOUT).await.is_ok(), "they agree");
}

/// The first term behind that one of which the voter says that it has voted in it, or asks for votes.
async fn term_after(sim: &SimHandle, node: &Node, name: &str, term: u64) -> u64 {
    loop {
        match status_of(node, name).await {
            Ok(status) if status.term > term => return status.term,
            _ => sim.sleep(LOOK_EVERY).await,
        }
    }
}
