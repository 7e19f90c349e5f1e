//! Without faults nothing ends, however long nobody says anything.

use crate::explore::explore;
use crate::world::{World, idle, number_term};
use rusm_core::Context;
use rusm_sim::SimHandle;
use std::time::Duration;

#[test]
fn an_association_that_nobody_uses_stays() {
    explore("an_association_that_nobody_uses_stays", 40, &[], scenario);
}

async fn scenario(sim: SimHandle) {
    let world = World::start(&sim);
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
    assert_eq!(world.links.connected().len(), 3, "one for each pair: {:?}", world.links.connected());
}
