//! Nodes that have joined one address learn of all others; names and groups are known everywhere, and go with their node.

use crate::life::Other;
use crate::support::{Member, authority, within};
use rusm_core::{
    ClusterNames, Context, GroupsRef, MemberStatus, Message, Node, NodeEvent, NodeId, NodeStatus, Pid, ProcessGroups,
    Started,
};
use std::time::Duration;
use tokio::sync::mpsc;

/// Gives the node's echo a name and a place in a group of the cluster.
pub(crate) async fn serve(member: &Member) {
    let node = &member.node;
    assert!(matches!(ClusterNames::start(node).await, Started::Up(_)));
    assert!(matches!(ProcessGroups::start(node, "rooms").await, Started::Up(_)));
    let echo = node.whereis("echo").expect("it is registered");
    ClusterNames::register(node, &name_of(node.name()), echo).await.expect("the name is free");
    GroupsRef::from("rooms").join(node, "echoes", &[echo]).await.expect("it runs");
}

fn name_of(node: &str) -> String {
    format!("echo of {node}")
}

async fn members(node: &Node) -> Vec<NodeId> {
    let members = GroupsRef::from("rooms").members(node, "echoes").await.expect("it runs");
    members.into_iter().map(|pid| pid.node).collect()
}

fn owner(node: &Node, of: &str) -> Option<Pid> {
    ClusterNames::whereis(node, &name_of(of))
}

async fn until(what: impl AsyncFn() -> bool) {
    within(async {
        while !what().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// What a node hears of the others from now on.
fn listen(node: &Node) -> mpsc::UnboundedReceiver<NodeEvent> {
    let (heard, events) = mpsc::unbounded_channel();
    node.spawn(move |context: Context| async move {
        context.monitor_nodes();
        while let Message::Plain(payload) = context.receive().await {
            let _ = heard.send(payload.downcast::<NodeEvent>().expect("an event"));
        }
    });
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn three_that_join_one_learn_of_each_other_and_what_is_of_one_goes_with_it() {
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    serve(&a).await;
    serve(&b).await;
    let c = Other::start(&authority, "c", a.address());
    for member in [&a, &b] {
        let node = &member.node;
        until(async || node.nodes().len() == 2).await;
        until(async || owner(node, "c").is_some() && members(node).await.len() == 3).await;
    }
    // Neither has joined the other.
    assert_eq!(b.ask_until_answered("c", "hello").await, "hello");

    let mut events = listen(&b.node);
    c.signal("KILL");
    let mut seen = Vec::new();
    while seen.last() != Some(&NodeStatus::Down) {
        let event = within(events.recv()).await.expect("the listener lives");
        if event.node.name == "c" && seen.last() != Some(&event.node.status) {
            seen.push(event.node.status);
        }
    }
    assert!(seen.contains(&NodeStatus::Suspect), "it was suspected first: {seen:?}");
    for member in [&a, &b] {
        let node = &member.node;
        until(async || owner(node, "c").is_none() && members(node).await.len() == 2).await;
        let of_members = async || {
            let known = node.known_nodes();
            known.iter().any(|known| known.name == "c" && known.member == Some(MemberStatus::Down))
        };
        until(of_members).await;
        assert!(owner(node, "a").is_some() && owner(node, "b").is_some(), "the others keep theirs");
    }
    drop(c);

    let _again = Other::start(&authority, "c", a.address());
    for member in [&a, &b] {
        let node = &member.node;
        until(async || owner(node, "c").is_some() && members(node).await.len() == 3).await;
    }
}
