//! Three nodes that talk over QUIC.

use rusm_core::{Context, Destination, Encoding, Message, Node, NodeId, Term};
use rusm_sim::{SimHandle, Test};
use std::time::Duration;

pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Nodes, each with an echo.
pub(crate) fn echoes(test: &mut Test) {
    test.cluster(&NAMES, |node| async move {
        node.spawn(echo);
    });
}

async fn echo(context: Context) {
    context.register("echo", context.pid()).expect("the name is free");
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            context.reply(from, payload);
        }
    }
}

pub(crate) fn node(sim: &SimHandle, name: &str) -> Node {
    sim.node(name).expect("it is up")
}

/// Whether the echo of that node answers a question of so many bytes within that time.
pub(crate) async fn asks(sim: &SimHandle, from: &str, of: &str, len: usize, within: Duration) -> bool {
    let echo = Destination::NameAt { name: "echo".to_owned(), node: NodeId::of_name(of) };
    let Some(node) = sim.node(from) else { return false };
    node.call(echo, Term::new(Encoding::Raw, vec![7; len]), within).await.is_ok()
}

/// Returns when the one has reached the other.
pub(crate) async fn reaches(sim: &SimHandle, from: &str, of: &str) {
    while !asks(sim, from, of, 1, ms(1_000)).await {
        sim.sleep(ms(100)).await;
    }
}
