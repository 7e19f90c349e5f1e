//! The same seed gives the same trace, in another process too; one changed event gives another.

use rusm_core::{ChildSpec, Context, ExitReason, Node, Strategy, Supervisor, SupervisorSpec};
use rusm_sim::{Sim, SimHandle, SimOptions};
use std::process::Command;
use std::time::Duration;

const SEEDS: u64 = 20;
const PRINT_SEED: &str = "RUSM_PRINT_HASH_OF_SEED";

async fn writer(context: Context) {
    let file = context.node().seams().storage.open("data").expect("a healthy disk");
    loop {
        context.receive_timeout(Duration::from_millis(1), |_| true).await;
        file.write(0, &context.random().to_le_bytes()).expect("a healthy disk");
    }
}

/// A bit of everything: a supervisor, processes, timers, names, a disk, a connection, a crash.
async fn workload(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(100, Duration::from_secs(1));
    let child = ChildSpec::worker("echo", |context, _| writer(context));
    Supervisor::start(&node, spec.child(child.name("echo"))).await;
    let listener = sim.seams("a").sockets.listen("0.0.0.0:80".parse().expect("an address")).await.expect("a free port");
    let address = (sim.network().address("a").expect("a host"), 80).into();
    let (client, server) = (sim.seams("client").sockets.connect(address), listener.accept());
    sim.spawn("client", async move { drop(client.await) });
    drop(server.await);
    for _ in 0..5 {
        sim.sleep(Duration::from_millis(3)).await;
        if let Some(echo) = node.whereis("echo") {
            node.exit_signal(echo, ExitReason::new("boom"));
        }
    }
    sim.crash("a");
    sim.sleep(Duration::from_millis(3)).await;
}

fn hash(seed: u64, extra: impl FnOnce(&SimHandle)) -> String {
    let sim = Sim::new(SimOptions::new(seed));
    extra(&sim);
    sim.block_on(workload(sim.handle())).expect("the workload ends");
    assert!(sim.recorder().events() > 100, "the log has only {} events", sim.recorder().events());
    sim.hash().expect("the run keeps its log")
}

#[test]
fn two_processes_agree() {
    let program = std::env::current_exe().expect("this program");
    for seed in 1..=SEEDS {
        let mut other = Command::new(&program);
        other.args(["--exact", "hash::print_hash", "--nocapture"]).env(PRINT_SEED, seed.to_string());
        let output = String::from_utf8(other.output().expect("this program runs").stdout).expect("text");
        let printed = output.split_whitespace().find_map(|word| word.strip_prefix("trace:"));
        assert_eq!(printed, Some(hash(seed, |_| ()).as_str()), "seed {seed}: {output}");
    }
}

/// Prints the hash of one seed for [`two_processes_agree`]; without a seed, compares a seed with itself.
#[test]
fn print_hash() {
    match std::env::var(PRINT_SEED) {
        Ok(seed) => println!("trace:{}", hash(seed.parse().expect("a seed"), |_| ())),
        Err(_) => assert_eq!(hash(7, |_| ()), hash(7, |_| ())),
    }
}

#[test]
fn seeds_differ() {
    let hashes: std::collections::BTreeSet<String> = (1..=SEEDS).map(|seed| hash(seed, |_| ())).collect();
    assert_eq!(hashes.len() as u64, SEEDS);
}

#[test]
fn one_changed_event_changes_the_hash() {
    for seed in 1..=SEEDS {
        let plain = hash(seed, |_| ());
        assert_ne!(plain, hash(seed, |sim| sim.record("note", "one event more")));
        assert_ne!(plain, hash(seed, |sim| sim.at(rusm_core::Timestamp::from_nanos(1), || ())));
    }
}
