//! What the core's operations do, compared with slow and obvious models: random scripts in the simulator, where time is
//! virtual, so that both know when everything happens.

mod applications;
mod events;
mod groups;
mod process_info;
mod requests;
mod server;
mod server_reference;
mod sys;
mod sys_reference;
mod tasks;
mod timers;

use proptest::prelude::*;
use rusm_core::{Context, ExitReason, Node};
use rusm_sim::{Sim, SimOptions};
use std::fmt::Debug;

/// Runs a process in a simulator in which signals and polls take next to no time, until everything has ended.
fn run<Fut>(seed: u64, body: impl FnOnce(Context) -> Fut + Send + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut options = SimOptions::new(seed);
    options.profile.signal_ns_max = 1_000;
    options.profile.slow_signals = 0;
    options.profile.poll_ns_max = 500;
    let sim = Sim::new(options);
    let node = Node::start(sim.node_options("a"));
    let ended = sim.block_on(async move { node.await_exit(node.spawn(body)).await });
    assert!(matches!(ended.as_ref().map(ExitReason::word), Ok("normal" | "noproc")), "{ended:?}");
}

/// Up to 30 such steps, and then that one.
fn script_ending_with<Step>(last: Step, step: impl Strategy<Value = Step>) -> impl Strategy<Value = Vec<Step>>
where
    Step: Clone + Debug,
{
    prop::collection::vec(step, 0..30).prop_map(move |mut script| {
        script.push(last.clone());
        script
    })
}
