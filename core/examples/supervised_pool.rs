//! A pool of workers under a dynamic supervisor: each has arguments of its own, and one that crashes comes back with them.
//!
//! `cargo run -p rusm-core --example supervised_pool`

use rusm_core::seam::Seams;
use rusm_core::{
    ChildArgs, ChildSpec, Context, ExitReason, Message, Node, NodeOptions, Payload, Started, Supervisor, SupervisorRef,
    SupervisorSpec,
};
use std::time::Duration;

/// Answers how long a word is. It knows nothing of empty ones.
async fn count_letters(context: Context, args: ChildArgs) -> ExitReason {
    let name = args.downcast::<String>().expect("a name");
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            let word = payload.downcast::<String>().expect("a word");
            assert!(!word.is_empty(), "{name} cannot count nothing");
            context.reply(from, Payload::local(format!("{name}: {word} has {} letters", word.chars().count())));
        }
    }
}

#[tokio::main]
async fn main() {
    let node = Node::start(NodeOptions::new("example", Seams::production(std::env::temp_dir())));
    let spec = SupervisorSpec::dynamic(ChildSpec::worker("counter", count_letters))
        .name("pool")
        .intensity(10, Duration::from_secs(5));
    let Started::Up(_) = Supervisor::start(&node, spec).await else { panic!("the pool did not start") };
    let pool = SupervisorRef::from("pool");
    for name in ["ada", "bob", "cleo"] {
        pool.start_child_with(&node, ChildArgs::local(name.to_owned())).await.expect("a worker");
    }

    // Round robin; the fifth word crashes its worker.
    for (turn, word) in ["a", "pool", "of", "workers", "", "goes", "on"].into_iter().enumerate() {
        let workers = pool.which_children(&node).await.expect("the pool is there");
        let Some(worker) = workers[turn % workers.len()].pid else { continue };
        let answer = node.call(worker, Payload::local(word.to_owned()), Duration::from_secs(1)).await;
        match answer.map(Payload::downcast::<String>) {
            Ok(Ok(text)) => println!("{text}"),
            Ok(Err(_)) => println!("not an answer"),
            Err(error) => println!("no answer for {word:?}: {error}"),
        }
    }
    for worker in pool.which_children(&node).await.expect("the pool is there") {
        let pid = worker.pid.map_or("nobody".to_owned(), |pid| pid.to_string());
        println!("{pid} was started again {} times", worker.restarts);
    }
    pool.stop(&node, ExitReason::SHUTDOWN).await.expect("the pool is there");
}
