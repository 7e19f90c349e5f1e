//! A counter as a server: it is called, told, and stopped.
//!
//! `cargo run -p rusm-core --example counter_server`

use rusm_core::seam::Seams;
use rusm_core::{
    CallFrom, Called, Context, ExitReason, Init, Next, Node, NodeOptions, Server, ServerRef, SpawnOptions, Started,
};
use std::time::Duration;

struct Counter {
    value: i64,
}

enum Ask {
    Value,
    AddAndGet(i64),
}

impl Server for Counter {
    type Args = i64;
    type Call = Ask;
    type Reply = i64;
    type Cast = i64;
    type Continue = ();

    async fn init(_: &Context, start: i64) -> Init<Self> {
        Init::Up(Counter { value: start }, Next::Receive)
    }

    async fn handle_call(&mut self, _: &Context, ask: Ask, _: CallFrom<i64>) -> Called<Self> {
        if let Ask::AddAndGet(amount) = ask {
            self.value += amount;
        }
        Called::Reply(self.value, Next::Receive)
    }

    async fn handle_cast(&mut self, _: &Context, amount: i64) -> Next<Self> {
        self.value += amount;
        Next::Receive
    }

    async fn terminate(&mut self, _: &Context, reason: &ExitReason) {
        println!("the counter ends with {} ({reason})", self.value);
    }
}

#[tokio::main]
async fn main() {
    let node = Node::start(NodeOptions::new("example", Seams::production(std::env::temp_dir())));
    let options = SpawnOptions { name: Some("counter".to_owned()), ..SpawnOptions::default() };
    let Started::Up(pid) = node.start_process(options, Counter::body(40)).await else { panic!("it did not start") };

    let counter = ServerRef::<Counter>::from(pid);
    let second = Duration::from_secs(1);
    println!("value: {:?}", counter.call(&node, Ask::Value, second).await);
    println!("after adding 2: {:?}", counter.call(&node, Ask::AddAndGet(2), second).await);
    counter.cast(&node, 58);
    println!("after a cast of 58: {:?}", counter.call(&node, Ask::Value, second).await);

    counter.stop(&node, ExitReason::NORMAL, second).await.expect("it was running");
    println!("a call of the stopped counter: {:?}", counter.call(&node, Ask::Value, second).await);
}
