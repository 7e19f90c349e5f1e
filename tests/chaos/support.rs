//! What the scenarios share.

use rand_core::Rng;
use rusm_core::{Context, ExitReason, Node, Pid};
use rusm_sim::SimHandle;
use std::time::Duration;

/// A number below `bound`.
pub(crate) fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    rng.next_u64() % bound
}

/// A duration below that many microseconds.
pub(crate) fn micros(rng: &mut impl Rng, bound: u64) -> Duration {
    Duration::from_nanos(below(rng, bound * 1000))
}

/// Sends exit signals to processes that `choose` names, at times from the seed.
pub(crate) async fn storm(sim: &SimHandle, node: &Node, signals: u64, mut choose: impl FnMut(u64) -> Option<Pid>) {
    let mut rng = sim.random("storm");
    for _ in 0..signals {
        sim.sleep(micros(&mut rng, 3_000)).await;
        let reason = match below(&mut rng, 4) {
            0 => ExitReason::KILL,
            1 => ExitReason::SHUTDOWN,
            2 => ExitReason::NORMAL,
            _ => ExitReason::new("boom"),
        };
        if let Some(pid) = choose(rng.next_u64()) {
            node.exit_signal(pid, reason);
        }
    }
}

/// A process that does nothing but handle its signals.
pub(crate) async fn idle(context: Context) {
    loop {
        context.receive().await;
    }
}

/// Kills everything and waits until nothing is left.
pub(crate) async fn clear(sim: &SimHandle, node: &Node) {
    for pid in node.processes() {
        node.exit_signal(pid, ExitReason::KILL);
    }
    sim.sleep(Duration::from_secs(10)).await;
    assert_eq!(node.process_count(), 0, "processes are left: {:?}", node.processes());
}
