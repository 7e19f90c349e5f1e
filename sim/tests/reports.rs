//! What the log says of ends and restarts, and who caused them.

use rusm_core::{
    CallError, ChildSpec, Context, ExitReason, Node, Payload, SpawnOptions, Started, Strategy, Supervisor,
    SupervisorRef, SupervisorSpec, process_body,
};
use rusm_sim::{Sim, SimOptions};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Only one of these tests at a time, and no others in this program: whether a line is wanted at all is kept for all threads.
static ALONE: Mutex<()> = Mutex::new(());

/// What was written to the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines that the log has when `body` has run to its end and nothing else happens.
fn logged<Fut>(body: impl FnOnce(Context) -> Fut + Send + 'static) -> Vec<String>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let sim = Sim::new(SimOptions::new(1));
        let node = Node::start(sim.node_options("a"));
        let pid = node.spawn(body);
        sim.block_on(async move { node.await_exit(pid).await }).expect("it ends");
    });
    let written = String::from_utf8(log.0.lock().unwrap().clone()).expect("a log is text");
    written.lines().map(str::to_owned).collect()
}

fn line<'a>(lines: &'a [String], parts: &[&str]) -> &'a String {
    let found = lines.iter().find(|line| parts.iter().all(|part| line.contains(part)));
    found.unwrap_or_else(|| panic!("no line with {parts:?} in {lines:#?}"))
}

#[test]
fn a_crash_report_says_who_ended_and_by_whom() {
    let lines = logged(|context| async move {
        let options =
            SpawnOptions { name: Some("victim".to_owned()), label: "worker".to_owned(), ..SpawnOptions::default() };
        let waits = process_body(|context: Context| async move { drop(context.receive().await) });
        let victim = context.spawn_with(options, waits).pid;
        // It is linked to one that crashes by itself.
        context.spawn(move |context: Context| async move {
            context.link(victim);
            context.sleep(Duration::from_millis(10)).await;
            assert!(context.pid() == victim, "out of cheese");
        });
        context.sleep(Duration::from_millis(100)).await;
    });
    // The first to end is the one that crashed by itself.
    let own = line(&lines, &[": crash ", "out of cheese", "function="]);
    assert!(!own.contains("victim\""), "{lines:#?}");
    assert!(!own.contains("by="), "it ended itself: {own}");
    let culprit = own.split(' ').find_map(|field| field.strip_prefix("pid=")).expect("a pid");
    let by = format!("by={culprit}");
    line(&lines, &[": crash ", "process=\"worker\"", "name=\"victim\"", &by, "parent=<0.0>"]);
}

#[test]
fn what_a_supervisor_does_not_know_it_logs_and_ignores() {
    let lines = logged(|context| async move {
        let Started::Up(pid) = Supervisor::start_link(&context, SupervisorSpec::new(Strategy::OneForOne)).await else {
            panic!("not up")
        };
        context.send(pid, Payload::local(7u8)).expect("a pid");
        let called = context.call(pid, Payload::local(7u8), Duration::from_millis(10)).await;
        assert_eq!(called.err(), Some(CallError::Timeout));
        let children = SupervisorRef::from(pid).count_children(&context).await;
        assert_eq!(children.map(|count| count.specs), Ok(0));
    });
    let ignored = lines.iter().filter(|line| line.contains("a supervisor ignores an unexpected message"));
    assert_eq!(ignored.count(), 2, "{lines:#?}");
}

#[test]
fn a_supervisor_report_names_the_child_that_caused_each_restart() {
    let lines = logged(|context| async move {
        let idle = |context: Context, _| async move { drop(context.receive_match(|_| false).await) };
        let spec = SupervisorSpec::new(Strategy::OneForAll)
            .child(ChildSpec::worker("store", idle).name("store"))
            .child(ChildSpec::worker("cache", idle).name("cache"));
        let Started::Up(_) = Supervisor::start_link(&context, spec).await else { panic!("not up") };
        let store = context.whereis("store").expect("it runs");
        context.exit_signal(store, ExitReason::new("boom"));
        context.sleep(Duration::from_millis(100)).await;
        assert_ne!(context.whereis("store"), Some(store));
    });
    let crash = line(&lines, &[": crash ", "name=\"store\"", "by=<0.0>"]);
    let store = crash.split(' ').find_map(|field| field.strip_prefix("pid=")).expect("a pid");
    let pid = format!("pid={store} ");
    line(
        &lines,
        &["supervisor report: restarted as", "child=\"store\"", &pid, "reason=\"boom\"", "1 of 1 restarts in 5s"],
    );
    line(&lines, &["supervisor report: restarted as", "because of store", "child=\"cache\"", "reason=boom"]);
}

#[test]
fn whoever_ends_as_intended_or_is_killed_has_no_crash_report() {
    let lines = logged(|context| async move {
        let reasons = [ExitReason::NORMAL, ExitReason::SHUTDOWN, ExitReason::KILLED, ExitReason::NOPROC];
        for reason in reasons.into_iter().chain([ExitReason::SHUTDOWN.with_detail("it is late")]) {
            context.spawn(move |_| async move { reason });
        }
        let waits = context.spawn(|context: Context| async move { drop(context.receive().await) });
        context.exit_signal(waits, ExitReason::KILL);
        context.sleep(Duration::from_millis(100)).await;
        assert!(!context.is_alive(waits).await);
    });
    assert_eq!(lines, [] as [&str; 0]);
}
