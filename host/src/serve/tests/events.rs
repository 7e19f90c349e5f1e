use super::world::{World, check, read_all};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

async fn listen(world: &World, query: &str) -> DuplexStream {
    let mut client = world.connect();
    let request = format!("GET /events?{query} HTTP/1.1\r\nhost: a\r\n\r\n");
    client.write_all(request.as_bytes()).await.expect("written");
    client
}

async fn until(client: &mut DuplexStream, text: &str) -> String {
    let mut answer = String::new();
    while !answer.ends_with(text) {
        answer.push(char::from(client.read_u8().await.expect("more")));
    }
    answer
}

#[tokio::test(start_paused = true)]
async fn a_listener_gets_events_and_a_heartbeat() {
    let world = World::new().await;
    let mut client = listen(&world, "").await;
    let answer = until(&mut client, "data: first\ndata: event\n\n\r\n").await;
    check(&answer, "200 OK", &["content-type: text/event-stream\r\n", "cache-control: no-cache\r\n"]);
    let start = tokio::time::Instant::now();
    until(&mut client, ":\n\n\r\n").await;
    assert_eq!(start.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_goes_ends_its_process() {
    let world = World::new().await;
    let mut client = listen(&world, "trap").await;
    until(&mut client, "event\n\n\r\n").await;
    drop(client);
    world.processes(0).await;
    assert_eq!(*world.seen.lock(), ["exit shutdown(the listener has gone)"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_cleanly_when_its_process_says_so_and_is_cut_when_it_crashes() {
    let world = World::new().await;
    for (query, clean) in [("end", true), ("orderly", true), ("crash", false)] {
        let answer = read_all(&mut listen_once(&world, query).await).await;
        assert!(answer.contains("data: event\n\n"), "{answer}");
        assert_eq!(answer.ends_with("\r\n0\r\n\r\n"), clean, "{query}: {answer}");
    }
    world.processes(0).await;
}

async fn listen_once(world: &World, query: &str) -> DuplexStream {
    let mut client = world.connect();
    let request = format!("GET /events?{query} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.expect("written");
    client
}

#[tokio::test(start_paused = true)]
async fn a_listener_is_refused_with_the_status_of_its_process() {
    let world = World::new().await;
    let answer = read_all(&mut listen_once(&world, "refuse").await).await;
    check(&answer, "418 I'm a teapot", &[]);
    world.processes(0).await;
}

#[tokio::test(start_paused = true)]
async fn draining_ends_streams_at_an_event_and_asks_their_processes_to_shut_down() {
    let world = World::new().await;
    let mut client = listen(&world, "trap").await;
    until(&mut client, "event\n\n\r\n").await;
    let (drained, rest) = tokio::join!(world.server.drain(Duration::from_secs(3)), read_all(&mut client));
    assert_eq!(rest, "0\r\n\r\n");
    assert_eq!(drained, crate::serve::Drained::default());
    assert_eq!(*world.seen.lock(), ["exit shutdown(the listener has gone)"]);
}
