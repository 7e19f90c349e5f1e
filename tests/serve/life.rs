//! How nodes end, and what they know when they come back.

use crate::support::{AppOptions, Served, next, read_to_end, within};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_tells_everyone_to_go_and_exits_with_0() {
    let node = Served::start().await;
    let mut socket = node.socket("a").await;
    let mut stream = node.connect().await;
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    node.until_processes("events", 1).await;
    let mut idle = node.connect().await;
    idle.write_all(b"GET /api/hello HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    let address = node.address;
    node.terminate();
    assert_eq!(next(&mut socket).await, "close 1001 the server is going away");
    assert_eq!(next(&mut socket).await, "cut");
    assert!(read_to_end(&mut stream).await.ends_with("0\r\n\r\n"));
    assert!(read_to_end(&mut idle).await.ends_with("hello"));
    let (status, log) = node.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_is_cut_after_the_drain_time() {
    let node = Served::start_with(AppOptions { limits: "drain-time = \"300ms\"", ..AppOptions::default() }).await;
    let mut stream = node.connect().await;
    stream.write_all(b"GET /api/spin HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    node.until_processes("web", 1).await;
    node.terminate();
    assert_eq!(read_to_end(&mut stream).await, "");
    let (status, log) = node.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("the drain time was over"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let mut node = Served::start().await;
    assert_eq!(node.get("/api/note").await.status, 404);
    for life in 0..3 {
        let note = format!("written in life {life}");
        assert_eq!(node.post("/api/note", note.clone()).await.text, "kept");
        node = node.kill_and_start_again().await;
        let answer = node.get("/api/note").await;
        assert_eq!((answer.status, answer.text), (200, note));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_gives_up_stays_down_and_the_others_serve_on() {
    let node = Served::start_with(AppOptions { looper: Some("temporary"), ..AppOptions::default() }).await;
    node.logs(&["crash", "looper", "trap"]).await;
    within(async { while node.processes("looper").await > 0 {} }).await;
    assert_eq!(node.get("/api/room?a").await.text, "call 1");
    assert_eq!(node.get("/api/hello").await.text, "hello");
    node.terminate();
    assert_eq!(node.ended().await.0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_gives_up_ends_the_node_which_says_why() {
    let node = Served::start_with(AppOptions { looper: Some("permanent"), ..AppOptions::default() }).await;
    let (status, log) = node.ended().await;
    assert_eq!(status.code(), Some(3), "{log}");
    assert!(log.contains("error: the root supervisor gave up"), "{log}");
    assert!(log.contains("looper") && log.contains("trap"), "{log}");
}
