//! What keeps a component from being started on another node, and what it may do there.

use crate::world::{
    NAMES, ask, engine, host, host_of_puppets, host_that_accepts, names, pid_in, puppet, puppet_code, text,
};
use rusm_core::{Context, Encoding, Message, Node, Term};
use rusm_host::manifest::Grants;
use rusm_host::{Host, HostOptions};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::proto::{Config, Features};

fn spawn_everywhere() -> Grants {
    Grants { spawn: ["puppet".to_owned(), "puppet@*".to_owned()].into(), ..Grants::default() }
}

/// A node of the cluster, with what it has; it hands code out when its host does.
async fn start(sim: &SimHandle, name: &str, host: &Host, features: Features) -> Node {
    let config = Config { features, ..Config::default() };
    let nodes = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let node = Node::start(sim.node_options(name));
    sim.join(&node, ClusterOptions { nodes, config, ..ClusterOptions::default() });
    host.register(&node);
    node
}

/// `a` with a puppet, which may start others everywhere, and `b` with that host.
async fn two(sim: &SimHandle, a: &Host, b: &Host) -> (Node, Node, rusm_core::Pid) {
    let a_node = start(sim, "a", a, Features::ALL).await;
    let b_node = start(sim, "b", b, Features::ALL).await;
    sim.until_joined(&[a_node.clone(), b_node.clone()]).await;
    let puppet = puppet(&a_node, a).await;
    (a_node, b_node, puppet)
}

