//! One node, many clients.

use crate::support::{Served, next, within};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;

const SOCKETS: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_websockets_live_in_a_process_each() {
    let node = Served::start().await;
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(node.socket("a").await);
    }
    assert_eq!(node.processes("socket").await, SOCKETS);
    for socket in &mut sockets {
        socket.send(Message::text("hello")).await.expect("sent");
    }
    for socket in &mut sockets {
        assert_eq!(next(socket).await, "hello");
    }
    // One of them crashes: it is one less, and all others are still there.
    sockets[SOCKETS / 2].send(Message::text("trap")).await.expect("sent");
    assert_eq!(next(&mut sockets[SOCKETS / 2]).await, "close 1011 the process of this connection ended");
    sockets.remove(SOCKETS / 2);
    assert_eq!(node.processes("socket").await, SOCKETS - 1);
    node.terminate();
    within(async {
        for socket in &mut sockets {
            assert_eq!(next(socket).await, "close 1001 the server is going away");
            assert_eq!(next(socket).await, "cut");
        }
    })
    .await;
    let (status, log) = node.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
}
