//! Nodes that are killed, paused, started again, join and leave.

use crate::cluster::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_down_once_for_each_and_comes_back_under_its_name() {
    let mut cluster = Cluster::started(1, &["a", "b", "c"]).await;
    let before = [cluster.report("a").await.downs("b"), cluster.report("c").await.downs("b")];
    cluster.kill("b").await;
    cluster.until_lost("b").await;
    for (name, before) in ["a", "c"].into_iter().zip(before) {
        // Nobody watches a node again that is not there.
        cluster.until(name, "that b is down", |report| report.downs("b") > before).await;
    }
    cluster.check().await;
    cluster.start("b").await;
    cluster.until_all_hear_all().await;
    cluster.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_node_is_lost_and_comes_back_in_the_same_life() {
    let cluster = Cluster::started(2, &["a", "b", "c"]).await;
    let pid = cluster.report("b").await.pid().to_owned();
    cluster.pause("b");
    for name in ["a", "c"] {
        cluster.until(name, "that b is lost", |report| !report.connected("b")).await;
    }
    cluster.resume("b");
    cluster.until_all_hear_all().await;
    assert_eq!(cluster.report("b").await.pid(), pid);
    cluster.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_nodes_one_joins_while_another_leaves_and_two_are_killed() {
    let mut cluster = Cluster::new(3, &["a", "b", "c", "d", "e"]).await;
    for name in ["a", "b", "c", "d"] {
        cluster.start(name).await;
    }
    cluster.until_all_hear_all().await;
    cluster.pause("d");
    cluster.start("e").await;
    cluster.resume("d");
    cluster.stop("d").await;
    cluster.until_lost("d").await;
    cluster.until_all_hear_all().await;
    cluster.check().await;
    // It knows the others by what it has heard: the one that it joined is gone.
    cluster.kill("a").await;
    cluster.kill("b").await;
    cluster.until_lost("a").await;
    cluster.start("a").await;
    cluster.start("d").await;
    cluster.start("b").await;
    cluster.until_all_hear_all().await;
    cluster.check().await;
}