fn digest() -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(puppet_code()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[rusm_sim::test(seeds = 3)]
async fn a_node_takes_no_code_unless_its_operator_says_so(sim: SimHandle) {
    let host_a = host_of_puppets(spawn_everywhere());
    let (a, _b, puppet) = two(&sim, &host_a, &host(HostOptions::new(engine()))).await;
    host_a.hand_out_code(&a).await;
    let answer = ask(&a, puppet, "spawn-on b none puppet").await.expect("it lives");
    let expected = format!(
        "failed: denied(this node does not have the component puppet with the digest {}; code of other nodes is not \
         taken: foreign-code.accept is not set)",
        digest()
    );
    assert_eq!(answer, expected);
}

#[rusm_sim::test(seeds = 3)]
async fn code_is_taken_up_to_the_limit(sim: SimHandle) {
    let len = puppet_code().len() as u64;
    let host_a = host_of_puppets(spawn_everywhere());
    let (a, b, puppet) = two(&sim, &host_a, &host_that_accepts(len, Grants::default())).await;
    host_a.hand_out_code(&a).await;
    let answer = ask(&a, puppet, "spawn-on b none puppet").await.expect("it lives");
    assert_eq!(pid_in(&answer).map(|pid| pid.node), Some(b.id()), "{answer}");
    start(&sim, "c", &host_that_accepts(len - 1, Grants::default()), Features::ALL).await;
    sim.until_joined(&[a.clone(), b]).await;
    sim.sleep(std::time::Duration::from_secs(10)).await;
    let answer = ask(&a, puppet, "spawn-on c none puppet").await.expect("it lives");
    let limit = format!("it has {len} bytes; foreign-code.bytes of this node allows {}", len - 1);
    assert!(answer.starts_with("failed: start_failed(") && answer.contains(&limit), "{answer}");
}

#[rusm_sim::test(seeds = 3)]
async fn a_component_that_the_other_node_has_in_another_version_is_told_by_its_digest(sim: SimHandle) {
    let host_a = host_of_puppets(spawn_everywhere());
    let other_code = host(HostOptions::new(engine()));
    other_code.load_here("puppet", b"\0asm\x0d\0\x01\0", Grants::default()).expect("an empty component");
    let (a, _b, puppet) = two(&sim, &host_a, &other_code).await;
    let answer = ask(&a, puppet, "spawn-on b none puppet").await.expect("it lives");
    let expected = format!("has other code than the one with the digest {}", digest());
    assert!(answer.starts_with("failed: denied(") && answer.contains(&expected), "{answer}");
}

/// Answers each question for a piece of code with these bytes.
async fn liar(context: Context, answer: Vec<u8>) {
    loop {
        if let Message::Call { from, .. } = context.receive().await {
            context.reply(from, Term::new(Encoding::Raw, answer.clone()));
        }
    }
}

/// An answer as the protocol has it.
fn piece(total: u64, bytes: &[u8]) -> Vec<u8> {
    [&[1], &total.to_le_bytes()[..], bytes].concat()
}

#[rusm_sim::test(seeds = 3)]
async fn what_is_not_the_code_with_that_digest_never_runs(sim: SimHandle) {
    let host_a = host_of_puppets(spawn_everywhere());
    let (a, b, puppet) = two(&sim, &host_a, &host_that_accepts(1 << 20, Grants::default())).await;
    let cases: [(Vec<u8>, &str); 8] = [
        (
            piece(3, b"abc"),
            "has sent other code: its digest is ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            piece(0, b""),
            "has sent other code: its digest is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (piece(4 << 30, b"abc"), "it has 4294967296 bytes; foreign-code.bytes of this node allows 1048576"),
        (piece(2, b"abc"), "pieces that do not fit together"),
        (piece(2, b""), "pieces that do not fit together"),
        (vec![9, 9], "pieces that do not fit together"),
        (vec![], "pieces that do not fit together"),
        (vec![1], "does not have it"),
    ];
    for (answer, expected) in cases {
        let says = answer.clone();
        let liar = a.spawn(move |context| liar(context, says));
        a.register("rusm:code", liar).expect("it is free");
        let before = b.process_count();
        let told = ask(&a, puppet, "spawn-on b none puppet").await.expect("it lives");
        assert!(told.starts_with("failed: start_failed(") && told.contains(expected), "{answer:?}: {told}");
        assert_eq!(b.process_count(), before, "nothing is left");
        a.unregister("rusm:code").expect("it was registered");
    }
    let nobody = ask(&a, puppet, "spawn-on b none puppet").await.expect("it lives");
    assert!(nobody.contains("does not hand it out: "), "{nobody}");
    host_a.hand_out_code(&a).await;
    let honest = ask(&a, puppet, "spawn-on b none puppet").await.expect("it lives");
    assert!(pid_in(&honest).is_some(), "what went wrong before stands in nobody's way: {honest}");
}

#[rusm_sim::test(seeds = 3)]
async fn grants_are_narrowed_by_the_node_where_a_component_runs(sim: SimHandle) {
    let register = |names: &[&str]| Grants { register: crate::world::names(names), ..spawn_everywhere() };
    let host_a = host_of_puppets(register(&["x*", "y"]));
    let foreign = Grants { register: names(&["x1", "z"]), ..Grants::default() };
    let (a, b, puppet) = two(&sim, &host_a, &host_that_accepts(1 << 20, foreign)).await;
    host_a.hand_out_code(&a).await;
    start(&sim, "c", &host_of_puppets(register(&["x2", "y", "z"])), Features::ALL).await;
    sim.sleep(std::time::Duration::from_secs(10)).await;
    for (node, granted) in [("b", &["x1"][..]), ("c", &["x2", "y"])] {
        let child = ask(&a, puppet, &format!("spawn-on {node} none puppet")).await.expect("it lives");
        assert!(pid_in(&child).is_some(), "{child}");
        for name in ["x1", "x2", "x3", "y", "z"] {
            let told = ask(&a, puppet, &format!("call-for 10000 {child} register {name}")).await.expect("it lives");
            let denied = format!("denied: grants.register = [{name:?}] of component puppet is missing");
            assert_eq!(told, if granted.contains(&name) { "ok" } else { &denied }, "{name} on {node}");
            ask(&a, puppet, &format!("call-for 10000 {child} unregister {name}")).await.expect("it lives");
        }
        let told = ask(&a, puppet, &format!("call-for 10000 {child} spawn-on a none puppet")).await.expect("it lives");
        assert_eq!(pid_in(&told).is_some(), node == "c", "what is not granted on {node} is not granted: {told}");
    }
    drop(b);
}

#[rusm_sim::test(seeds = 3)]
async fn a_node_that_nobody_knows_or_that_knows_no_grants_says_why_not(sim: SimHandle) {
    let host_a = host_of_puppets(spawn_everywhere());
    let (a, _b, puppet) = two(&sim, &host_a, &host_of_puppets(Grants::default())).await;
    start(&sim, "c", &host_of_puppets(Grants::default()), Features(Features::ALL.0 & !Features::GRANTS.0)).await;
    sim.sleep(std::time::Duration::from_secs(10)).await;
    let nowhere = ask(&a, puppet, "spawn-on nowhere none puppet").await.expect("it lives");
    assert_eq!(nowhere, "failed: noconnection");
    let older = ask(&a, puppet, "spawn-on c none puppet").await.expect("it lives");
    assert_eq!(
        older,
        "failed: notsup(the node is of an older version, which does not start processes with grants for others)"
    );
    let call = a.call(puppet, text("spawn-on b none nothing"), std::time::Duration::from_secs(60)).await;
    assert!(call.is_ok(), "it lives");
}
