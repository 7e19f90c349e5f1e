//! What clients send that they should not: each is a clear error, and the node serves on.

use crate::support::{AppOptions, Served, next, send_raw, within};
use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

async fn serves_on(node: &Served) {
    assert_eq!(node.get("/api/hello").await.text, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_path_is_404() {
    let node = Served::start().await;
    for path in ["/", "/apis", "/ws", "/ws/a/b", "/%00", "/api/../secret"] {
        assert_eq!(node.get(path).await.status, 404, "{path}");
    }
    serves_on(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_413_or_431() {
    let node = Served::start_with(AppOptions { limits: "body-bytes = \"10KiB\"", ..AppOptions::default() }).await;
    assert_eq!(node.post("/api/echo", vec![b'x'; 10 << 10]).await.status, 200);
    let head = "POST /api/echo HTTP/1.1\r\nhost: a\r\n";
    let announced = format!("{head}content-length: 10241\r\n\r\n");
    let answer = send_raw(node.connect().await, announced).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let chunks = format!("{head}transfer-encoding: chunked\r\n\r\n2801\r\n{}\r\n", "x".repeat(10241));
    let answer = send_raw(node.connect().await, chunks).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let header = format!("GET /api/hello HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    let answer = send_raw(node.connect().await, header).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    serves_on(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_is_cut_after_the_header_time() {
    let node = Served::start_with(AppOptions { limits: "header-time = \"300ms\"", ..AppOptions::default() }).await;
    for half in ["", "GET /api/hel", "GET /api/hello HTTP/1.1\r\nhost: a\r\nx: "] {
        assert_eq!(send_raw(node.connect().await, half).await, "", "{half:?}");
    }
    serves_on(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_400() {
    let node = Served::start().await;
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..], b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
    {
        let answer = send_raw(node.connect().await, bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    serves_on(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_close_their_socket_with_the_code_for_it() {
    let node = Served::start().await;
    let mut bystander = node.socket("a").await;
    let announces_2_to_the_63 = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    let not_utf_8 = [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28];
    let unmasked = [0x81, 0x02, b'h', b'i'];
    for (bytes, code) in [(&announces_2_to_the_63[..], 1009), (&not_utf_8[..], 1007), (&unmasked[..], 1002)] {
        let mut stream = node.connect().await;
        let head = "GET /ws/raw HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(within(stream.read_u8()).await.expect("a head"));
        }
        stream.write_all(bytes).await.expect("written");
        let mut frame = [0; 4];
        within(stream.read_exact(&mut frame)).await.expect("a close frame");
        assert_eq!(frame[0], 0x88, "a close frame");
        assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), code);
    }
    bystander.send(Message::text("still here")).await.expect("sent");
    assert_eq!(next(&mut bystander).await, "still here");
    serves_on(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_above_the_limit_closes_its_socket_with_1009() {
    let limits = "websocket-message-bytes = \"10KiB\"";
    let node = Served::start_with(AppOptions { limits, ..AppOptions::default() }).await;
    let mut socket = node.socket("a").await;
    socket.send(Message::binary(vec![0; 10 << 10])).await.expect("sent");
    assert_eq!(next(&mut socket).await, "10240 bytes");
    socket.send(Message::binary(vec![0; (10 << 10) + 1])).await.expect("sent");
    assert_eq!(next(&mut socket).await, "close 1009 the message is too large");
    serves_on(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_connection_limit_a_client_is_told_to_come_back() {
    let node = Served::start_with(AppOptions { limits: "connections = 3", ..AppOptions::default() }).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut socket = node.socket("a").await;
        socket.send(Message::text("there")).await.expect("sent");
        assert_eq!(next(&mut socket).await, "there");
        open.push(socket);
    }
    let answer = send_raw(node.connect().await, "GET /api/hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
    drop(open);
    // A client of bytes: one of HTTP calls an answer that comes before its request an error.
    let request = "GET /api/hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    within(async { while !send_raw(node.connect().await, request).await.starts_with("HTTP/1.1 200 ") {} }).await;
}
