use super::{boom, check, down, say, settled};
use rusm_core::seam::Seams;
use rusm_core::{
    AutoShutdown, ChildArgs, ChildSpec, ChildStart, Context, Encoding, ExitReason, Factory, Message, Node, NodeOptions,
    Payload, Pid, ProcessBody, ProcessSpec, Restart, Shutdown, Started, Strategy, Supervisor, SupervisorError,
    SupervisorRef, SupervisorReport, SupervisorSpec, Term, TraceEvent, Tracer, process_body, sys,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A worker that waits for ever and does not trap exits.
fn worker(id: &str) -> ChildSpec {
    ChildSpec::worker(id, |context, _| async move { drop(context.receive_match(|_| false).await) })
}

fn one_for_one() -> SupervisorSpec {
    SupervisorSpec::new(Strategy::OneForOne).intensity(100, Duration::from_secs(5))
}

async fn start(context: &Context, spec: SupervisorSpec) -> (Pid, SupervisorRef) {
    context.trap_exit(true);
    match Supervisor::start_link(context, spec).await {
        Started::Up(pid) => (pid, SupervisorRef::from(pid)),
        other => panic!("the supervisor did not start: {other:?}"),
    }
}

/// The children's processes by id.
async fn children(context: &Context, supervisor: &SupervisorRef) -> BTreeMap<String, Pid> {
    let children = supervisor.which_children(context).await.expect("an answer");
    children.into_iter().filter_map(|child| Some((child.id, child.pid?))).collect()
}

/// Ends a process and waits until its supervisor has dealt with it.
async fn crash(context: &Context, supervisor: &SupervisorRef, pid: Pid) {
    context.exit_signal(pid, boom());
    settled(context, &[pid]).await;
    while children(context, supervisor).await.values().any(|child| *child == pid) {}
}

async fn exit_of(context: &Context, pid: Pid) -> ExitReason {
    match context.receive_match(|message| matches!(message, Message::Exit { from, .. } if *from == pid)).await {
        Message::Exit { reason, .. } => reason,
        other => panic!("not an exit: {other:?}"),
    }
}

#[test]
fn supervisors_and_their_children_are_labelled() {
    check(|context| async move {
        let nested = ChildSpec::supervisor("nested", one_for_one().child(worker("inner")));
        let spec = one_for_one().name("top").child(worker("outer")).child(nested);
        let (top, supervisor) = start(&context, spec).await;
        let label = |pid| context.node().process_info(pid).expect("it lives").label;
        assert_eq!((label(top), context.whereis("top")), ("top".to_owned(), Some(top)));
        let children = children(&context, &supervisor).await;
        assert_eq!((label(children["outer"]), label(children["nested"])), ("outer".to_owned(), "nested".to_owned()));
        let (unnamed, _) = start(&context, one_for_one()).await;
        assert_eq!(label(unnamed), "supervisor");
    });
}

#[test]
fn a_child_that_ends_is_started_again() {
    check(|context| async move {
        let (_, supervisor) = start(&context, one_for_one().child(worker("a")).child(worker("b"))).await;
        let before = children(&context, &supervisor).await;
        crash(&context, &supervisor, before["a"]).await;
        let after = supervisor.which_children(&context).await.expect("an answer");
        assert_eq!(after[0].pid, Some(before["b"]));
        assert_eq!((after[1].id.as_str(), after[1].restarts), ("a", 1));
        assert!(after[1].pid.is_some_and(|pid| pid != before["a"]));
    });
}

#[test]
fn a_child_that_has_unlinked_itself_cannot_hang_its_supervisor() {
    check(|context| async move {
        let naughty = ChildSpec::worker("naughty", |context, _| async move {
            context.unlink(context.parent().expect("a supervisor"));
            context.receive_match(|_| false).await;
        });
        let (pid, supervisor) = start(&context, one_for_one().child(naughty)).await;
        assert_eq!(supervisor.terminate_child(&context, "naughty").await, Ok(()));
        context.exit_signal(pid, ExitReason::SHUTDOWN);
        assert_eq!(exit_of(&context, pid).await, ExitReason::SHUTDOWN);
    });
}

#[test]
fn while_one_child_is_being_stopped_the_end_of_another_is_not_lost() {
    check(|context| async move {
        let slow = ChildSpec::worker("slow", |context, _| async move {
            context.trap_exit(true);
            context.receive_match(|message| matches!(message, Message::Exit { .. })).await;
            context.receive_match(|message| matches!(message, Message::Plain(_))).await;
        });
        let (pid, supervisor) =
            start(&context, one_for_one().child(slow.shutdown(Shutdown::Infinity)).child(worker("b"))).await;
        let before = children(&context, &supervisor).await;
        let asks = context.spawn(move |context| async move {
            SupervisorRef::from(pid).terminate_child(&context, "slow").await.expect("a child");
        });
        let stopped = context.monitor(asks);
        context.exit_signal(before["b"], boom());
        settled(&context, &[before["b"]]).await;
        context.send(before["slow"], say("go")).expect("a pid");
        assert_eq!(down(&context, stopped).await, ExitReason::NORMAL);
        while children(&context, &supervisor).await.get("b") == Some(&before["b"]) {}
        let after = children(&context, &supervisor).await;
        assert_eq!(after.keys().collect::<Vec<_>>(), ["b"]);
    });
}

#[test]
fn a_child_that_ends_by_itself_while_it_is_being_stopped_is_stopped() {
    check(|context| async move {
        for _ in 0..50 {
            let (pid, supervisor) = start(&context, one_for_one().child(worker("a"))).await;
            let child = children(&context, &supervisor).await["a"];
            context.exit_signal(child, boom());
            context.exit_signal(pid, ExitReason::SHUTDOWN);
            assert_eq!(exit_of(&context, pid).await, ExitReason::SHUTDOWN);
            assert!(!context.is_alive(child).await);
        }
    });
}

#[test]
fn a_killed_supervisor_takes_its_children_along_with_killed() {
    check(|context| async move {
        let (pid, supervisor) = start(&context, one_for_one().child(worker("a"))).await;
        let child = children(&context, &supervisor).await["a"];
        let monitor = context.monitor(child);
        context.exit_signal(pid, ExitReason::KILL);
        assert_eq!(down(&context, monitor).await, ExitReason::KILLED);
        assert_eq!(exit_of(&context, pid).await, ExitReason::KILLED);
    });
}

#[test]
fn a_supervisor_ignores_exit_signals_of_strangers_and_ends_with_its_parents() {
    check(|context| async move {
        let (told, mut started) = tokio::sync::mpsc::unbounded_channel();
        let parent = context.spawn(move |context| async move {
            let (pid, _) = start(&context, one_for_one().child(worker("a"))).await;
            told.send(pid).expect("the test waits");
            context.receive().await;
            ExitReason::new("parent")
        });
        let supervisor = started.recv().await.expect("started");
        let monitor = context.monitor(supervisor);
        context.exit_signal(supervisor, boom());
        assert_eq!(children(&context, &supervisor.into()).await.len(), 1);
        context.send(parent, say("end")).expect("a pid");
        assert_eq!(down(&context, monitor).await, ExitReason::new("parent"));
    });
}

#[test]
fn a_nested_supervisor_that_gives_up_is_restarted_by_its_own() {
    check(|context| async move {
        let inner = SupervisorSpec::new(Strategy::OneForOne).intensity(0, Duration::from_secs(5)).child(worker("a"));
        let (_, outer) = start(&context, one_for_one().child(ChildSpec::supervisor("inner", inner))).await;
        let first = children(&context, &outer).await["inner"];
        let child = children(&context, &first.into()).await["a"];
        context.exit_signal(child, boom());
        while children(&context, &outer).await["inner"] == first {}
        let second = children(&context, &outer).await["inner"];
        assert_eq!(children(&context, &second.into()).await.len(), 1);
    });
}

#[test]
fn a_restarted_child_has_its_name_again() {
    check(|context| async move {
        let spec = one_for_one().name("sup").child(worker("a").name("clock"));
        start(&context, spec).await;
        let supervisor = SupervisorRef::from("sup");
        for _ in 0..20 {
            let child = context.whereis("clock").expect("registered");
            assert_eq!(children(&context, &supervisor).await["a"], child);
            crash(&context, &supervisor, child).await;
        }
        let second = Supervisor::start(context.node(), one_for_one().name("sup")).await;
        assert!(matches!(second, Started::Failed(reason) if reason.word() == "already_started"));
    });
}

#[test]
fn calls_get_in_between_the_attempts_of_a_restart_that_goes_on_failing() {
    check(|context| async move {
        let starts = Arc::new(AtomicU32::new(0));
        let once = ChildStart::native_with_init(move |context: Context, _| {
            let first = starts.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if !first {
                    context.init_fail(boom());
                    return boom();
                }
                context.init_ack();
                context.receive_match(|_| false).await;
                ExitReason::NORMAL
            }
        });
        let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(u32::MAX, Duration::from_secs(5));
        let (_, supervisor) = start(&context, spec.child(ChildSpec::new("a", once))).await;
        context.exit_signal(children(&context, &supervisor).await["a"], boom());
        loop {
            let info = supervisor.which_children(&context).await.expect("an answer").remove(0);
            if info.restarting {
                break;
            }
        }
        assert_eq!(supervisor.restart_child(&context, "a").await, Err(SupervisorError::Restarting));
        assert_eq!(supervisor.terminate_child(&context, "a").await, Ok(()));
        assert_eq!(supervisor.delete_child(&context, "a").await, Ok(()));
    });
}

