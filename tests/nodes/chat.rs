//! The chat example on three nodes.

use crate::support::{Authority, Served, Visitor, chat, texts, within};
use serde_json::Value;
use std::time::{Duration, Instant};

/// So soon everyone has to be back, where a machine has nothing else to do: `RUSM_TIMED=1`.
const BACK_WITHIN: Duration = Duration::from_secs(5);

async fn start(authority: &Authority, name: &str, join: &[&Served]) -> Served {
    let mut flags = vec!["--down-after".to_owned(), "2s".to_owned()];
    flags.extend(["--cert".to_owned(), authority.member(name).display().to_string()]);
    for other in join {
        flags.extend(["--join".to_owned(), other.cluster_address().await.to_string()]);
    }
    Served::start_node(chat(), flags).await
}

/// What is in a room, as that node says.
async fn history(node: &Served, room: &str) -> Vec<String> {
    let answer = node.get(&format!("/api/rooms/{room}/history")).await;
    let answer: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    texts(&answer["messages"])
}

/// Waits until a node says that the room is there; where it lives.
async fn until_known(node: &Served, room: &str) -> String {
    within(async {
        loop {
            let rooms: Value = serde_json::from_str(&node.get("/api/rooms").await.text).expect("JSON");
            let line = rooms["rooms"].as_array().and_then(|rooms| rooms.iter().find(|line| line["name"] == room));
            if let Some(node) = line.and_then(|line| line["node"].as_str()) {
                return node.to_owned();
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_survives_the_node_that_it_lives_on() {
    let authority = Authority::new(&["a", "b", "c"]);
    let a = start(&authority, "a", &[]).await;
    let b = start(&authority, "b", &[&a]).await;
    let c = start(&authority, "c", &[&a, &b]).await;
    for (node, other) in [(&b, "a"), (&b, "c"), (&c, "a")] {
        node.logs(&["a node is Up", &format!("node={other}")]).await;
    }

    // The room lives where its first visitor is; from elsewhere it is the same room.
    let mut host = Visitor::enter(&a, "lobby", "host").await;
    assert_eq!(host.hears("joined").await["node"], "a");
    for node in [&b, &c] {
        assert_eq!(until_known(node, "lobby").await, "a");
    }
    let (mut bea, mut cid) = (Visitor::enter(&b, "lobby", "bea").await, Visitor::enter(&c, "lobby", "cid").await);
    for visitor in [&mut bea, &mut cid] {
        assert_eq!(visitor.hears("joined").await["node"], "a");
    }
    bea.say("1", "before").await;
    for visitor in [&mut host, &mut bea, &mut cid] {
        assert_eq!(visitor.hears("message").await["text"], "before");
    }
    // Both have their copies of it: what comes after a whole one is in it before a member hears of it.
    for node in [&b, &c] {
        node.logs(&["the copy of room lobby is whole"]).await;
    }

    let killed_at = Instant::now();
    a.kill().await;
    for visitor in [&mut bea, &mut cid] {
        let down = visitor.hears("down").await;
        assert_eq!(down["word"], "noconnection", "{down}");
        visitor.hears("up").await;
    }
    bea.say("2", "after").await;
    cid.say("1", "from c").await;
    for visitor in [&mut bea, &mut cid] {
        let mut heard = Vec::new();
        while heard.len() < 2 {
            heard.push(visitor.hears("message").await["text"].as_str().expect("a text").to_owned());
        }
        heard.sort();
        assert_eq!(heard, ["after", "from c"]);
    }
    let took = killed_at.elapsed();
    println!("everyone is back, and messages arrive, {took:?} after kill -9");
    if std::env::var_os("RUSM_TIMED").is_some() {
        assert!(took < BACK_WITHIN, "{took:?}");
    }
    let both = [history(&b, "lobby").await, history(&c, "lobby").await];
    assert_eq!(both[0], both[1]);
    assert_eq!((both[0].len(), both[0][0].as_str()), (3, "bea: before"));

    // It comes back, and is told where the room is now.
    let a = start(&authority, "a", &[&b]).await;
    let mut host = Visitor::enter(&a, "lobby", "host").await;
    host.hears("joined").await;
    cid.say("2", "welcome back").await;
    within(async { while !history(&a, "lobby").await.contains(&"cid: welcome back".to_owned()) {} }).await;
    for visitor in [&mut bea, &mut cid] {
        while visitor.hears("message").await["text"] != "welcome back" {}
    }
}
