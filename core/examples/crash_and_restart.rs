//! A tour of what happens when processes crash: links, monitors, trapping, and a tree that heals and at last gives up.
//!
//! `cargo run -p rusm-core --example crash_and_restart`

use rusm_core::seam::Seams;
use rusm_core::{
    ChildSpec, Context, ExitReason, Message, Node, NodeOptions, Started, Strategy, Supervisor, SupervisorSpec,
};
use std::time::Duration;

async fn idle(context: Context) {
    context.receive_match(|_| false).await;
}

fn cheese() -> u32 {
    0
}

async fn tour(context: Context) {
    println!("1. A monitor tells how a process ended.");
    context.spawn_monitor(|_| async { assert!(cheese() > 0, "out of cheese") });
    println!("   {:?}", context.receive().await);

    println!("2. A link ends both; who traps exits gets a message instead.");
    context.trap_exit(true);
    let first = context.spawn_link(|context| async move {
        context.spawn_link(|_| async { ExitReason::new("tripped") });
        idle(context).await;
    });
    println!("   {first} fell with the one it was linked to: {:?}", context.receive().await);

    println!("3. A supervisor starts its children again, here always both.");
    let spec = SupervisorSpec::new(Strategy::OneForAll)
        .intensity(2, Duration::from_secs(5))
        .child(ChildSpec::worker("store", |context, _| idle(context)).name("store"))
        .child(ChildSpec::worker("cache", |context, _| idle(context)).name("cache"));
    let Started::Up(supervisor) = Supervisor::start_link(&context, spec).await else { panic!("it did not start") };
    for _ in 0..2 {
        let (store, cache) = (context.whereis("store"), context.whereis("cache"));
        println!("   store {store:?}, cache {cache:?}: the store crashes");
        context.exit_signal(store.expect("it runs"), ExitReason::new("boom"));
        while context.whereis("cache").is_none_or(|now| Some(now) == cache) {
            context.sleep(Duration::from_millis(1)).await;
        }
    }

    println!("4. A third crash within five seconds is one too many: the supervisor gives up, in order.");
    context.exit_signal(context.whereis("store").expect("it runs"), ExitReason::new("boom"));
    let ended = context.receive_match(|message| matches!(message, Message::Exit { from, .. } if *from == supervisor));
    println!("   {:?}; the cache is gone too: {:?}", ended.await, context.whereis("cache"));
}

#[tokio::main]
async fn main() {
    let node = Node::start(NodeOptions::new("example", Seams::production(std::env::temp_dir())));
    let guide = node.spawn(tour);
    println!("The tour ended: {}", node.await_exit(guide).await);
}
