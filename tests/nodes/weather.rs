//! Networks that lose, delay, reorder, duplicate and cut.

use crate::cluster::Cluster;
use crate::relay::Weather;
use std::sync::atomic::Ordering;
use std::time::Duration;

const BAD: Weather =
    Weather { cut: false, lost: 50, twice: 20, delay: Duration::from_millis(2), jitter: Duration::from_millis(20) };
const CUT: Weather = Weather { cut: true, lost: 0, twice: 0, delay: Duration::ZERO, jitter: Duration::ZERO };

#[tokio::test(flavor = "multi_thread")]
async fn letters_stay_in_order_whatever_the_network_does_to_packets() {
    let mut cluster = Cluster::started(4, &["a", "b", "c"]).await;
    for name in ["a", "b", "c"] {
        cluster.network.set_around(name, BAD);
    }
    let heard = cluster.report("a").await.received("b");
    cluster.until("a", "that it hears b", |report| report.received("b") > heard + 200).await;
    cluster.check().await;
    let counts = cluster.network.relay().counts();
    for (what, count) in [("lost", &counts.lost), ("twice", &counts.twice), ("delayed", &counts.delayed)] {
        assert!(count.load(Ordering::Relaxed) > 0, "no packet was {what}: {counts:?}");
    }
    cluster.network.heal();
    cluster.until_all_hear_all().await;
    cluster.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_is_lost_and_found() {
    let mut cluster = Cluster::started(5, &["a", "b", "c"]).await;
    cluster.network.set_around("c", CUT);
    cluster.until_lost("c").await;
    for other in ["a", "b"] {
        cluster.until("c", "that it is alone", |report| !report.connected(other)).await;
    }
    cluster.check().await;
    cluster.network.heal();
    cluster.until_all_hear_all().await;
    cluster.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_carries_only_one_way_is_none() {
    let mut cluster = Cluster::started(6, &["a", "b", "c"]).await;
    cluster.network.relay().set("a", "b", CUT);
    cluster.until("b", "that a is lost", |report| !report.connected("a")).await;
    cluster.until("a", "that b is lost", |report| !report.connected("b")).await;
    // Both have c.
    for name in ["a", "b"] {
        let heard = cluster.report(name).await.received("c");
        cluster.until(name, "that it hears c", |report| report.received("c") > heard).await;
    }
    cluster.network.heal();
    cluster.until_all_hear_all().await;
    cluster.check().await;
}