#[test]
fn a_start_that_fails_or_panics_is_answered_with_its_reason() {
    check(|context| async move {
        let (_, supervisor) = start(&context, one_for_one()).await;
        let failing = ChildStart::native_with_init(|_, _| async { boom() });
        let failed = supervisor.start_child(&context, ChildSpec::new("a", failing)).await;
        assert_eq!(failed, Err(SupervisorError::StartFailed(boom())));
        let panicking = ChildStart::Native(Arc::new(|_| panic!("no body")));
        let failed = supervisor.start_child(&context, ChildSpec::new("a", panicking)).await;
        assert_eq!(failed, Err(SupervisorError::StartFailed(ExitReason::PANIC.with_detail("no body"))));
        let unknown = ProcessSpec {
            kind: "component".into(),
            target: "x".into(),
            digest: None,
            args: Term::empty(),
            grants: None,
        };
        let failed = supervisor.start_child(&context, ChildSpec::process("a", unknown)).await;
        assert!(matches!(failed, Err(SupervisorError::StartFailed(reason)) if reason.word() == "undef"));
        assert!(children(&context, &supervisor).await.is_empty());
    });
}

/// Makes processes that answer a call with their start arguments.
struct Echo;

impl Factory for Echo {
    fn body(&self, _: &Node, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason> {
        let args = spec.args.clone();
        Ok(process_body(move |context: Context| async move {
            context.init_ack();
            while let Message::Call { from, .. } = context.receive().await {
                context.reply(from, args.clone());
            }
        }))
    }
}

#[test]
fn an_instance_made_by_a_factory_is_restarted_with_its_own_arguments() {
    check(|context| async move {
        context.node().register_factory("echo", Arc::new(Echo));
        let spec =
            ProcessSpec { kind: "echo".into(), target: "echo".into(), digest: None, args: Term::empty(), grants: None };
        let spec = SupervisorSpec::dynamic(ChildSpec::process("echo", spec)).intensity(100, Duration::from_secs(5));
        let (_, supervisor) = start(&context, spec).await;
        let args = Term::new(Encoding::Text, "room 7");
        let first = supervisor.start_child_with(&context, args.clone()).await.expect("started").expect("not ignored");
        crash(&context, &supervisor, first).await;
        let second = children(&context, &supervisor).await["echo"];
        let answer = context.call(second, say("who?"), Duration::MAX).await.expect("an answer");
        assert_eq!(answer.as_term(), Some(&args));
        assert_eq!(supervisor.terminate_child(&context, second).await, Ok(()));
        assert_eq!(supervisor.terminate_child(&context, second).await, Ok(()));
        assert_eq!(supervisor.terminate_child(&context, context.pid()).await, Err(SupervisorError::NotFound));
    });
}

#[test]
fn a_supervisor_ends_with_its_significant_child() {
    check(|context| async move {
        let done = ChildSpec::worker("job", |_, _| async {}).restart(Restart::Transient).significant(true);
        let spec = one_for_one().auto_shutdown(AutoShutdown::AnySignificant).child(worker("other")).child(done);
        let (pid, _) = start(&context, spec).await;
        assert_eq!(exit_of(&context, pid).await, ExitReason::SHUTDOWN);
    });
}

#[test]
fn a_spec_that_contradicts_itself_does_not_start() {
    check(|context| async move {
        context.trap_exit(true);
        let started = Supervisor::start_link(&context, one_for_one().child(worker("a").significant(true))).await;
        assert!(matches!(started, Started::Failed(reason) if reason.word() == "start_spec"));
        let (_, supervisor) = start(&context, one_for_one()).await;
        let refused = supervisor.start_child(&context, worker("a").significant(true)).await;
        assert!(matches!(refused, Err(SupervisorError::Spec(_))));
    });
}

#[test]
fn a_supervisor_without_a_parent_is_stopped_by_a_call() {
    check(|context| async move {
        let node = context.node();
        let Started::Up(pid) = Supervisor::start(node, one_for_one().child(worker("a"))).await else {
            panic!("it did not start")
        };
        let monitor = context.monitor(pid);
        SupervisorRef::from(pid).stop(&context, ExitReason::new("enough")).await.expect("it is there");
        assert_eq!(down(&context, monitor).await, ExitReason::new("enough"));
        let gone = SupervisorRef::from(pid).count_children(node).await;
        assert!(matches!(gone, Err(SupervisorError::Call(_))));
    });
}

#[test]
fn tens_of_thousands_of_instances_come_crash_and_go() {
    const COUNT: u32 = 20_000;
    check(|context| async move {
        let template = ChildSpec::worker("x", |context, _| async move { drop(context.receive().await) });
        let spec = SupervisorSpec::dynamic(template).intensity(COUNT, Duration::from_secs(3600));
        let (pid, supervisor) = start(&context, spec).await;
        for number in 0..COUNT {
            supervisor.start_child_with(&context, ChildArgs::local(number)).await.expect("started");
        }
        let running = supervisor.which_children(&context).await.expect("an answer");
        let crashed: Vec<Pid> = running.into_iter().step_by(4).filter_map(|child| child.pid).collect();
        for child in &crashed {
            context.exit_signal(*child, boom());
        }
        // When they are known to be dead their exits lie in the supervisor's mailbox.
        settled(&context, &crashed).await;
        let children = supervisor.which_children(&context).await.expect("an answer");
        assert_eq!(children.iter().map(|child| child.restarts).sum::<u32>(), COUNT / 4);
        assert_eq!(supervisor.count_children(&context).await.expect("an answer").active, COUNT as usize);
        context.exit_signal(pid, ExitReason::SHUTDOWN);
        assert_eq!(exit_of(&context, pid).await, ExitReason::SHUTDOWN);
    });
}

#[derive(Default)]
struct Reports(Mutex<Vec<SupervisorReport>>);

impl Tracer for Reports {
    fn event(&self, _: &Node, event: &TraceEvent<'_>) {
        if let TraceEvent::Supervisor { report, .. } = event {
            self.0.lock().unwrap().push((*report).clone());
        }
    }
}

#[test]
fn each_end_of_a_child_is_reported_with_what_the_supervisor_did() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let reports = Arc::new(Reports::default());
        let mut options = NodeOptions::new("a", Seams::production(std::env::temp_dir()));
        options.tracer = Some(reports.clone());
        let node = Node::start(options);
        let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(1, Duration::from_secs(3600)).child(worker("a"));
        let Started::Up(pid) = Supervisor::start(&node, spec).await else { panic!("it did not start") };
        let supervisor = SupervisorRef::from(pid);
        let first = supervisor.which_children(&node).await.expect("an answer")[0].pid.expect("running");
        node.exit_signal(first, boom());
        node.await_exit(first).await;
        let second = loop {
            let child = supervisor.which_children(&node).await.expect("an answer")[0].pid;
            if let Some(second) = child.filter(|pid| *pid != first) {
                break second;
            }
        };
        node.exit_signal(second, boom());
        assert_eq!(node.await_exit(pid).await, ExitReason::SHUTDOWN);
        let reports = reports.0.lock().unwrap();
        let told: Vec<String> =
            reports.iter().map(|report| format!("{} {}: {}", report.child, report.reason, report.decision)).collect();
        assert_eq!(reports[0].pid, Some(first));
        assert_eq!(
            told,
            [
                format!("a boom: restarted as {second}, 1 of 1 restarts in 3600s"),
                "a boom: gave up, restart 2 in 3600s and only 1 are allowed".to_owned(),
            ]
        );
    });
}

