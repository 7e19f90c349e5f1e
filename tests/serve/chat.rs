//! The chat example, as its visitors see it.

use crate::support::{Served, Visitor, next, texts, within};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn history(node: &Served, room: &str) -> Vec<String> {
    let answer = node.get(&format!("/api/rooms/{room}/history")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: Value = serde_json::from_str(&answer.text).expect("JSON");
    texts(&answer["messages"])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_api_are_served() {
    let node = Served::start_chat().await;
    let page = node.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<title>"), "{}", page.text);
    for file in ["/app.js", "/app.css", "/favicon.svg"] {
        assert_eq!(node.get(file).await.status, 200, "{file}");
    }
    let message = json!({"sender": "ada", "id": "1", "text": "hello"}).to_string();
    assert_eq!(node.post("/api/rooms/lobby/messages", message.clone()).await.status, 201);
    assert_eq!(node.post("/api/rooms/lobby/messages", message).await.status, 200, "it is there already");
    assert_eq!(history(&node, "lobby").await, ["ada: hello"]);
    assert_eq!(node.get("/nowhere").await.status, 404);
    assert_eq!(node.get("/api/nowhere").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_hear_each_other_in_order() {
    let node = Served::start_chat().await;
    let mut ada = Visitor::enter(&node, "lobby", "ada").await;
    assert!(ada.joins().await.is_empty());
    let mut bob = Visitor::enter(&node, "lobby", "bob").await;
    bob.joins().await;
    for i in 0..20 {
        ada.say(&format!("a{i}"), &format!("{i}")).await;
    }
    for i in 0..20 {
        let heard = bob.hears("message").await;
        assert_eq!((heard["sender"].as_str(), heard["text"].as_str()), (Some("ada"), Some(i.to_string().as_str())));
    }
    let mut late = Visitor::enter(&node, "lobby", "late").await;
    assert_eq!(late.joins().await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_room_comes_back_with_everyone_in_it_and_nothing_lost() {
    let node = Served::start_chat().await;
    let mut visitors = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let mut visitor = Visitor::enter(&node, "lobby", name).await;
        visitor.joins().await;
        visitors.push(visitor);
    }
    visitors[0].say("1", "before").await;
    visitors[0].hears("ack").await;
    for life in 0..3 {
        visitors[life].send(&json!({"type": "crash"})).await;
        for visitor in &mut visitors {
            let down = visitor.hears("down").await;
            assert_eq!(down["word"], "trap", "{down}");
            let up = visitor.hears("up").await;
            assert_ne!(up["pid"], down["pid"]);
        }
        let text = format!("after crash {life}");
        visitors[0].say(&format!("c{life}"), &text).await;
        for visitor in &mut visitors {
            assert_eq!(visitor.hears("message").await["text"], text.as_str());
        }
    }
    let all = ["ada: before", "ada: after crash 0", "ada: after crash 1", "ada: after crash 2"];
    assert_eq!(history(&node, "lobby").await, all);
    assert_eq!(node.processes("socket").await, 3);
    assert_eq!(node.processes("room").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_socket_costs_its_visitor_alone() {
    let node = Served::start_chat().await;
    let mut victim = Visitor::enter(&node, "lobby", "ada").await;
    victim.joins().await;
    let mut bystander = Visitor::enter(&node, "lobby", "bob").await;
    bystander.joins().await;
    victim.send(&json!({"type": "crash-socket"})).await;
    within(async { while !next(&mut victim.socket).await.starts_with("close 1011") {} }).await;
    bystander.say("1", "still here").await;
    assert_eq!(bystander.hears("message").await["text"], "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statistics_are_streamed() {
    let node = Served::start_chat().await;
    let mut ada = Visitor::enter(&node, "lobby", "ada").await;
    ada.joins().await;
    let mut stream = node.connect().await;
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    let mut came = String::new();
    while !came.contains("\"ada\"") || !came.ends_with("\n\n\r\n") {
        came.push(char::from(within(stream.read_u8()).await.expect("more comes")));
    }
    assert!(came.contains("content-type: text/event-stream"), "{came}");
    assert!(came.contains("event: stats\ndata: {\"rooms\":[{\"room\":\"lobby\",\"members\":[\"ada\"]"), "{came}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_survives_kill_9() {
    let node = Served::start_chat().await;
    let mut ada = Visitor::enter(&node, "lobby", "ada").await;
    ada.joins().await;
    for i in 0..5 {
        ada.say(&format!("{i}"), &format!("message {i}")).await;
        ada.hears("ack").await;
    }
    let node = node.kill_and_start_again().await;
    let all: Vec<String> = (0..5).map(|i| format!("ada: message {i}")).collect();
    assert_eq!(history(&node, "lobby").await, all);
    let mut back = Visitor::enter(&node, "lobby", "ada").await;
    assert_eq!(back.joins().await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_sends_everyone_home() {
    let node = Served::start_chat().await;
    let mut ada = Visitor::enter(&node, "lobby", "ada").await;
    ada.joins().await;
    node.terminate();
    within(async { while next(&mut ada.socket).await != "close 1001 the server is going away" {} }).await;
    assert_eq!(next(&mut ada.socket).await, "cut");
    let (status, log) = node.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
}
