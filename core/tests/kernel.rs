//! The kernel on the production seams.

use rusm_core::seam::Seams;
use rusm_core::{
    CallError, Context, ExitReason, Message, Monitored, Node, NodeOptions, Payload, SpawnOptions, Started, process_body,
};
use std::time::Duration;

fn on_a_node<F: Future<Output = ()>>(test: impl FnOnce(Node) -> F) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        test(node).await;
    });
}

/// Runs a process to its end.
async fn run<F, Fut, R>(node: &Node, body: F) -> ExitReason
where
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: Into<ExitReason>,
{
    let (done, reason) = tokio::sync::oneshot::channel();
    let watcher = node.clone();
    node.spawn(move |context| async move {
        context.trap_exit(true);
        let child = context.spawn_link(body);
        let Message::Exit { from, reason } = context.receive().await else { panic!("not an exit") };
        assert_eq!(from, child);
        drop(watcher);
        done.send(reason).expect("the test waits");
    });
    reason.await.expect("an answer")
}

#[test]
fn a_process_ends_with_what_its_body_returns() {
    on_a_node(|node| async move {
        assert_eq!(run(&node, |_| async {}).await, ExitReason::NORMAL);
        assert_eq!(run(&node, |_| async { ExitReason::new("boom") }).await, ExitReason::new("boom"));
        let panicked = run(&node, |_| async {
            if true {
                panic!("oh {}", "no")
            }
        })
        .await;
        assert_eq!(panicked, ExitReason::PANIC.with_detail("oh no"));
    });
}

#[test]
fn kill_cannot_be_trapped_and_is_seen_as_killed() {
    on_a_node(|node| async move {
        let reason = run(&node, |context| async move {
            context.trap_exit(true);
            context.exit_signal(context.pid(), ExitReason::KILL);
            context.receive().await;
        });
        assert_eq!(reason.await, ExitReason::KILLED);
    });
}

#[test]
fn a_call_is_answered_or_says_why_not() {
    on_a_node(|node| async move {
        let server = node.spawn(|context| async move {
            let Message::Call { from, payload } = context.receive().await else { panic!("not a call") };
            let number: u32 = payload.downcast().expect("a number");
            context.reply(from, Payload::local(number + 1));
            let Message::Call { .. } = context.receive().await else { panic!("not a call") };
            ExitReason::new("tired")
        });
        let second = Duration::from_secs(60);
        let answer = node.call(server, Payload::local(41u32), second).await.expect("an answer");
        assert_eq!(answer.downcast::<u32>().ok(), Some(42));
        let tired = node.call(server, Payload::local(1u32), second).await;
        assert!(matches!(tired, Err(CallError::Down(reason)) if reason == ExitReason::new("tired")));
        let dead = node.call(server, Payload::local(1u32), second).await;
        assert!(matches!(dead, Err(CallError::Down(reason)) if reason == ExitReason::NOPROC));
        assert!(matches!(node.call("nobody", Payload::local(1u32), second).await, Err(CallError::Badarg(_))));
        let deaf = node.spawn(|context| async move {
            context.receive_match(|_| false).await;
        });
        assert!(matches!(node.call(deaf, Payload::local(1u32), Duration::ZERO).await, Err(CallError::Timeout)));
    });
}

#[test]
fn a_start_waits_for_init_and_a_failed_one_leaves_no_exit() {
    on_a_node(|node| async move {
        let reason = run(&node, |context| async move {
            context.trap_exit(true);
            let up = process_body(|child: Context| async move {
                child.init_ack();
                child.receive().await;
            });
            let named = SpawnOptions { name: Some("up".into()), ..SpawnOptions::default() };
            let Started::Up(pid) = context.start_link(named.clone(), up).await else { panic!("not up") };
            assert_eq!(context.whereis("up"), Some(pid));
            let again = context.start_link(named, process_body(|_| async {})).await;
            assert!(matches!(again, Started::Failed(reason) if reason.word() == "already_started"));
            let failed =
                context.start_link(SpawnOptions::default(), process_body(|_| async { ExitReason::new("bad") })).await;
            assert_eq!(failed, Started::Failed(ExitReason::new("bad")));
            assert!(context.try_receive(|_| true).is_none());
        });
        assert_eq!(reason.await, ExitReason::NORMAL);
    });
}

#[test]
fn a_timer_never_fires_early_and_dies_with_its_receiver() {
    on_a_node(|node| async move {
        let reason = run(&node, |context| async move {
            let start = context.now();
            context.send_after(Duration::from_millis(20), context.pid(), Payload::local(1u8));
            context.receive().await;
            assert!(context.now().since(start) >= Duration::from_millis(20));
            let (child, monitor) = context.spawn_monitor(|child| async move {
                child.receive().await;
            });
            let timer = context.send_after(Duration::from_secs(3600), child, Payload::local(1u8));
            context.exit_signal(child, ExitReason::KILL);
            let Message::Down { monitor: of, object, reason } = context.receive().await else { panic!("not a down") };
            assert_eq!((of, object, reason), (monitor, Monitored::Pid(child), ExitReason::KILLED));
            assert_eq!(context.cancel_timer(timer), None);
        });
        assert_eq!(reason.await, ExitReason::NORMAL);
    });
}
