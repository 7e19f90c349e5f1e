//! Processes compete for one name and die holding it: it has one owner at most, and is free before its owner's DOWN.

use crate::support::{below, clear, micros, storm};
use rusm_core::{Context, Message, Node, Pid};
use rusm_sim::SimHandle;
use std::time::Duration;

const NAME: &str = "leader";
const CONTENDERS: u64 = 6;

#[rusm_sim::test(seeds = 300, sometimes = ["somebody took over", "the name was given back"])]
async fn a_name_has_one_owner(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let contenders: Vec<Pid> = (0..CONTENDERS)
        .map(|number| {
            let sim = sim.clone();
            node.spawn(move |context| contender(context, sim, number))
        })
        .collect();
    let whereis = node.clone();
    storm(&sim, &node, 5, |random| {
        let contender = contenders[(random % CONTENDERS) as usize];
        if random & 256 == 0 { whereis.whereis(NAME) } else { Some(contender) }
    })
    .await;
    sim.sleep(Duration::from_secs(2)).await;
    let mut owned = false;
    for _ in 0..100 {
        sim.sleep(Duration::from_micros(100)).await;
        if let Some(owner) = node.whereis(NAME) {
            assert!(node.process_info(owner).is_some(), "the name belongs to the dead {owner}");
            owned = true;
        }
    }
    let alive = contenders.iter().filter(|pid| node.process_info(**pid).is_some()).count();
    assert!(alive == 0 || owned, "{alive} contenders live and none takes the name");
    clear(&sim, &node).await;
    assert_eq!(node.whereis(NAME), None);
}

async fn contender(context: Context, sim: SimHandle, number: u64) {
    let mut rng = sim.random(&format!("contender {number}"));
    let mut waited = false;
    loop {
        if context.register(NAME, context.pid()).is_ok() {
            if waited {
                sim.sometimes("somebody took over");
            }
            for _ in 0..below(&mut rng, 20) {
                context.sleep(micros(&mut rng, 500)).await;
                assert_eq!(context.whereis(NAME), Some(context.pid()), "an owner lost its name");
            }
            context.unregister(NAME).expect("the owner has the name");
            sim.sometimes("the name was given back");
            context.sleep(micros(&mut rng, 1_000)).await;
            continue;
        }
        let Some(owner) = context.whereis(NAME) else { continue };
        assert_ne!(owner, context.pid(), "a refused register must not have worked");
        let monitor = context.monitor(owner);
        let timeout = micros(&mut rng, 5_000);
        let down =
            context.receive_timeout(timeout, |m| matches!(m, Message::Down { monitor: of, .. } if *of == monitor));
        if down.await.is_some() {
            assert_ne!(context.whereis(NAME), Some(owner), "the name was not free when the DOWN came");
        } else {
            context.demonitor_flush(monitor);
        }
        waited = true;
    }
}
