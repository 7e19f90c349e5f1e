//! Groups of processes, as components have them. The cluster is one node here; the suites of several nodes have more.

use crate::support::{Puppet, World, names, until};
use rusm_core::{GroupsRef, ProcessGroups, Started};
use rusm_host::manifest::Grants;

/// Puppets that may join and see the groups `g...`.
async fn world() -> World {
    let groups = names(&["g*"]);
    let grants = Grants { join_groups: groups.clone(), reach_groups: groups, ..Grants::default() };
    let world = World::new().actor("puppet", grants);
    let scope = ProcessGroups::start(&world.node, ProcessGroups::DEFAULT_SCOPE).await;
    assert!(matches!(scope, Started::Up(_)));
    world
}

/// What a puppet was told of groups, once it is that.
async fn told(puppet: Puppet<'_>, what: &str) {
    until(async || puppet.ask("seen").await.ends_with(what).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn components_and_native_processes_are_in_one_group() {
    let world = world().await;
    let (member, watcher) = (world.up("puppet", "").await, world.up("puppet", "").await);
    let watched = watcher.ask("monitor-group g").await;
    assert!(watched.ends_with(" []"), "{watched}");
    assert_eq!(member.ask("join g").await, "ok");
    assert_eq!(member.ask("join g").await, "ok");
    let pid = member.pid_text().await;
    told(watcher, &format!("; group g joins [{pid}]; group g joins [{pid}]")).await;
    let native = world.node.spawn(|context| async move { drop(context.receive().await) });
    GroupsRef::default().join(&world.node, "g", &[native]).await.expect("the scope runs");
    let members = GroupsRef::default().members(&world.node, "g").await.expect("the scope runs");
    let mut expected = [native, member.pid, member.pid];
    expected.sort_unstable();
    assert_eq!(members, expected);
    for question in ["members g", "local-members g"] {
        let seen = watcher.ask(question).await;
        assert_eq!(seen.matches(&pid).count(), 2, "{seen}");
        assert_eq!(seen.matches("\"node\"").count(), 3, "{seen}");
    }
    assert_eq!(member.ask("leave g").await, "ok");
    told(watcher, &format!("group g leaves [{pid}]")).await;
    assert_eq!(member.ends("exit normal").await.word(), "normal");
    until(async || {
        watcher.ask("seen").await.ends_with(&format!("leaves [{pid}]; group g leaves [{pid}]")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_groups_that_are_granted_are_listed() {
    let world = world().await;
    let puppet = world.up("puppet", "").await;
    assert_eq!(puppet.ask("groups").await, "");
    GroupsRef::default().join(&world.node, "other", &[puppet.pid]).await.expect("the scope runs");
    assert_eq!(puppet.ask("join g2").await, "ok");
    assert_eq!(puppet.ask("join g1").await, "ok");
    assert_eq!(puppet.ask("groups").await, "g1 g2");
    assert_eq!(puppet.ask("leave g2").await, "ok");
    assert_eq!(puppet.ask("groups").await, "g1");
    assert_eq!(puppet.ask("leave g2").await, "badarg: not_joined: none of them is a member");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_was_ended_says_nothing_any_more() {
    let world = world().await;
    let (member, watcher) = (world.up("puppet", "").await, world.up("puppet", "").await);
    let first = watcher.ask("monitor-group g").await;
    watcher.ask("monitor-group g2").await;
    let reference = first.strip_suffix(" []").expect("there were no members");
    assert_eq!(watcher.ask(&format!("demonitor-group {reference}")).await, "ok");
    member.ask("join g").await;
    member.ask("join g2").await;
    let pid = member.pid_text().await;
    told(watcher, &format!("group g2 joins [{pid}]")).await;
    assert!(!watcher.ask("seen").await.contains("group g joins"));
    // Nor does what lay in the mailbox by then.
    assert_eq!(watcher.ask("join-unseen g3").await, "ok");
    assert!(!watcher.ask("seen").await.contains("g3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_memberships_are_bounded() {
    let world = world().await;
    let puppet = world.up("puppet", "").await;
    let fits = "g".repeat(255);
    assert_eq!(puppet.ask(&format!("join {fits}")).await, "ok");
    assert_eq!(puppet.ask(&format!("members {fits}")).await, format!("[{}]", puppet.pid_text().await));
    assert!(puppet.ask(&format!("join g{fits}")).await.starts_with("badarg"), "a byte more");
    assert!(puppet.ask(&format!("monitor-group g{fits}")).await.starts_with("badarg"), "a byte more");
    for _ in 1..1024 {
        assert_eq!(puppet.ask("join g").await, "ok");
    }
    assert_eq!(puppet.ask("join g").await, "badarg: a process has at most 1024 memberships in groups");
    assert_eq!(puppet.ask("leave g").await, "ok");
    assert_eq!(puppet.ask("join g").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_scope_every_call_says_so() {
    let groups = names(&["g*"]);
    let grants = Grants { join_groups: groups.clone(), reach_groups: groups, ..Grants::default() };
    let world = World::new().actor("puppet", grants);
    let puppet = world.up("puppet", "").await;
    for call in ["join g", "leave g", "members g", "groups", "monitor-group g"] {
        let heard = puppet.ask(call).await;
        assert!(heard.starts_with("badarg: "), "{call}: {heard}");
    }
}
