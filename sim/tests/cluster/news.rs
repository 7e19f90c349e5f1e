//! What a node knows of the others, and who hears of it.

use parking_lot::Mutex;
use rusm_core::{Context, Message, Node, NodeEvent, NodeStatus};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::proto::{Config, MembershipConfig};
use std::sync::Arc;
use std::time::Duration;

/// A silent node is given up by then.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);

/// The shortest that a cluster takes.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// So long that a node is suspected, and not given up.
const STANDS_STILL: Duration = Duration::from_secs(5);

fn start_node(sim: &SimHandle, name: &str) -> Node {
    let node = Node::start(sim.node_options(name));
    let membership = MembershipConfig { forget_after: FORGET_AFTER, ..MembershipConfig::default() };
    let config = Config { membership, ..Config::default() };
    // Of the second the first one knows only because it dials.
    let nodes = if name == "b" { vec!["a".to_owned()] } else { vec![] };
    sim.join(&node, ClusterOptions { nodes, config, ..ClusterOptions::default() });
    node
}

type Heard = Arc<Mutex<Vec<NodeEvent>>>;

/// Keeps what it hears, until it has heard that often.
async fn watcher(context: Context, heard: Heard, until: usize) {
    let (monitor, known) = context.monitor_nodes();
    assert!(known.is_empty());
    loop {
        let Message::Plain(payload) = context.receive().await else { panic!("nobody sends anything else") };
        let event: NodeEvent = payload.downcast().expect("nobody sends anything else");
        assert_eq!(event.monitor, monitor);
        heard.lock().push(event);
        if heard.lock().len() == until {
            assert!(context.demonitor_nodes(monitor));
            assert!(!context.demonitor_nodes(monitor), "it is over");
        }
    }
}

fn names(nodes: &[rusm_core::NodeInfo]) -> Vec<&str> {
    nodes.iter().map(|node| node.name.as_str()).collect()
}

#[rusm_sim::test(seeds = 20)]
async fn who_watches_the_nodes_hears_of_each_change_until_it_is_over(sim: SimHandle) {
    let a = start_node(&sim, "a");
    let (all, first) = (Heard::default(), Heard::default());
    for (heard, until) in [(all.clone(), usize::MAX), (first.clone(), 1)] {
        a.spawn(move |context| watcher(context, heard, until));
    }
    let b = start_node(&sim, "b");
    sim.until_joined(&[a.clone(), b]).await;
    assert_eq!(names(&a.nodes()), ["b"]);
    sim.pause("b");
    sim.sleep(STANDS_STILL).await;
    sim.resume("b");
    sim.sleep(STANDS_STILL).await;
    sim.crash("b");
    sim.sleep(GIVEN_UP_AFTER).await;
    assert_eq!((names(&a.nodes()), names(&a.known_nodes())), (vec![], vec!["b"]));
    sim.sleep(FORGET_AFTER * 3).await;
    assert_eq!(names(&a.known_nodes()), Vec::<&str>::new(), "nobody speaks of it any more");
    let b = start_node(&sim, "b");
    sim.until_joined(&[a.clone(), b]).await;
    assert_eq!(names(&a.nodes()), ["b"], "whoever was forgotten is met again");
    let all = all.lock();
    let word = |event: &NodeEvent| (event.is_nodeup(), event.is_nodedown());
    let words: Vec<(bool, bool)> = all.iter().map(word).filter(|word| *word != (false, false)).collect();
    assert_eq!(words, [(true, false), (false, true), (true, false)], "{all:?}");
    let suspected = all.iter().find(|event| event.node.status == NodeStatus::Suspect);
    assert_eq!(suspected.map(word), Some((false, false)), "it is still connected: {all:?}");
    let first = first.lock();
    assert_eq!(first.len(), 1, "it has ended its monitor: {first:?}");
    assert_eq!((&first[0].node, first[0].before), (&all[0].node, None));
}
