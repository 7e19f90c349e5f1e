//! WebSockets, each in a process of its own.

use crate::support::{Served, next};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::{Error, Message};

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_both_ways_in_order() {
    let node = Served::start().await;
    let mut socket = node.socket("a").await;
    for i in 0..200 {
        socket.send(Message::text(format!("{i}"))).await.expect("sent");
    }
    for i in 0..200 {
        assert_eq!(next(&mut socket).await, format!("{i}"));
    }
    socket.send(Message::binary(vec![1; 100_000])).await.expect("sent");
    assert_eq!(next(&mut socket).await, "100000 bytes");
    socket.send(Message::text("tell me")).await.expect("sent");
    assert_eq!(next(&mut socket).await, "message from myself");
    socket.close(None).await.expect("closed");
    node.until_processes("socket", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_closes_one_socket_with_1011_and_no_other_notices() {
    let node = Served::start().await;
    let (mut victim, mut bystander) = (node.socket("a").await, node.socket("a").await);
    victim.send(Message::text("trap")).await.expect("sent");
    assert_eq!(next(&mut victim).await, "close 1011 the process of this connection ended");
    bystander.send(Message::text("still here")).await.expect("sent");
    assert_eq!(next(&mut bystander).await, "still here");
    node.logs(&["crash", "socket", "trap"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_closes_its_socket_and_may_refuse_it() {
    let node = Served::start().await;
    let mut socket = node.socket("a").await;
    socket.send(Message::text("bye")).await.expect("sent");
    assert_eq!(next(&mut socket).await, "close 4000 as you wish");
    assert_eq!(next(&mut socket).await, "cut");
    node.logs(&["socket", "closed with Some(4000)"]).await;
    let Err(Error::Http(response)) = node.try_socket("forbidden").await else { panic!("it was opened") };
    assert_eq!(response.status(), 403);
    node.until_processes("socket", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_hears_of_the_end_of_the_process_that_it_watches() {
    let node = Served::start().await;
    let mut socket = node.socket("a").await;
    socket.send(Message::text("watch room")).await.expect("sent");
    assert_eq!(next(&mut socket).await, "watching");
    assert_eq!(node.get("/api/room?trap").await.status, 502);
    assert_eq!(next(&mut socket).await, "down trap");
    socket.send(Message::text("still here")).await.expect("sent");
    assert_eq!(next(&mut socket).await, "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_in_one_socket_does_not_stop_another() {
    let node = Served::start().await;
    let (mut looping, mut other) = (node.socket("a").await, node.socket("a").await);
    looping.send(Message::text("spin")).await.expect("sent");
    for i in 0..20 {
        other.send(Message::text(format!("{i}"))).await.expect("sent");
        assert_eq!(next(&mut other).await, format!("{i}"));
    }
}
