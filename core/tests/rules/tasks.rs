use super::{boom, check, ends_with, mailbox, say};
use rusm_core::{ExitReason, Task, TaskError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_task_gives_its_result_behind_any_backlog_and_leaves_nothing() {
    check(|context| async move {
        context.trap_exit(true);
        context.send(context.pid(), say("before")).expect("a pid");
        let task = Task::start(&context, |_| async { 42 });
        context.send(context.pid(), say("after")).expect("a pid");
        assert_eq!(task.join(&context, LONG).await, Ok(42));
        assert_eq!(mailbox(&context), ["before", "after"]);
        let info = context.node().process_info(context.pid()).expect("alive");
        assert!(info.links.is_empty() && info.monitors.is_empty());
    });
}

#[test]
fn a_crash_of_a_linked_task_ends_its_owner_and_of_another_is_an_error() {
    check(|context| async move {
        let reason = ends_with(&context, |context| async move {
            let task = Task::start(&context, |context| async move {
                context.exit(boom()).await;
            });
            let _ = task.join(&context, LONG).await;
        });
        assert_eq!(reason.await, boom());
        let task = Task::start_nolink(&context, |_| async { assert!(LONG.is_zero(), "oh no") });
        let panicked = ExitReason::PANIC.with_detail("oh no");
        assert_eq!(task.join(&context, LONG).await, Err(TaskError::Ended(panicked)));
    });
}

#[test]
fn a_task_that_takes_too_long_is_killed() {
    check(|context| async move {
        let task = Task::start(&context, |context| async move { drop(context.receive().await) });
        let pid = task.pid();
        assert_eq!(task.join(&context, Duration::ZERO).await, Err(TaskError::Timeout));
        assert!(!context.is_alive(pid).await);
        assert!(mailbox(&context).is_empty());
    });
}

#[test]
fn a_task_can_be_asked_before_it_is_done_and_again() {
    check(|context| async move {
        let task = Task::start(&context, |context| async move { drop(context.receive().await) });
        let Err(task) = task.poll(&context, Duration::ZERO).await else { panic!("it cannot be done") };
        context.send(task.pid(), say("go on")).expect("a pid");
        assert!(matches!(task.poll(&context, LONG).await, Ok(Ok(()))));
    });
}

#[test]
fn a_map_keeps_the_order_the_limit_and_each_crash_to_itself() {
    check(|context| async move {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = most.clone();
        let results = context.map_concurrently(3, 0..20u32, move |_, number| {
            let (now, most) = (now.clone(), most.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..number % 4 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                assert!(number != 7, "seven");
                number * 2
            }
        });
        for (number, result) in results.await.into_iter().enumerate() {
            match number {
                7 => assert_eq!(result, Err(ExitReason::PANIC.with_detail("seven"))),
                _ => assert_eq!(result, Ok(number as u32 * 2)),
            }
        }
        assert!((1..=3).contains(&seen.load(Ordering::SeqCst)));
    });
}
