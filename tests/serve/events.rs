//! Server-sent events, one process for each listener.

use crate::support::{Served, read_to_end, send_raw, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn listen(node: &Served) -> TcpStream {
    let mut stream = node.connect().await;
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    stream
}

async fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut came = String::new();
    while !came.ends_with(text) {
        came.push(char::from(within(stream.read_u8()).await.expect("more comes")));
    }
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_gets_its_events_and_their_process_ends_with_it() {
    let node = Served::start().await;
    let mut stream = listen(&node).await;
    let came = until(&mut stream, "event: count\ndata: 2\ndata: of many\n\n").await;
    assert!(came.starts_with("HTTP/1.1 200 OK\r\n"), "{came}");
    assert!(came.contains("content-type: text/event-stream\r\n"), "{came}");
    assert!(came.contains("event: count\ndata: 0\ndata: of many\n\n"), "{came}");
    assert_eq!(node.processes("events").await, 1);
    drop(stream);
    node.logs(&["events", "the stream ends: shutdown"]).await;
    node.until_processes("events", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_ends_its_stream_and_may_refuse_a_listener() {
    let node = Served::start().await;
    let answer = node.get("/events?three").await;
    assert_eq!((answer.status, answer.text.matches("event: count").count()), (200, 3), "{answer:?}");
    assert_eq!(node.get("/events?forbidden").await.status, 403);
    let post = "POST /events HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let answer = send_raw(node.connect().await, post).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    node.until_processes("events", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_ends_a_stream_at_an_event() {
    let node = Served::start().await;
    let mut stream = listen(&node).await;
    until(&mut stream, "of many\n\n\r\n").await;
    node.terminate();
    let rest = read_to_end(&mut stream).await;
    assert!(rest.ends_with("0\r\n\r\n"), "a clean end: {rest}");
    let (status, log) = node.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("the stream ends: shutdown"), "{log}");
}
