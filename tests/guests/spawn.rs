//! Components start processes on other nodes, of which one has their code and one takes it, while nodes and networks fail: each start has
//! one answer, nobody that was to be linked lives on without its parent, and afterwards everything starts everywhere.

use crate::world::{
    NAMES, ask, below, faults, host_of_puppets, host_that_accepts, lives, millis, pid_in, puppet, puppet_code, rest,
};
use parking_lot::Mutex;
use rusm_core::{Context, Node, NodeId, Pid, ProcessInfo};
use rusm_host::Host;
use rusm_host::manifest::Grants;
use rusm_sim::{SimHandle, Test};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const STEPS: usize = 12;

#[derive(Clone)]
struct Starts {
    sim: SimHandle,
    /// Of `a` and `b`, which have the component.
    host: Host,
    /// Of `c`, which has none.
    other: Host,
    /// Parents, and whom they have started.
    started: Arc<Mutex<Vec<(Pid, Pid)>>>,
}

fn grants() -> Grants {
    let spawn = ["puppet".to_owned(), "puppet@*".to_owned()].into();
    Grants { spawn, ..Grants::default() }
}

#[rusm_sim::test(
    seeds = 40,
    sometimes = [
        "ok on a", "ok on b", "ok on c", "ok by key", "failed: noconnection", "a linked child is left",
        "a child went with its parent's connection", "network: hosts cut", "node: crash"
    ]
)]
fn components_start_components_on_other_nodes(test: &mut Test) {
    faults(test);
    let starts = Starts {
        sim: test.sim(),
        host: host_of_puppets(grants()),
        other: host_that_accepts(puppet_code().len() as u64, Grants::default()),
        started: Arc::default(),
    };
    test.cluster(&NAMES, {
        let starts = starts.clone();
        move |node| open(node, starts.clone())
    });
    test.script("outside", move |_| judge(starts));
}

async fn open(node: Node, starts: Starts) {
    if node.name() == "c" {
        starts.other.register(&node);
        return;
    }
    starts.host.register(&node);
    starts.host.hand_out_code(&node).await;
    if node.name() == "a" {
        node.spawn(move |context| drive(context, starts));
    }
}

/// Has a puppet of its node start others, as the seed says.
async fn drive(context: Context, starts: Starts) {
    let Starts { sim, host, started, .. } = starts;
    let node = context.node().clone();
    let mut rng = sim.random(&format!("driver {} {}", node.name(), node.incarnation()));
    let mut parent = puppet(&node, &host).await;
    ask(&node, parent, "trap-exit on").await.expect("it lives");
    for _ in 0..STEPS {
        context.sleep(millis(&mut rng, 4_000)).await;
        let where_to = NAMES[below(&mut rng, 3) as usize];
        let by_key = below(&mut rng, 4) == 0;
        let place = if by_key { format!("spawn-by-key {where_to}") } else { format!("spawn-on {where_to}") };
        let answer = ask(&node, parent, &format!("{place} both puppet trap-exit")).await.expect("it traps exits");
        match pid_in(&answer) {
            Some(child) => {
                sim.sometimes(&if by_key { "ok by key".to_owned() } else { format!("ok on {where_to}") });
                assert!(by_key || child.node == NodeId::of_name(where_to), "{child:?} was to be on {where_to}");
                started.lock().push((parent, child));
            }
            None => {
                assert_eq!(answer, "failed: noconnection", "nothing else stands in the way");
                sim.sometimes(&answer);
            }
        }
        if below(&mut rng, 6) == 0 {
            parent = puppet(&node, &host).await;
            ask(&node, parent, "trap-exit on").await.expect("it lives");
        }
    }
    // Its children are not linked to it.
    context.receive_match(|_| false).await;
}

async fn judge(starts: Starts) {
    let sim = &starts.sim;
    rest(sim).await;
    sim.sleep(Duration::from_secs(4 * STEPS as u64 + 700)).await;
    let nodes = NAMES.map(|name| sim.node(name).expect("it is up"));
    let info = |pid: Pid| -> Option<ProcessInfo> {
        nodes.iter().find(|node| node.id() == pid.node).and_then(|node| node.process_info(pid))
    };
    for (parent, child) in &*starts.started.lock() {
        let linked = info(*child).map(|child| child.links.contains(parent));
        match linked {
            Some(linked) => {
                assert!(!linked || info(*parent).is_some_and(|parent| parent.links.contains(child)), "an orphan");
                sim.sometimes("a linked child is left");
            }
            None if lives(sim, *parent) => sim.sometimes("a child went with its parent's connection"),
            None => {}
        }
    }
    // Whatever was started of which nobody has heard was to be linked as well.
    for node in &nodes {
        let processes = node.processes().into_iter().filter_map(|pid| node.process_info(pid));
        for child in processes.filter(|info| info.label == "puppet") {
            if let Some(parent) = child.parent.filter(|parent| parent.node != node.id()) {
                assert!(lives(sim, parent), "{child:?} is an orphan");
            }
        }
    }
    let last = puppet(&nodes[0], &starts.host).await;
    let mut chosen = BTreeMap::new();
    for name in NAMES {
        let answer = ask(&nodes[0], last, &format!("spawn-on {name} none puppet")).await.expect("it lives");
        assert_eq!(pid_in(&answer).map(|pid| pid.node), Some(NodeId::of_name(name)), "{answer}");
        for key in 0..4 {
            let answer = ask(&nodes[0], last, &format!("spawn-by-key {key} none puppet")).await.expect("it lives");
            let place = pid_in(&answer).unwrap_or_else(|| panic!("{answer}")).node;
            assert_eq!(*chosen.entry(key).or_insert(place), place, "a key has one node");
            assert_eq!(Some(place), NodeId::of_key(&key.to_string(), &NAMES.map(NodeId::of_name)));
        }
    }
}
