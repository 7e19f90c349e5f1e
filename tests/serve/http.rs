//! Requests, each in a process of its own.

use crate::support::{Answer, Served, read_to_end, request, within};
use tokio::io::AsyncWriteExt;

fn check(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (status, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_and_leave_no_process() {
    let node = Served::start().await;
    check(&node.get("/api/hello").await, 200, "hello");
    check(&node.post("/api/echo", "as it came").await, 200, "as it came");
    check(&node.get("/api/nothing").await, 404, "no such path of mine");
    check(&node.get("/stream/whole").await, 200, "one half, the other half");
    check(&node.get("/api/room?x").await, 200, "call 1");
    node.until_processes("web", 0).await;
    node.until_processes("streaming", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_costs_one_request() {
    let node = Served::start().await;
    assert_eq!(node.get("/api/trap").await.status, 500);
    node.logs(&["crash", "web", "trap"]).await;
    node.logs(&["as you wish"]).await;
    check(&node.get("/api/hello").await, 200, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_never_taken_for_a_whole_one() {
    let node = Served::start().await;
    for path in ["/stream/trap", "/stream/drop"] {
        let answer = within(request(node.connect().await, "GET", path, "")).await;
        assert!(answer.is_err(), "{path}: {answer:?}");
    }
    check(&node.get("/stream/whole").await, 200, "one half, the other half");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_loops_in_some_requests_do_not_stop_others_and_end_with_their_clients() {
    let node = Served::start().await;
    let mut spinning = Vec::new();
    for _ in 0..4 {
        let mut stream = node.connect().await;
        stream.write_all(b"GET /api/spin HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
        spinning.push(stream);
    }
    node.until_processes("web", 4).await;
    for _ in 0..20 {
        check(&node.get("/api/hello").await, 200, "hello");
    }
    drop(spinning);
    node.until_processes("web", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_past_its_memory_limit_ends_and_says_so() {
    let node = Served::start().await;
    assert_eq!(node.get("/api/grow").await.status, 500);
    node.logs(&["crash", "web", "memory_limit", "grants.memory of component web allows 16777216"]).await;
    check(&node.get("/api/hello").await, 200, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervised_process_past_its_limit_or_trapped_is_started_again() {
    let node = Served::start().await;
    check(&node.get("/api/room?a").await, 200, "call 1");
    for (order, word) in [("grow", "memory_limit"), ("trap", "trap")] {
        let answer = node.get(&format!("/api/room?{order}")).await;
        assert_eq!(answer.status, 502);
        assert!(answer.text.contains(word), "{answer:?}");
        node.logs(&["crash", "room", word]).await;
        let again = async {
            loop {
                let answer = node.get("/api/room?a").await;
                if answer.status == 200 {
                    return answer;
                }
            }
        };
        check(&within(again).await, 200, "call 1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_granted_is_refused_by_name() {
    let node = Served::start().await;
    let answer = node.get("/api/other").await;
    assert_eq!(answer.status, 403, "{answer:?}");
    node.logs(&["denied", r#"grants.key-value = ["other"] of component web is missing"#]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_serves_many_requests() {
    let node = Served::start().await;
    let mut stream = node.connect().await;
    let one = "GET /api/hello HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = "GET /api/hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(format!("{one}{one}{last}").as_bytes()).await.expect("written");
    let answers = read_to_end(&mut stream).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
}