/// What the supervisors of a node have reported when `body` is through, on one thread.
fn reported<Fut: Future<Output = ()>>(body: impl FnOnce(Node) -> Fut) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let reports = Arc::new(Reports::default());
    runtime.block_on(async {
        let mut options = NodeOptions::new("a", Seams::production(std::env::temp_dir()));
        options.tracer = Some(reports.clone());
        body(Node::start(options)).await;
    });
    let reports = reports.0.lock().unwrap();
    reports.iter().map(|report| format!("{} {}: {}", report.child, report.reason, report.decision)).collect()
}

async fn started(node: &Node, spec: SupervisorSpec) -> (Pid, SupervisorRef) {
    match Supervisor::start(node, spec).await {
        Started::Up(pid) => (pid, SupervisorRef::from(pid)),
        other => panic!("the supervisor did not start: {other:?}"),
    }
}

/// A worker that traps exits and ends with this reason when it is told to end.
fn ending(id: &str, reason: ExitReason) -> ChildSpec {
    ChildSpec::worker(id, move |context, _| {
        let reason = reason.clone();
        async move {
            context.trap_exit(true);
            context.receive().await;
            reason
        }
    })
}

#[test]
fn of_children_that_are_not_started_again_only_a_crash_is_reported() {
    let reports = reported(|node| async move {
        let temporary = |id, reason| ending(id, reason).restart(Restart::Temporary);
        let spec = one_for_one().child(temporary("crashes", boom())).child(temporary("leaves", ExitReason::NORMAL));
        let (_, supervisor) = started(&node, spec).await;
        for child in supervisor.which_children(&node).await.expect("an answer") {
            node.send(child.pid.expect("it runs"), say("end")).expect("a pid");
        }
        while !supervisor.which_children(&node).await.expect("an answer").is_empty() {}
    });
    assert_eq!(reports, ["crashes boom: let go, it is temporary"]);
}

