use super::world::{World, check, limits};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

async fn open(world: &World, room: &str) -> Result<WebSocketStream<DuplexStream>, Error> {
    let (socket, _) = tokio_tungstenite::client_async(format!("ws://a/ws/{room}"), world.connect()).await?;
    Ok(socket)
}

/// The next message that is no ping.
async fn next(socket: &mut WebSocketStream<DuplexStream>) -> String {
    loop {
        return match socket.next().await {
            Some(Ok(Message::Ping(_))) => continue,
            Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
            Some(Ok(Message::Binary(bytes))) => format!("{} bytes", bytes.len()),
            Some(Ok(Message::Close(Some(frame)))) => format!("close {} {}", u16::from(frame.code), frame.reason),
            Some(Ok(Message::Close(None))) => "close".to_owned(),
            Some(Ok(other)) => format!("{other:?}"),
            Some(Err(_)) | None => "cut".to_owned(),
        };
    }
}

async fn seen(world: &World) -> String {
    while world.seen.lock().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.seen.lock().remove(0)
}

/// Opens a WebSocket by hand and sends bytes; returns the first frame that comes back.
async fn raw_frame(world: &World, bytes: &[u8]) -> Vec<u8> {
    let mut client = world.connect();
    let head = "GET /ws/raw HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: keep-alive, Upgrade\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(head.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(client.read_u8().await.expect("a head"));
    }
    let answer = String::from_utf8(answer).expect("text");
    check(&answer, "101 Switching Protocols", &["sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    client.write_all(bytes).await.expect("written");
    let mut frame = Vec::new();
    client.read_to_end(&mut frame).await.expect("closed cleanly");
    frame
}

#[tokio::test(start_paused = true)]
async fn messages_go_both_ways_in_order() {
    let world = World::new().await;
    let mut socket = open(&world, "a").await.expect("open");
    for i in 0..100 {
        socket.send(Message::text(format!("{i}"))).await.expect("sent");
    }
    for i in 0..100 {
        assert_eq!(next(&mut socket).await, format!("{i}"));
    }
    socket.send(Message::binary(vec![7; 1000])).await.expect("sent");
    assert_eq!(next(&mut socket).await, "1000 bytes");
    socket.close(None).await.expect("closed");
    assert_eq!(seen(&world).await, "a: Some((1005, \"\"))");
    world.processes(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_closes_one_socket_and_no_other() {
    let world = World::new().await;
    let mut bystander = open(&world, "a").await.expect("open");
    let mut victim = open(&world, "a").await.expect("open");
    victim.send(Message::text("crash")).await.expect("sent");
    assert_eq!(next(&mut victim).await, "close 1011 the process of this connection ended");
    bystander.send(Message::text("still here")).await.expect("sent");
    assert_eq!(next(&mut bystander).await, "still here");
    world.processes(1).await;
}

#[tokio::test(start_paused = true)]
async fn either_side_closes_with_its_own_code() {
    let world = World::new().await;
    let mut socket = open(&world, "a").await.expect("open");
    socket.send(Message::text("bye")).await.expect("sent");
    assert_eq!(next(&mut socket).await, "close 4000 as you wish");
    assert_eq!(next(&mut socket).await, "cut");
    assert_eq!(seen(&world).await, "a: Some((4000, \"as you wish\"))");

    let mut socket = open(&world, "b").await.expect("open");
    socket.send(Message::text("end")).await.expect("sent");
    assert_eq!(next(&mut socket).await, "close 1000 ");

    let mut socket = open(&world, "c").await.expect("open");
    let frame = crate::serve::SocketClose::new(4321, "mine");
    let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame { code: frame.code.into(), reason: "mine".into() };
    socket.close(Some(frame)).await.expect("sent");
    assert_eq!(seen(&world).await, "c: Some((4321, \"mine\"))");
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_refused_with_the_status_of_its_process() {
    let world = World::new().await;
    let Err(Error::Http(response)) = open(&world, "forbidden").await else { panic!("it was opened") };
    assert_eq!(response.status(), 403);
    let Err(Error::Http(response)) = open(&world, "undecided").await else { panic!("it was opened") };
    assert_eq!(response.status(), 504);
    world.processes(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_is_noticed() {
    let world = World::new().await;
    let socket = open(&world, "a").await.expect("open");
    world.processes(1).await;
    drop(socket);
    assert_eq!(seen(&world).await, "a: None");
    // This one never answers a ping.
    let silent = open(&world, "b").await.expect("open");
    let start = tokio::time::Instant::now();
    assert_eq!(seen(&world).await, "b: None");
    assert_eq!(start.elapsed().as_secs(), 60);
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn a_message_may_be_as_large_as_the_limit_and_no_larger() {
    let world = World::new().await;
    let limit = limits().websocket_message_bytes as usize;
    let mut socket = open(&world, "a").await.expect("open");
    socket.send(Message::binary(vec![0; limit])).await.expect("sent");
    assert_eq!(next(&mut socket).await, format!("{limit} bytes"));
    socket.send(Message::binary(vec![0; limit + 1])).await.expect("sent");
    assert_eq!(next(&mut socket).await, "close 1009 the message is too large");
    assert_eq!(seen(&world).await, "a: Some((1009, \"the message is too large\"))");
}

#[tokio::test(start_paused = true)]
async fn broken_frames_close_one_socket_with_the_code_for_it() {
    let world = World::new().await;
    let check = async |bytes: &[u8], code: u16| {
        let frame = raw_frame(&world, bytes).await;
        assert_eq!(frame[0], 0x88, "a close frame: {frame:x?}");
        assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), code, "{bytes:x?}");
    };
    let announces_2_to_the_63 = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    check(&announces_2_to_the_63, 1009).await;
    check(&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4], 1009).await;
    // Masked with zeroes.
    check(&[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28], 1007).await;
    check(&[0x81, 0x02, b'h', b'i'], 1002).await;
    check(&[0x83, 0x80, 0, 0, 0, 0], 1002).await;
    check(&[0xf1, 0x80, 0, 0, 0, 0], 1002).await;
    world.processes(0).await;
    let mut socket = open(&world, "a").await.expect("the server serves on");
    socket.send(Message::text("hi")).await.expect("sent");
    assert_eq!(next(&mut socket).await, "hi");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_floods_its_client_waits_and_hears_when_it_is_gone() {
    let world = World::new().await;
    let mut socket = open(&world, "a").await.expect("open");
    socket.send(Message::text("flood")).await.expect("sent");
    // Nobody reads: at most the outbox and the connection fill up, then the client is cut.
    assert_eq!(seen(&world).await, "gone after few");
    world.processes(0).await;
}

#[tokio::test(start_paused = true)]
async fn draining_closes_sockets_with_1001_and_kills_who_does_not_end() {
    let world = World::new().await;
    let mut polite = open(&world, "a").await.expect("open");
    let mut stuck = open(&world, "b").await.expect("open");
    stuck.send(Message::text("loop")).await.expect("sent");
    stuck.send(Message::text("behind it")).await.expect("sent");
    let clients = async {
        assert_eq!(next(&mut polite).await, "close 1001 the server is going away");
        assert_eq!(next(&mut polite).await, "cut");
        assert_eq!(next(&mut stuck).await, "close 1001 the server is going away");
        assert_eq!(next(&mut stuck).await, "cut");
    };
    let (drained, ()) = tokio::join!(world.server.drain(Duration::from_secs(3)), clients);
    assert_eq!(drained.processes_killed, 1);
    assert_eq!(world.node.process_count(), 0);
    assert_eq!(seen(&world).await, "a: Some((1001, \"the server is going away\"))");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_end_after_its_client_is_killed() {
    let world = World::new().await;
    let mut socket = open(&world, "a").await.expect("open");
    socket.send(Message::text("loop")).await.expect("sent");
    let start = tokio::time::Instant::now();
    drop(socket);
    world.processes(0).await;
    assert_eq!(start.elapsed().as_secs(), limits().request_time.as_secs());
}
