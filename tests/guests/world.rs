//! Three nodes that run the same component, which does what it is told.

use crate::build;
use rand_core::Rng;
use rusm_core::{Encoding, Node, NodeId, Payload, Pid, SpawnOptions, Started, Term};
use rusm_host::manifest::{ForeignCode, Grants, NamePattern};
use rusm_host::{Engine, Host, HostOptions, Profile};
use rusm_sim::{FaultKind, SimHandle, Test};
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

/// Longer than any connection lives without a sign of life, and than a new one takes.
const SETTLE: Duration = Duration::from_secs(60);

/// Longer than any answer takes of a process that lives and is asked by its own node.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whatever can go wrong between the nodes does, for a while; nothing at all in some runs.
pub(crate) fn faults(test: &mut Test) {
    test.faults(FaultKind::between_hosts().chain([FaultKind::Crash])).fault_count(0..12);
    test.heal_at(Duration::from_secs(10)..Duration::from_secs(50)).bound(Duration::from_secs(900));
}

/// Returns when nothing goes wrong any more and everything has come to rest.
pub(crate) async fn rest(sim: &SimHandle) {
    while !sim.healed() {
        sim.sleep(Duration::from_millis(100)).await;
    }
    sim.sleep(SETTLE).await;
}

/// The engine of all runs.
pub(crate) fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let cache = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests").join("code-cache");
    ENGINE.get_or_init(|| Engine::new(Profile::Simulation, Some(cache())).expect("this machine can run it")).clone()
}

/// The component's code.
#[expect(clippy::disallowed_methods, reason = "it is read before any run")]
pub(crate) fn puppet_code() -> &'static [u8] {
    static CODE: OnceLock<Vec<u8>> = OnceLock::new();
    CODE.get_or_init(|| std::fs::read(build::puppet()).expect("it has been built"))
}

/// A host with the component `puppet`, which it hands out.
pub(crate) fn host_of_puppets(grants: Grants) -> Host {
    let host = host(HostOptions { hand_out_code: true, ..HostOptions::new(engine()) });
    host.load_here("puppet", puppet_code(), grants).expect("it is a component");
    host
}

/// A host without components that takes those of others.
pub(crate) fn host_that_accepts(bytes: u64, grants: Grants) -> Host {
    host(HostOptions { foreign_code: ForeignCode { accept: true, bytes, grants }, ..HostOptions::new(engine()) })
}

pub(crate) fn host(options: HostOptions) -> Host {
    Host::new(options).expect("the host functions fit together")
}

pub(crate) fn names(names: &[&str]) -> Vec<NamePattern> {
    names.iter().copied().map(NamePattern::new).collect()
}

/// Starts a puppet on its own node.
pub(crate) async fn puppet(node: &Node, host: &Host) -> Pid {
    let body = host.body("puppet", text("")).expect("it can be started");
    let options = SpawnOptions { label: "puppet".to_owned(), ..SpawnOptions::default() };
    match node.start_process(options, body).await {
        Started::Up(pid) => pid,
        other => panic!("it did not start: {other:?}"),
    }
}

/// Tells a puppet, on its own node, to do something; `None` when it has ended instead.
pub(crate) async fn ask(node: &Node, puppet: Pid, what: &str) -> Option<String> {
    match node.call(puppet, text(what), PATIENCE).await {
        Ok(Payload::Term(answer)) => Some(String::from_utf8(answer.bytes.into()).expect("it answers with text")),
        Ok(Payload::Local(_)) => panic!("a guest has no native values"),
        Err(rusm_core::CallError::Down(_)) => None,
        Err(error) => panic!("{what}: {error}"),
    }
}

pub(crate) fn text(text: &str) -> Term {
    Term::new(Encoding::Text, text.to_owned())
}

/// A list of pids as a puppet writes it.
pub(crate) fn pids(json: &str) -> Vec<Pid> {
    let list: Vec<Value> = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    list.iter().map(pid).collect()
}

/// A pid as a puppet writes it; `None` when it wrote something else.
pub(crate) fn pid_in(text: &str) -> Option<Pid> {
    serde_json::from_str(text).ok().map(|json| pid(&json))
}

fn pid(json: &Value) -> Pid {
    let number = |key: &str| json[key].as_u64().unwrap_or_else(|| panic!("no {key} in {json}"));
    let word = |key: &str| u32::try_from(number(key)).expect("32 bits");
    Pid {
        node: NodeId::from_u32(word("node")),
        incarnation: word("incarnation"),
        index: word("index"),
        serial: word("serial"),
        random: number("random"),
    }
}

/// The node, of those that are up, that a process lives on.
pub(crate) fn lives(sim: &SimHandle, pid: Pid) -> bool {
    let nodes = NAMES.iter().filter_map(|name| sim.node(name));
    nodes.into_iter().any(|node| node.id() == pid.node && node.process_info(pid).is_some())
}

/// A number below `bound`.
pub(crate) fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    rng.next_u64() % bound
}

/// A duration below that many milliseconds.
pub(crate) fn millis(rng: &mut impl Rng, bound: u64) -> Duration {
    Duration::from_nanos(below(rng, bound * 1_000_000))
}