#[test]
fn a_child_that_ends_otherwise_than_it_was_asked_to_is_reported() {
    let reports = reported(|node| async move {
        let spec = one_for_one()
            .child(ending("permanent and orderly", ExitReason::NORMAL))
            .child(ending("permanent and asked", ExitReason::SHUTDOWN))
            .child(ending("transient and orderly", ExitReason::NORMAL).restart(Restart::Transient))
            .child(ending("transient and not", boom()).restart(Restart::Transient));
        let (_, supervisor) = started(&node, spec).await;
        supervisor.stop(&node, ExitReason::SHUTDOWN).await.expect("it stops");
    });
    assert_eq!(reports, ["transient and not boom: was stopping it", "permanent and orderly normal: was stopping it"]);
}

#[test]
fn a_child_that_was_dead_before_it_was_stopped_is_reported_with_its_own_reason() {
    const LONG: Duration = Duration::from_secs(60);
    let reports = reported(|node| async move {
        let spec = SupervisorSpec::new(Strategy::OneForAll).child(worker("first")).child(worker("second"));
        let (pid, supervisor) = started(&node, spec).await;
        let children = supervisor.which_children(&node).await.expect("an answer");
        // Both have ended before it sees the end of one.
        sys::suspend(&node, pid, LONG).await.expect("it is suspended");
        for child in &children {
            let pid = child.pid.expect("it runs");
            node.exit_signal(pid, ExitReason::new(format!("boom of the {}", child.id)));
            node.await_exit(pid).await;
        }
        sys::resume(&node, pid, LONG).await.expect("it goes on");
        while supervisor.count_children(&node).await.expect("an answer").active < 2 {}
    });
    let dead = reports.iter().find(|report| report.ends_with(": was stopping it")).expect("one was dead already");
    let other = if dead.starts_with("first") { "first" } else { "second" };
    assert_eq!(*dead, format!("{other} boom of the {other}: was stopping it"));
}

