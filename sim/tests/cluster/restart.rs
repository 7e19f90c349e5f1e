//! A node that crashes and comes back is another life: who it was reaches nobody, and who was tied to it hears of that once.

use crate::world::{NAMES, SETTLE, below, idle, millis, number_term};
use parking_lot::Mutex;
use rusm_core::{Context, Destination, ExitReason, Message, Node, Pid};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use std::sync::Arc;
use std::time::Duration;

#[rusm_sim::test(
    seeds = 60,
    sometimes = [
        "down noconnection", "down noproc", "links: a dead node was answered for", "transport: a past life was refused"
    ]
)]
async fn no_pid_of_a_life_that_is_over_is_answered(sim: SimHandle) {
    let nodes = NAMES.map(|name| start_node(&sim, name));
    let current = Arc::new(Mutex::new(spawn_target(&nodes[2])));
    let watchers: Vec<(Node, Pid)> = nodes[..2]
        .iter()
        .map(|node| {
            let (sim, current) = (sim.clone(), current.clone());
            (node.clone(), node.spawn(move |context| watcher(context, sim, current)))
        })
        .collect();
    let mut rng = sim.random("crashes");
    let mut node = nodes[2].clone();
    for _ in 0..3 {
        sim.sleep(Duration::from_secs(3) + millis(&mut rng, 20_000)).await;
        let before = *current.lock();
        sim.crash("c");
        drop(node);
        sim.sleep(millis(&mut rng, 15_000)).await;
        if below(&mut rng, 2) == 0 {
            short_life(&sim, &watchers).await;
        }
        node = start_node(&sim, "c");
        // Fills the slot that the old one had.
        let target = spawn_target(&node);
        assert_eq!((target.index, target.serial), (before.index, before.serial), "only its life tells them apart");
        assert!(target.incarnation > before.incarnation);
        *current.lock() = target;
        // Those that have not noticed yet hear of the new life by its handshake.
        for (_, watcher) in &watchers {
            node.send(*watcher, number_term(0)).expect("a term");
        }
    }
    sim.sleep(SETTLE).await;
    for (node, watcher) in watchers {
        let info = node.process_info(watcher).expect("a watcher lives");
        let present = rusm_core::Monitored::Pid(*current.lock());
        assert!(info.monitors.iter().all(|object| *object == present), "a life is over and nobody was told: {info:?}");
    }
    // Nobody has told the present one anything that was for another.
    let pid = *current.lock();
    let answer = node.call(pid, rusm_core::Payload::local(()), Duration::from_secs(10)).await.expect("it lives");
    assert_eq!(answer.downcast::<u64>().ok(), Some(0));
}

/// Starts a node on the host of that name, in its present life.
fn start_node(sim: &SimHandle, name: &str) -> Node {
    let node = Node::start(sim.node_options(name));
    let nodes = NAMES.iter().map(|name| (*name).to_owned()).collect();
    sim.join(&node, ClusterOptions { nodes, ..ClusterOptions::default() });
    node
}

/// A life that ends while its first words are under way: they arrive in the next one's time.
async fn short_life(sim: &SimHandle, watchers: &[(Node, Pid)]) {
    let node = start_node(sim, "c");
    sim.network().delay(Duration::from_millis(4_500));
    for (_, watcher) in watchers {
        node.send(*watcher, number_term(0)).expect("a term");
    }
    sim.sleep(Duration::from_secs(2)).await;
    sim.network().delay(Duration::ZERO);
    sim.crash("c");
}

fn spawn_target(node: &Node) -> Pid {
    node.spawn(count_wrong)
}

/// Counts the messages that were for a process of another life.
async fn count_wrong(context: Context) {
    let (own, mut wrong) = (context.pid(), 0);
    loop {
        match context.receive().await {
            Message::Plain(payload) => {
                let meant = crate::world::number_of(payload.as_term().expect("a term"));
                wrong += u64::from(meant != u64::from(own.incarnation));
            }
            Message::Call { from, .. } => context.reply(from, rusm_core::Payload::local(wrong)),
            other => panic!("{other:?}"),
        }
    }
}

/// Says to each pid that it has ever known which life it means.
async fn watcher(context: Context, sim: SimHandle, current: Arc<Mutex<Pid>>) {
    let mut rng = sim.random(&format!("watcher {}", context.random()));
    let mut known: Vec<Pid> = Vec::new();
    for _ in 0..150 {
        let now = *current.lock();
        if !known.contains(&now) {
            known.push(now);
            // This one stays until the life that it watches is over.
            context.monitor(now);
        }
        let pid = known[below(&mut rng, known.len() as u64) as usize];
        context.send(Destination::Pid(pid), number_term(pid.incarnation.into())).expect("a term");
        if below(&mut rng, 3) == 0 {
            let monitor = context.monitor(pid);
            let is_it = |message: &Message| matches!(message, Message::Down { monitor: of, .. } if *of == monitor);
            match context.receive_timeout(Duration::from_secs(1), is_it).await {
                Some(Message::Down { reason, .. }) => {
                    sim.sometimes(&format!("down {}", reason.word()));
                    assert!([ExitReason::NOPROC, ExitReason::NOCONNECTION].contains(&reason), "nobody was killed");
                    let again = context.receive_timeout(Duration::from_millis(50), is_it).await;
                    assert!(again.is_none(), "twice");
                }
                _ => drop(context.demonitor_flush(monitor)),
            }
        }
        if pid.incarnation < current.lock().incarnation {
            assert!(!context.is_alive(pid).await, "a pid of a life that is over was answered for");
        }
        context.sleep(millis(&mut rng, 600)).await;
    }
    idle(context).await;
}
