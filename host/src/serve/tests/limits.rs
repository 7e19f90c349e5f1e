use super::world::{World, check, limits, read_all};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_half_sent_head_ends_after_the_header_time() {
    let world = World::new().await;
    for half in ["", "G", "GET /hello HTTP/1.1\r\nhost: a\r\nx: "] {
        let start = Instant::now();
        assert_eq!(world.raw(half).await, "", "{half:?}");
        assert_eq!(start.elapsed().as_secs(), limits().header_time.as_secs(), "{half:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_ends_after_the_header_time() {
    let world = World::new().await;
    let mut client = world.connect();
    let start = Instant::now();
    let trickle = async {
        while client.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
    };
    trickle.await;
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_after_the_idle_time_and_a_second_head_has_its_own() {
    let world = World::new().await;
    let mut client = world.connect();
    let mut answer = vec![0; 15];
    client.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    client.read_exact(&mut answer).await.expect("an answer");
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(55)).await;
    client.write_all(b"GET /hel").await.expect("still open");
    read_all(&mut client).await;
    assert_eq!(start.elapsed().as_secs(), 65);

    let mut client = world.connect();
    client.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    client.read_exact(&mut answer).await.expect("an answer");
    let start = Instant::now();
    read_all(&mut client).await;
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_reading_is_cut_after_the_idle_time() {
    let world = World::new().await;
    let mut client = world.connect();
    let requests = "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1000);
    let start = Instant::now();
    // The answers are not read: they fill up the connection.
    client.write_all(requests.as_bytes()).await.expect("written");
    while world.server.connections() == 0 {
        tokio::task::yield_now().await;
    }
    while world.server.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!((60..=62).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let world = World::new().await;
    let with_length = |len: usize| {
        format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{}",
            "x".repeat(len)
        )
    };
    let chunked = |len: usize| {
        let (a, b) = ("x".repeat(60), "x".repeat(len - 60));
        let head = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        format!("{head}{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n", a.len(), b.len())
    };
    check(&world.raw(with_length(100)).await, "200 OK", &["content-length: 100"]);
    check(&world.raw(with_length(101)).await, "413 Payload Too Large", &["connection: close"]);
    check(&world.raw(chunked(100)).await, "200 OK", &["content-length: 100"]);
    check(&world.raw(chunked(101)).await, "413 Payload Too Large", &["connection: close"]);
    let announced = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551000\r\n\r\n";
    check(&world.raw(announced).await, "413 Payload Too Large", &[]);
    world.processes(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused() {
    let world = World::new().await;
    let header = format!("GET /hello HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(40_000));
    check(&world.raw(header).await, "431 ", &[]);
    let many = format!("GET /hello HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(100));
    check(&world.raw(many).await, "431 ", &[]);
    let enough = format!("GET /hello HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(98));
    check(&world.raw(enough.replacen("host", "connection: close\r\nhost", 1)).await, "200 ", &[]);
    let path = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(40_000));
    check(&world.raw(path).await, "4", &[]);
}

#[tokio::test(start_paused = true)]
async fn above_the_connection_limit_a_client_is_told_to_come_back() {
    let world = World::new().await;
    let mut clients: Vec<_> = (0..8).map(|_| world.connect()).collect();
    while world.server.connections() < 8 {
        tokio::task::yield_now().await;
    }
    check(&world.get("/hello").await, "503 Service Unavailable", &["retry-after: 1", "busy: try again later\n"]);
    drop(clients.pop());
    while world.server.connections() > 7 {
        tokio::task::yield_now().await;
    }
    check(&world.get("/hello").await, "200 OK", &[]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_accept_never_ends_the_listener() {
    let world = World::new().await;
    for _ in 0..20 {
        world.fail_accept();
    }
    check(&world.get("/hello").await, "200 OK", &[]);
}
