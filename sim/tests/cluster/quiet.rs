//! Without faults nothing ends, however long nobody says anything.

use crate::world::{NAMES, World, idle, number_term};
use rusm_core::Context;
use rusm_sim::{SimHandle, Test};
use std::time::Duration;

#[rusm_sim::test(seeds = 40)]
fn an_association_that_nobody_uses_stays(test: &mut Test) {
    test.cluster(&NAMES, |_| async {});
    test.script("outside", scenario);
    test.bound(Duration::from_secs(400));
}

async fn scenario(sim: SimHandle) {
    let world = World::of(&sim).met().await;
    // Both sides at once.
    let pids = [0, 1].map(|node: usize| {
        let other = world.nodes[1 - node].spawn(idle);
        world.nodes[node].spawn(move |context: Context| async move {
            context.monitor(other);
            context.send(other, number_term(1)).expect("a term");
            let message = context.receive().await;
            panic!("{message:?}");
            #[expect(unreachable_code, reason = "says what the body returns")]
            ()
        })
    });
    sim.sleep(Duration::from_secs(300)).await;
    for (pid, node) in pids.into_iter().zip(&world.nodes) {
        assert!(node.process_info(pid).is_some(), "it heard of an end");
    }
    let connections = sim.network().connections();
    assert_eq!(connections.len(), 3, "one for each pair: {connections:?}");
}
