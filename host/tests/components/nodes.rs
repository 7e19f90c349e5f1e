//! What components hear of other nodes. There is but one node here, which is told of others as by a transport; the suites of several
//! nodes have more.

use crate::support::{Puppet, World, until};
use rusm_core::{MemberStatus, Message, Node, NodeId, NodeInfo, NodeReason, NodeStatus};

/// What is known of the node `b`.
fn b(status: NodeStatus, reason: NodeReason, member: Option<MemberStatus>) -> NodeInfo {
    NodeInfo { id: NodeId::of_name("b"), name: "b".to_owned(), incarnation: 7, status, reason, member }
}

fn up() -> NodeInfo {
    b(NodeStatus::Up, NodeReason::Heard, None)
}

/// Everything that can happen to a node, and what a component hears of it.
fn story() -> Vec<(NodeInfo, &'static str)> {
    use MemberStatus as Member;
    use NodeStatus::{Down, Suspect, Unreachable, Up};
    vec![
        (b(Unreachable, NodeReason::Told, Some(Member::Up)), "node b 7 - unreachable told up -"),
        (b(Up, NodeReason::Heard, Some(Member::Up)), "node b 7 unreachable up heard up nodeup"),
        (b(Suspect, NodeReason::Silent, Some(Member::Suspect)), "node b 7 up suspect silent suspect -"),
        (b(Up, NodeReason::Heard, Some(Member::Up)), "node b 7 suspect up heard up -"),
        (b(Unreachable, NodeReason::NetTickTimeout, None), "node b 7 up unreachable net_tick_timeout - nodedown"),
        (b(Down, NodeReason::GivenUp, Some(Member::Down)), "node b 7 unreachable down given_up down -"),
        (b(Suspect, NodeReason::Silent, None), "node b 7 down suspect silent - nodeup"),
        (b(Down, NodeReason::Shutdown, None), "node b 7 suspect down shutdown - nodedown"),
    ]
}

/// What a puppet has seen, once it has seen so much.
async fn seen(puppet: Puppet<'_>, entries: usize) -> Vec<String> {
    until(async || {
        let seen: Vec<String> = puppet.ask("seen").await.split("; ").map(str::to_owned).collect();
        (seen.len() >= entries).then_some(seen)
    })
    .await
}

fn monitor_in(answer: &str) -> &str {
    answer.split_once(" [").unwrap_or_else(|| panic!("{answer}")).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_hears_of_every_change_of_another_node_with_its_reason() {
    let world = World::puppet();
    let puppet = world.up("puppet", "").await;
    assert_eq!(puppet.ask("known-nodes").await, "[]");
    assert!(puppet.ask("monitor-nodes").await.ends_with(" []"));
    let mut expected = vec!["init ".to_owned()];
    for (info, heard) in story() {
        // Twice the same is no change.
        world.node.node_changed(info.clone());
        world.node.node_changed(info);
        expected.push(heard.to_owned());
    }
    assert_eq!(seen(puppet, expected.len()).await, expected);
    assert_eq!(puppet.ask("known-nodes").await, "[b down shutdown]");
    assert_eq!(puppet.ask("cluster").await, "a [] []");
    world.node.node_forgotten(NodeId::of_name("b"));
    assert_eq!(puppet.ask("known-nodes").await, "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_begins_with_what_is_known_and_nodes_are_listed_by_name() {
    let world = World::puppet();
    let named = |name: &str| NodeInfo { id: NodeId::of_name(name), name: name.to_owned(), ..up() };
    for name in ["d", "c", "e", "b"] {
        world.node.node_changed(named(name));
    }
    let puppet = world.up("puppet", "").await;
    let listed = "[b up heard, c up heard, d up heard, e up heard]";
    assert_eq!(puppet.ask("known-nodes").await, listed);
    assert!(puppet.ask("monitor-nodes").await.ends_with(&format!(" {listed}")));
    world.node.node_changed(b(NodeStatus::Unreachable, NodeReason::ConnectionClosed, None));
    let heard = seen(puppet, 2).await;
    assert_eq!(heard, ["init ", "node b 7 up unreachable connection_closed - nodedown"], "and nothing of the rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_monitor_has_its_own_events_until_it_is_ended() {
    let world = World::puppet();
    let puppet = world.up("puppet", "").await;
    let (first, second) = (puppet.ask("monitor-nodes").await, puppet.ask("monitor-nodes").await);
    world.node.node_changed(up());
    let nodeup = "node b 7 - up heard - nodeup";
    assert_eq!(seen(puppet, 3).await, ["init ", nodeup, nodeup]);
    assert_eq!(puppet.ask(&format!("demonitor-nodes {}", monitor_in(&first))).await, "ok");
    world.node.node_changed(b(NodeStatus::Suspect, NodeReason::Silent, None));
    let silent = "node b 7 up suspect silent - -";
    assert_eq!(seen(puppet, 4).await, ["init ", nodeup, nodeup, silent]);

    // Nor does an event come that lay in the mailbox by then.
    let changes = world.node.spawn({
        let node: Node = world.node.clone();
        |context| async move {
            let Message::Call { from, .. } = context.receive().await else { panic!("not a call") };
            node.node_changed(up());
            context.reply(from, crate::support::text("changed"));
        }
    });
    let rusm_core::Pid { node, incarnation, index, serial, random } = changes;
    let pid = serde_json::json!({ "node": node.as_u32(), "incarnation": incarnation, "index": index, "serial": serial, "random": random });
    let ended = format!("demonitor-nodes-behind {pid} {}", monitor_in(&second));
    assert_eq!(puppet.ask(&ended).await, "changed");
    assert_eq!(puppet.ask("known-nodes").await, "[b up heard]");
    assert_eq!(seen(puppet, 4).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_has_at_most_sixteen_monitors_of_nodes() {
    let world = World::puppet();
    let puppet = world.up("puppet", "").await;
    let mut first = String::new();
    for number in 1..=16 {
        let answer = puppet.ask("monitor-nodes").await;
        assert!(answer.ends_with(" []"), "{number}: {answer}");
        first = answer;
    }
    let refused = "badarg: a process has at most 16 monitors of nodes";
    assert_eq!(puppet.ask("monitor-nodes").await, refused);
    let ended = format!("demonitor-nodes {}", monitor_in(&first));
    // Ending it twice makes room for one.
    for _ in 0..2 {
        assert_eq!(puppet.ask(&ended).await, "ok");
    }
    assert!(puppet.ask("monitor-nodes").await.ends_with(" []"));
    assert_eq!(puppet.ask("monitor-nodes").await, refused);
}