#[test]
fn only_a_child_that_does_not_run_is_deleted_and_only_an_instance_is_named_by_its_pid() {
    check(|context| async move {
        let (_, supervisor) = start(&context, one_for_one().child(worker("a"))).await;
        let pid = children(&context, &supervisor).await["a"];
        assert_eq!(supervisor.terminate_child(&context, pid).await, Err(SupervisorError::NotFound));
        assert_eq!(supervisor.delete_child(&context, "a").await, Err(SupervisorError::Running));
        supervisor.terminate_child(&context, "a").await.expect("it is stopped");
        assert_eq!(supervisor.delete_child(&context, "a").await, Ok(()));
        assert_eq!(supervisor.count_children(&context).await.expect("an answer").specs, 0);
        assert_eq!(supervisor.delete_child(&context, "a").await, Err(SupervisorError::NotFound));
    });
}

#[test]
fn what_is_no_request_does_not_disturb_a_supervisor() {
    check(|context| async move {
        let (pid, supervisor) = start(&context, one_for_one().child(worker("a"))).await;
        context.send(pid, say("hello")).expect("a pid");
        let unanswered = context.call(pid, Payload::local(1u8), Duration::ZERO).await;
        assert!(unanswered.is_err());
        assert_eq!(children(&context, &supervisor).await.len(), 1);
    });
}
