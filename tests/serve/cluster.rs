//! Components of two nodes, over QUIC.

use crate::support::{Authority, Served, within};

/// Asks until the room of the other node answers.
async fn until_answered(node: &Served, path: &str) -> String {
    let asking = async {
        loop {
            let answer = node.get(path).await;
            if answer.status == 200 {
                return answer.text;
            }
        }
    };
    within(asking).await
}

/// Asks until the answer, whatever its status, has that in it.
async fn until_says(node: &Served, path: &str, part: &str) -> String {
    let asking = async {
        loop {
            let answer = node.get(path).await;
            if answer.text.contains(part) {
                return answer.text;
            }
        }
    };
    within(asking).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_calls_one_of_another_node_by_name() {
    let authority = Authority::new(&["a", "b"]);
    let a = Served::start_member(&authority.member("a"), &[]).await;
    let b = Served::start_member(&authority.member("b"), &[&a]).await;
    // The room of `b` counts its calls, wherever they come from.
    assert_eq!(until_answered(&a, "/api/room-at/b?x").await, "call 1");
    assert_eq!(b.get("/api/room?x").await.text, "call 2");
    assert_eq!(a.get("/api/room-at/b?x").await.text, "call 3");
    assert_eq!(a.get("/api/room?x").await.text, "call 1");

    let trapped = a.get("/api/room-at/b?trap").await;
    assert_eq!(trapped.status, 502);
    assert!(trapped.text.contains("trap"), "{trapped:?}");
    b.logs(&["crash", "room", "trap"]).await;
    assert!(until_answered(&a, "/api/room-at/b?x").await.starts_with("call "), "its supervisor has started it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_noconnection_and_can_come_back() {
    let authority = Authority::new(&["a", "b"]);
    let a = Served::start_member(&authority.member("a"), &[]).await;
    let b = Served::start_member(&authority.member("b"), &[&a]).await;
    until_answered(&a, "/api/room-at/b?x").await;
    b.kill().await;
    // Who waits for an answer hears of it when the other node is given up.
    let lost = a.get("/api/room-at/b?x").await;
    assert_eq!(lost.status, 502);
    assert!(lost.text.contains("noconnection"), "{lost:?}");
    assert_eq!(a.get("/api/hello").await.text, "hello");
    let _again = Served::start_member(&authority.member("b"), &[&a]).await;
    assert_eq!(until_answered(&a, "/api/room-at/b?x").await, "call 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_nobody_knows_is_noconnection_at_once() {
    let node = Served::start().await;
    let answer = node.get("/api/room-at/nowhere?x").await;
    assert_eq!(answer.status, 502);
    assert!(answer.text.contains("noconnection"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_started_on_a_node_that_has_it_or_takes_it_and_is_in_a_group_of_all() {
    let authority = Authority::new(&["a", "b", "c", "d"]);
    let a = Served::start_member(&authority.member("a"), &[]).await;
    let _b = Served::start_member(&authority.member("b"), &[&a]).await;
    let accepts = "[foreign-code]\naccept = true\n[foreign-code.grants]\njoin-groups = [\"guests\"]\n";
    let c = Served::start_stranger(&authority.member("c"), &a, accepts).await;
    let _d = Served::start_stranger(&authority.member("d"), &a, "").await;
    for node in ["b", "c"] {
        assert_eq!(until_answered(&a, &format!("/api/spawn-on/{node}")).await, "call 1");
    }
    assert_eq!(c.processes("room").await, 1);
    until_says(&a, "/api/guests", "on 2 nodes").await;
    // It has none of that code, and takes none.
    let refused = until_says(&a, "/api/spawn-on/d", "denied").await;
    assert!(refused.contains("foreign-code.accept is not set"), "{refused}");
    c.kill().await;
    until_says(&a, "/api/guests", "on 1 nodes").await;
}
