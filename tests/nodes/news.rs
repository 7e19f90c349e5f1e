//! What components are told of nodes that are killed, stopped and paused.

use crate::cluster::{Cluster, Told};

async fn told(cluster: &Cluster, name: &str, of: &str) -> Told {
    cluster.report(name).await.told_of(of)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_is_suspected_and_lost_and_comes_back() {
    let mut cluster = Cluster::started(8, &["a", "b"]).await;
    let before = told(&cluster, "a", "b").await;
    cluster.kill("b").await;
    cluster.until_lost("b").await;
    let lost = told(&cluster, "a", "b").await;
    // The members may have said first that it is gone.
    assert!(["net_tick_timeout", "given_up"].contains(&lost.lost.as_str()), "{lost:?}");
    assert!(lost.suspected > before.suspected && lost.nodedowns > before.nodedowns, "{before:?}, {lost:?}");
    cluster.start("b").await;
    cluster.until_all_hear_all().await;
    let back = told(&cluster, "a", "b").await;
    assert!(back.connected && back.nodeups > before.nodeups, "{before:?}, {back:?}");
    cluster.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_stopped_says_so() {
    let mut cluster = Cluster::started(9, &["a", "b"]).await;
    let before = told(&cluster, "a", "b").await;
    cluster.stop("b").await;
    cluster.until_lost("b").await;
    let lost = told(&cluster, "a", "b").await;
    assert_eq!((lost.lost.as_str(), lost.nodedowns), ("shutdown", before.nodedowns + 1), "{lost:?}");
    cluster.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_paused_comes_back_in_the_same_life() {
    let cluster = Cluster::started(10, &["a", "b"]).await;
    let before = told(&cluster, "a", "b").await;
    cluster.pause("b");
    cluster.until("a", "that b is lost", |report| !report.told_of("b").connected).await;
    cluster.resume("b");
    cluster.until_all_hear_all().await;
    let back = told(&cluster, "a", "b").await;
    assert!(back.suspected > before.suspected && back.nodeups > before.nodeups, "{before:?}, {back:?}");
    assert_eq!(back.incarnation, before.incarnation);
    // It has lost the other one too.
    let other = told(&cluster, "b", "a").await;
    assert!(other.nodedowns > 0 && other.nodeups > 0, "{other:?}");
    cluster.check().await;
}
