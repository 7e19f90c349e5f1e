use super::world::{World, check, limits, read_all};
use crate::manifest::Limits;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_by_a_process_of_its_own() {
    let world = World::new().await;
    check(&world.get("/hello").await, "200 OK", &["\r\ndate: ", "content-length: 5", "\r\n\r\nhello"]);
    let post = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc";
    check(&world.raw(post).await, "200 OK", &["\r\n\r\nabc"]);
    let head = world.raw("HEAD /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    check(&head, "200 OK", &["content-length: 5"]);
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    world.processes(0).await;
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_many_requests_also_sent_at_once() {
    let world = World::new().await;
    let one = "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answers = world.raw(format!("{one}{one}{last}")).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_served_is_refused_by_name() {
    let world = World::new().await;
    check(&world.get("/nowhere").await, "404 Not Found", &["nothing is served at this path"]);
    check(&world.get("/ws/%ff").await, "400 Bad Request", &["percent-encoded"]);
    check(&world.get("/ws/a").await, "426 Upgrade Required", &["upgrade: websocket", "sec-websocket-version: 13"]);
    check(&world.get("/undef").await, "503 Service Unavailable", &["retry-after: 1"]);
    check(&world.raw("GET /hello HTTP/1.1\r\nconnection: close\r\n\r\n").await, "400 Bad Request", &["host header"]);
    let post = "POST /events HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    check(&world.raw(post).await, "405 Method Not Allowed", &["allow: GET"]);
    check(&world.raw("complete nonsense\r\n\r\n").await, "400 Bad Request", &[]);
    check(&world.get("/hello").await, "200 OK", &[]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_head_is_500_and_costs_nobody_else() {
    let world = World::new().await;
    check(&world.get("/crash").await, "500 Internal Server Error", &["ended before it answered"]);
    check(&world.get("/hello").await, "200 OK", &[]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_body_cuts_the_connection() {
    let world = World::new().await;
    let answer = world.get("/halfway").await;
    check(&answer, "200 OK", &["transfer-encoding: chunked", "4\r\nhalf\r\n"]);
    assert!(!answer.contains("\r\n0\r\n"), "a clean end of half an answer: {answer}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_answer_is_killed_after_the_request_time() {
    let world = World::new().await;
    let start = tokio::time::Instant::now();
    check(&world.get("/hang").await, "504 Gateway Timeout", &[]);
    assert_eq!(start.elapsed().as_secs(), limits().request_time.as_secs());
    world.processes(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_ends_with_its_client() {
    let world = World::new().await;
    let mut client = world.connect();
    client.write_all(b"GET /hang HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    world.processes(1).await;
    drop(client);
    let start = tokio::time::Instant::now();
    world.processes(0).await;
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_process_may_go_on_after_its_answer() {
    let world = World::new().await;
    check(&world.get("/length").await, "200 OK", &["hello"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.node.process_count(), 1);
    let drained = world.server.drain(Duration::from_secs(3)).await;
    assert_eq!((drained.processes_killed, drained.connections_cut), (1, 0));
    assert_eq!(world.node.process_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn draining_answers_what_is_under_way_and_closes_the_rest() {
    let world = World::with(Limits { body_bytes: 1000, ..limits() }).await;
    let mut idle = world.connect();
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    let mut head = [0; 15];
    idle.read_exact(&mut head).await.expect("an answer");
    let mut busy = world.connect();
    busy.write_all(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na").await.expect("written");
    world.processes(1).await;
    let client = async {
        assert!(read_all(&mut idle).await.ends_with("hello"), "the idle connection is closed");
        busy.write_all(b"bc").await.expect("written");
        let answer = read_all(&mut busy).await;
        check(&answer, "200 OK", &["abc"]);
    };
    let (drained, ()) = tokio::join!(world.server.drain(Duration::from_secs(10)), client);
    assert_eq!(drained, crate::serve::Drained::default());
}
