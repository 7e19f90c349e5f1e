//! Links between nodes are symmetric in the end, however they were made, taken away and cut.

use crate::world::{NAMES, World, below, faults, millis};
use parking_lot::Mutex;
use rusm_core::{Context, ExitReason, Message, Pid};
use rusm_sim::{SimHandle, Test};
use std::sync::Arc;

const EACH: usize = 3;

#[rusm_sim::test(
    seeds = 60,
    sometimes = ["an exit of a lost node", "links are left", "network: hosts cut", "network: connection cut"]
)]
fn links_across_nodes_are_symmetric_in_the_end(test: &mut Test) {
    faults(test);
    test.mixed_versions().cluster(&NAMES, |_| async {});
    test.script("outside", scenario);
}

async fn scenario(sim: SimHandle) {
    let world = World::of(&sim);
    let told = Told::default();
    let members: Vec<Pid> = (0..3 * EACH)
        .map(|number| {
            let (sim, told) = (sim.clone(), told.clone());
            world.nodes[number % 3].spawn(move |context| member(context, sim, told))
        })
        .collect();
    *told.lock() = members.clone();
    world.rest().await;
    let links = |pid: Pid| world.node_of(pid).process_info(pid).expect("members trap exits").links;
    for one in &members {
        for other in members.iter().filter(|other| *other != one) {
            assert_eq!(links(*one).contains(other), links(*other).contains(one), "{one:?} and {other:?}");
        }
        sim.sometimes(if links(*one).is_empty() { "no links are left" } else { "links are left" });
    }
    // The death of one ends all its links, and nobody else's.
    world.node_of(members[0]).exit_signal(members[0], ExitReason::KILL);
    sim.sleep(crate::world::SETTLE).await;
    for one in &members[1..] {
        assert!(!links(*one).contains(&members[0]), "{one:?} is linked to the dead");
    }
}

/// Who there is, once all are.
type Told = Arc<Mutex<Vec<Pid>>>;

async fn member(context: Context, sim: SimHandle, told: Told) {
    context.trap_exit(true);
    let members = told.lock().clone();
    let mut rng = sim.random(&format!("member {}", context.random()));
    for _ in 0..80 {
        let other = members[below(&mut rng, members.len() as u64) as usize];
        if below(&mut rng, 2) == 0 {
            context.link(other)
        } else {
            context.unlink(other)
        }
        if below(&mut rng, 3) > 0 {
            context.sleep(millis(&mut rng, 900)).await;
        }
        while let Some(message) = context.try_receive(|_| true) {
            let Message::Exit { reason, .. } = message else { panic!("{message:?}") };
            assert_eq!(reason, ExitReason::NOCONNECTION, "nobody dies here");
            sim.sometimes("an exit of a lost node");
        }
    }
    crate::world::idle(context).await;
}
