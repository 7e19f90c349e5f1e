//! Processes of all nodes compete for a few cluster names, while nodes and networks fail: when it is over, all nodes say the same,
//! each name's owner lives, and whoever believes to have a name has it.

use super::world::{CONVERGED, World, millis};
use crate::support::below;
use parking_lot::Mutex;
use rusm_core::{ClusterNames, Context, ExitReason, Message, Node, Pid, Started};
use rusm_sim::SimHandle;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const NAMES: [&str; 3] = ["ledger", "mailer", "clock"];
const CONTENDERS: u64 = 3;

#[derive(Clone)]
struct Contest {
    sim: SimHandle,
    /// Who believes to have which name.
    believers: Arc<Mutex<BTreeMap<&'static str, BTreeSet<Pid>>>>,
    over: Arc<AtomicBool>,
}

#[rusm_sim::test(
    seeds = 60,
    sometimes = ["a name was taken", "a name was lost to another", "a name was given back", "the process of the names ended"]
)]
async fn cluster_names_come_together_and_have_one_owner_each(sim: SimHandle) {
    let number = 3 + below(&mut sim.random("number"), 3) as usize;
    let contest = Contest { sim: sim.clone(), believers: Arc::default(), over: Arc::default() };
    let world = World::start(&sim, number, {
        let contest = contest.clone();
        move |node: &Node| {
            let keeper = contest.clone();
            node.spawn(move |context| keep_names(context, keeper));
            for number in 0..CONTENDERS {
                let contest = contest.clone();
                node.spawn(move |context| contender(context, contest, number));
            }
        }
    });
    world.chaos(5).await;
    contest.over.store(true, Ordering::Relaxed);
    sim.sleep(CONVERGED).await;
    assert_eq!(world.discord(), None);
    let all: Vec<BTreeMap<String, Pid>> = world.nodes().iter().map(names).collect();
    assert!(all.iter().all(|names| *names == all[0]), "nodes say different things: {all:#?}");
    for (name, owner) in &all[0] {
        assert!(world.lives(*owner), "{name} is {owner:?}'s, who is dead");
    }
    for (name, believers) in &*contest.believers.lock() {
        let wrong = believers.iter().find(|pid| world.lives(**pid) && all[0].get(*name) != Some(pid));
        assert_eq!(wrong, None, "was not told that {name} is not its own: it is {:?}'s", all[0].get(*name));
    }
}

fn names(node: &Node) -> BTreeMap<String, Pid> {
    let names = ClusterNames::registered_names(node).into_iter();
    names.filter_map(|name| ClusterNames::whereis(node, &name).map(|pid| (name, pid))).collect()
}

/// Supervises the process of the names, which is ended now and then. That is a fault too: none after the last one, or a node is asked
/// before it has heard again what the others hold.
async fn keep_names(context: Context, contest: Contest) {
    let Contest { sim, over, .. } = contest;
    context.trap_exit(true);
    let mut rng = sim.random(&format!("keeper {}", context.random()));
    loop {
        let Started::Up(names) = ClusterNames::start_link(&context).await else { panic!("it starts") };
        let timeout = Duration::from_secs(5) + millis(&mut rng, 300_000);
        if context.receive_timeout(timeout, |_| true).await.is_none() {
            if !over.load(Ordering::Relaxed) {
                sim.sometimes("the process of the names ended");
                context.exit_signal(names, ExitReason::KILL);
            }
            context.receive().await;
        }
    }
}

async fn contender(context: Context, contest: Contest, number: u64) {
    let Contest { sim, believers, over } = contest;
    context.trap_exit(true);
    let mut rng = sim.random(&format!("contender {number} {}", context.random()));
    let own = context.pid();
    loop {
        if let Some(Message::Exit { reason, .. }) = context.receive_timeout(millis(&mut rng, 3_000), |_| true).await {
            assert_eq!(reason.word(), "global_name_conflict");
            let lost = NAMES.into_iter().find(|name| reason.detail() == Some(name)).expect("it says which");
            believers.lock().entry(lost).or_default().remove(&own);
            sim.sometimes("a name was lost to another");
            continue;
        }
        if over.load(Ordering::Relaxed) {
            continue;
        }
        let name = NAMES[below(&mut rng, NAMES.len() as u64) as usize];
        let owner = ClusterNames::whereis(context.node(), name);
        match below(&mut rng, 8) {
            0 if owner == Some(own) => {
                if ClusterNames::unregister(&context, name).await.is_ok() {
                    sim.sometimes("a name was given back");
                }
                believers.lock().entry(name).or_default().remove(&own);
            }
            1 if owner == Some(own) => return,
            _ if ClusterNames::register(&context, name, own).await.is_ok() => {
                sim.sometimes("a name was taken");
                believers.lock().entry(name).or_default().insert(own);
            }
            _ => {}
        }
    }
}
