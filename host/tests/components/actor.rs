use crate::support::{World, names, until, within};
use rusm_core::{CallError, ExitReason, Message, Payload, Started};
use rusm_host::manifest::Grants;
use rusm_host::{START_FAILED, TRAP};
use std::time::Duration;

/// Actors that may reach each other by these names and register them.
fn sociable() -> World {
    let grants = Grants {
        reach: names(&["friend", "observer"]),
        register: names(&["friend"]),
        spawn: ["puppet".to_owned()].into(),
        ..Grants::default()
    };
    World::new().actor("puppet", grants)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_init_and_hands_it_the_arguments() {
    let world = World::puppet();
    let puppet = world.up("puppet", "some arguments").await;
    assert_eq!(puppet.ask("seen").await, "init some arguments");
    let info = world.node.process_info(puppet.pid).expect("it lives");
    assert_eq!(info.label, "puppet");
    assert!(info.memory_bytes > 0, "its memory is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_fails_with_what_init_says() {
    let world = World::puppet();
    let Started::Failed(reason) = world.start("puppet", "fail no room today").await else { panic!("it started") };
    assert_eq!(reason, ExitReason::new(START_FAILED).with_detail("no room today"));
    until(async || (world.node.process_count() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_fails_with_the_trap_of_init() {
    let world = World::puppet();
    let Started::Failed(reason) = world.start("puppet", "panic at once").await else { panic!("it started") };
    assert_eq!(reason.word(), TRAP);
    assert!(reason.detail().is_some_and(|detail| detail.contains("at once")), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_at_once_or_later() {
    let world = World::puppet();
    let puppet = world.up("puppet", "").await;
    assert_eq!(puppet.ask("echo hello").await, "hello");
    let (later, ()) = tokio::join!(puppet.ask("later"), async {
        until(async || (puppet.ask("is-asked").await == "true").then_some(())).await;
        puppet.tell("answer after all");
    });
    assert_eq!(later, "after all");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_call_each_other_by_pid_and_by_name() {
    let world = sociable();
    let (caller, called) = (world.up("puppet", "").await, world.up("puppet", "register friend").await);
    let pid = called.pid_text().await;
    assert_eq!(caller.ask(&format!("call-for 60000 {pid} echo by pid")).await, "by pid");
    assert_eq!(caller.ask("call friend echo by name").await, "by name");
    assert_eq!(caller.ask("call friend caller").await, caller.pid_text().await, "the caller is who called");
    assert_eq!(caller.ask("whereis friend").await, pid);
    assert_eq!(caller.ask("send friend a word").await, "ok");
    assert_eq!(called.ask("seen").await, "init register friend; message a word");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_answers_times_out_and_one_to_the_dead_is_down() {
    let world = World::puppet();
    let (caller, called) = (world.up("puppet", "").await, world.up("puppet", "").await);
    let pid = called.pid_text().await;
    assert_eq!(caller.ask(&format!("call-for 1 {pid} later")).await, "timeout");
    called.tell("answer too late");
    assert_eq!(called.ask("echo x").await, "x", "the answer was given");
    assert_eq!(caller.ask("seen").await, "init ", "and was dropped");
    assert!(caller.ask(&format!("call-for 60000 {pid} panic boom")).await.starts_with("down trap("));
    assert_eq!(caller.ask(&format!("call-for 60000 {pid} echo x")).await, "down noproc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_ends_the_process_with_the_panics_message_and_a_backtrace() {
    let world = World::puppet();
    let reason = world.up("puppet", "").await.ends("panic out of luck").await;
    assert_eq!(reason.word(), TRAP);
    let detail = reason.detail().expect("there is one");
    assert!(detail.contains("src/lib.rs") && detail.contains("out of luck"), "{detail}");
    let backtrace = reason.backtrace().expect("there is one");
    assert!(backtrace.contains("actor::Puppet"), "it names the guest's functions: {backtrace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_ends_the_process_with_the_guests_own_reason() {
    let world = World::puppet();
    let reason = world.up("puppet", "").await.ends("exit enough for today").await;
    assert_eq!(reason, ExitReason::new("enough").with_detail("for today"));
    assert!(reason.backtrace().is_none(), "it is no trap");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_signal_ends_whoever_is_linked_or_arrives_as_an_event() {
    let world = World::puppet();
    let (patient, trapping) = (world.up("puppet", "").await, world.up("puppet", "trap-exit").await);
    let linked = world.up("puppet", "").await;
    let pid = linked.pid_text().await;
    for other in [patient, trapping] {
        assert_eq!(other.ask(&format!("link {pid}")).await, "ok");
    }
    linked.tell("stop boom");
    assert_eq!(patient.exit().await, ExitReason::new("boom"));
    until(async || (trapping.ask("seen").await == "init trap-exit; exit boom").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlinked_process_hears_nothing() {
    let world = World::puppet();
    let (one, other) = (world.up("puppet", "").await, world.up("puppet", "").await);
    let pid = other.pid_text().await;
    one.ask(&format!("link {pid}")).await;
    one.ask(&format!("unlink {pid}")).await;
    assert_eq!(other.ends("exit boom").await.word(), "boom");
    assert_eq!(one.ask("seen").await, "init ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_brings_one_down_of_a_pid_or_a_name() {
    let world = sociable();
    let (watcher, watched) = (world.up("puppet", "").await, world.up("puppet", "register friend").await);
    watcher.ask(&format!("monitor-pid {}", watched.pid_text().await)).await;
    watcher.ask("monitor friend").await;
    let gone = watcher.ask("monitor friend").await;
    assert_eq!(watcher.ask(&format!("demonitor {gone}")).await, "ok");
    watched.tell("stop boom");
    until(async || (watcher.ask("seen").await == "init ; down pid boom; down friend boom").then_some(())).await;
    watcher.ask("monitor friend").await;
    until(async || watcher.ask("seen").await.ends_with("; down friend noproc").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_of_a_name_on_a_node_that_nobody_knows_is_down_at_once() {
    let world = World::new().actor("puppet", Grants { reach: names(&["friend@*"]), ..Grants::default() });
    let watcher = world.up("puppet", "").await;
    watcher.ask("monitor-at friend nowhere").await;
    until(async || (watcher.ask("seen").await == "init ; down friend@nowhere noconnection").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spawned_process_is_linked_and_monitored_in_one_step() {
    let world = sociable();
    let parent = world.up("puppet", "trap-exit").await;
    let pid = parent.ask("spawn both puppet child").await;
    assert_eq!(parent.ask(&format!("call-for 60000 {pid} seen")).await, "init child");
    let info = world.node.process_info(parent.pid).expect("it lives");
    assert_eq!((info.links.len(), info.monitors.len()), (1, 1));
    let child = world.at(info.links[0]);
    assert_eq!(world.node.process_info(child.pid).expect("it lives").parent, Some(parent.pid));
    child.tell("stop boom");
    until(async || (parent.ask("seen").await == "init trap-exit; exit boom; down pid boom").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spawn_that_fails_leaves_nothing_behind() {
    let world = sociable();
    let parent = world.up("puppet", "trap-exit").await;
    let failed = parent.ask("spawn both puppet fail no room").await;
    assert_eq!(failed, "failed: start_failed(no room)");
    assert_eq!(parent.ask("seen").await, "init trap-exit");
    let info = world.node.process_info(parent.pid).expect("it lives");
    assert_eq!((info.links.len(), info.monitors.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_of_its_parent_terminates_a_process_that_traps_exits() {
    let world = sociable();
    let (sender, heard) = tokio::sync::oneshot::channel();
    let observer = world.node.spawn(async move |context: rusm_core::Context| {
        let Message::Plain(Payload::Term(term)) = context.receive().await else { panic!("that is no message") };
        sender.send(String::from_utf8(term.bytes.into())).expect("the test waits");
    });
    world.node.register("observer", observer).expect("the name is free");
    let parent = world.up("puppet", "").await;
    parent.ask("spawn link puppet trap-exit").await;
    let child = world.at(world.node.process_info(parent.pid).expect("it lives").links[0]);
    parent.tell("stop boom");
    assert_eq!(child.exit().await.word(), "boom");
    assert_eq!(within(heard).await.expect("it was sent").as_deref(), Ok("terminated boom"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_given_and_taken() {
    let world = sociable();
    let (one, other) = (world.up("puppet", "").await, world.up("puppet", "").await);
    assert_eq!(one.ask("whereis friend").await, "nobody");
    assert_eq!(one.ask("send friend hello").await, "badarg: nobody has the name \"friend\"");
    assert_eq!(one.ask("register friend").await, "ok");
    assert!(other.ask("register friend").await.starts_with("badarg: "));
    assert!(other.ask("unregister friend").await.starts_with("badarg: "), "it has another owner");
    assert_eq!(one.ask("unregister friend").await, "ok");
    assert_eq!(other.ask("register friend").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_once_or_is_cancelled() {
    let world = World::puppet();
    let puppet = world.up("puppet", "").await;
    let far = puppet.ask("after 3600000 never").await;
    assert_eq!(puppet.ask(&format!("cancel {far}")).await, "true");
    assert_eq!(puppet.ask(&format!("cancel {far}")).await, "false");
    puppet.ask("after 1 soon").await;
    until(async || (puppet.ask("seen").await == "init ; message soon").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_signals_kill_and_cannot_be_trapped_as_kill() {
    let world = World::puppet();
    let (killer, victim) = (world.up("puppet", "").await, world.up("puppet", "trap-exit").await);
    let pid = victim.pid_text().await;
    killer.ask(&format!("kill please {pid}")).await;
    until(async || (victim.ask("seen").await == "init trap-exit; exit please").then_some(())).await;
    killer.ask(&format!("kill kill {pid}")).await;
    assert_eq!(victim.exit().await, ExitReason::KILLED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_value_is_dropped_and_the_guest_lives_on() {
    let world = World::puppet();
    let puppet = world.up("puppet", "").await;
    world.node.send(puppet.pid, Payload::local(7_u32)).expect("a pid can always be sent to");
    let unanswered = world.node.call(puppet.pid, Payload::local(7_u32), Duration::from_millis(1)).await;
    assert_eq!(unanswered.err(), Some(CallError::Timeout));
    assert_eq!(puppet.ask("seen").await, "init ");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_sleep_and_draw_random_numbers() {
    let world = World::puppet();
    let (one, other) = (world.up("puppet", "").await, world.up("puppet", "").await);
    assert_eq!(one.ask("sleep 5").await, "true");
    assert_ne!(one.ask("random").await, other.ask("random").await);
}
