//! Names of the whole cluster, as components have them. The cluster is one node here; the simulator's suites and the tests of
//! real nodes have more.

use crate::support::{World, names, until};
use rusm_core::{ClusterNames, ExitReason, Started};
use rusm_host::manifest::Grants;

/// Puppets that may have and reach the name `friend`.
async fn world() -> World {
    let friend = names(&["friend"]);
    let grants = Grants { reach_cluster: friend.clone(), register_cluster: friend, ..Grants::default() };
    let world = World::new().actor("puppet", grants);
    assert!(matches!(ClusterNames::start(&world.node).await, Started::Up(_)));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_the_cluster_is_sent_to_called_and_monitored() {
    let world = world().await;
    let (named, other) = (world.up("puppet", "").await, world.up("puppet", "").await);
    assert_eq!(other.ask("whereis-cluster friend").await, "nobody");
    assert_eq!(named.ask("register-cluster friend").await, "ok");
    assert_eq!(other.ask("whereis-cluster friend").await, named.pid_text().await);
    assert_eq!(other.ask("send-cluster friend hello").await, "ok");
    assert_eq!(other.ask("call-cluster friend seen").await, "init ; message hello");
    other.ask("monitor-cluster friend").await;
    assert_eq!(named.ends("exit enough for today").await.word(), "enough");
    until(async || other.ask("seen").await.contains("down friend of the cluster enough(for today)").then_some(()))
        .await;
    until(async || (other.ask("whereis-cluster friend").await == "nobody").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_has_is_badarg_and_its_monitor_is_noproc() {
    let world = world().await;
    let puppet = world.up("puppet", "").await;
    let nobody = "badarg: nobody has the name \"friend\" in the cluster, as this node knows it";
    assert_eq!(puppet.ask("send-cluster friend hello").await, nobody);
    assert!(puppet.ask("call-cluster friend hello").await.ends_with(&nobody["badarg: ".len()..]));
    puppet.ask("monitor-cluster friend").await;
    until(async || puppet.ask("seen").await.ends_with("down friend of the cluster noproc").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_has_one_owner_who_alone_gives_it_back() {
    let world = world().await;
    let (named, other) = (world.up("puppet", "").await, world.up("puppet", "").await);
    assert_eq!(named.ask("register-cluster friend").await, "ok");
    let taken = other.ask("register-cluster friend").await;
    assert!(taken.starts_with("badarg: the name is <"), "{taken}");
    let not_own = "badarg: no process of this node has the name";
    assert_eq!(other.ask("unregister-cluster friend").await, not_own);
    assert_eq!(named.ask("cluster").await, "a [] [\"friend\"]");
    assert_eq!(named.ask("unregister-cluster friend").await, "ok");
    assert_eq!(named.ask("unregister-cluster friend").await, not_own);
    assert_eq!(other.ask("register-cluster friend").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_traps_exits_hears_of_the_loss_of_a_name() {
    let world = world().await;
    let puppet = world.up("puppet", "trap-exit").await;
    puppet.ask("register-cluster friend").await;
    // As the process of the names says it to the loser.
    world.node.exit_signal(puppet.pid, ExitReason::new("global_name_conflict").with_detail("friend"));
    until(async || (puppet.ask("seen").await == "init trap-exit; exit global_name_conflict(friend)").then_some(()))
        .await;
}
