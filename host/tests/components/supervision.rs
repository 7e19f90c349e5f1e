use crate::support::{World, names, text, until};
use rusm_core::{ChildSpec, ProcessSpec, Shutdown, Started, Strategy, Supervisor, SupervisorRef, SupervisorSpec, Term};
use rusm_host::app::{COMPONENT_KIND, supervisor_name};
use rusm_host::manifest::Grants;
use std::time::Duration;

fn world() -> World {
    let grants = Grants {
        supervise: ["rooms".to_owned()].into(),
        register: names(&["friend"]),
        reach: names(&["observer"]),
        ..Grants::default()
    };
    World::new().actor("puppet", grants)
}

fn child(args: &str) -> ChildSpec {
    let spec = ProcessSpec {
        kind: COMPONENT_KIND.to_owned(),
        target: "puppet".to_owned(),
        digest: None,
        args: text(args),
        grants: None,
    };
    ChildSpec::process("room", spec).shutdown(Shutdown::Timeout(Duration::from_secs(60)))
}

async fn supervise(world: &World, spec: SupervisorSpec) {
    match Supervisor::start(&world.node, spec).await {
        Started::Up(_) => {}
        other => panic!("the supervisor did not start: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_traps_is_started_again_with_its_arguments() {
    let world = world();
    supervise(&world, SupervisorSpec::new(Strategy::OneForOne).child(child("register friend"))).await;
    let first = world.at(world.node.whereis("friend").expect("it is up"));
    assert_eq!(first.ends("panic boom").await.word(), "trap");
    let second = until(async || world.node.whereis("friend").filter(|pid| *pid != first.pid)).await;
    assert_eq!(world.at(second).ask("seen").await, "init register friend");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_starts_and_lists_children_of_a_dynamic_supervisor() {
    let world = world();
    supervise(&world, SupervisorSpec::dynamic(child("")).name(supervisor_name("rooms"))).await;
    let asking = world.up("puppet", "").await;
    assert_eq!(asking.ask("which-children rooms").await, "");
    let pid = asking.ask("start-child rooms lobby").await;
    assert_eq!(asking.ask(&format!("call-for 60000 {pid} seen")).await, "init lobby");
    assert_eq!(asking.ask("which-children rooms").await, "room true 0");
    assert!(asking.ask(&format!("call-for 60000 {pid} panic boom")).await.starts_with("down trap"));
    until(async || (asking.ask("which-children rooms").await == "room true 1").then_some(())).await;
    assert_eq!(asking.ask("start-child rooms fail full").await, "failed: start_failed(full)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_is_not_there_is_noproc() {
    let world = world();
    let asking = world.up("puppet", "").await;
    assert_eq!(asking.ask("start-child rooms lobby").await, "noproc");
    assert_eq!(asking.ask("which-children rooms").await, "noproc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_child_that_traps_exits_is_told_to_terminate() {
    let world = world();
    let (sender, heard) = tokio::sync::oneshot::channel();
    let observer = world.node.spawn(async move |context: rusm_core::Context| {
        let rusm_core::Message::Plain(payload) = context.receive().await else { panic!("that is no message") };
        sender.send(payload.as_term().cloned()).expect("the test waits");
    });
    world.node.register("observer", observer).expect("the name is free");
    let name = supervisor_name("rooms");
    supervise(&world, SupervisorSpec::new(Strategy::OneForOne).name(&name).child(child("trap-exit"))).await;
    let supervisor = SupervisorRef::from(name);
    supervisor.terminate_child(&world.node, "room").await.expect("it is there");
    let term: Option<Term> = heard.await.expect("it was sent");
    assert_eq!(term, Some(text("terminated shutdown")));
}
