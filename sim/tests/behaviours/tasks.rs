//! Tasks under a supervisor, as Elixir's `Task.Supervisor`.

use crate::{LONG, boom, check, ms, next, none, tell};
use rusm_core::{
    ChildArgs, Context, ExitReason, Started, Supervisor, SupervisorError, SupervisorRef, Task, TaskError,
    TaskSupervisor,
};

async fn tasks(context: &Context) -> SupervisorRef {
    let Started::Up(pid) = Supervisor::start_link(context, TaskSupervisor::spec()).await else { panic!("not up") };
    pid.into()
}

#[test]
fn a_supervised_task_gives_its_result_and_its_crash_is_an_error() {
    check(|context| async move {
        let tasks = tasks(&context).await;
        let task = Task::supervised(&context, &tasks, |_| async { 42 }).await.expect("started");
        assert_eq!(task.join(&context, LONG).await, Ok(42));
        let crash = |_| async { panic!("oh no") };
        let task = Task::<()>::supervised(&context, &tasks, crash).await.expect("started");
        let reason = ExitReason::PANIC.with_detail("oh no");
        assert_eq!(task.join(&context, LONG).await, Err(TaskError::Ended(reason)));
        none(&context).await;
        assert_eq!(tasks.count_children(&context).await.expect("counts").active, 0, "nothing is restarted");
    });
}

#[test]
fn a_supervised_task_ends_with_its_supervisor_and_not_with_its_owner() {
    check(|context| async move {
        context.trap_exit(true);
        let (tasks, own) = (tasks(&context).await, context.pid());
        let waits = move |context: Context| async move {
            context.sleep(ms(100)).await;
            tell(&context, own, "done");
        };
        let (supervisor, first) = (tasks.clone(), waits);
        context.spawn(move |context: Context| async move {
            let _running = Task::supervised(&context, &supervisor, first).await.expect("started");
            boom()
        });
        assert_eq!(next(&context).await, "done");
        let task = Task::supervised(&context, &tasks, waits).await.expect("started");
        let Err(task) = task.poll(&context, ms(10)).await else { panic!("it cannot be done") };
        tasks.stop(&context, ExitReason::SHUTDOWN).await.expect("stopped");
        assert_eq!(task.join(&context, LONG).await, Err(TaskError::Ended(ExitReason::SHUTDOWN)));
        assert_eq!(next(&context).await, "exit shutdown");
        none(&context).await;
        assert!(matches!(Task::supervised(&context, &tasks, waits).await, Err(SupervisorError::Call(_))));
    });
}

#[test]
fn a_task_whose_owner_ended_before_it_began_never_begins() {
    check(|context| async move {
        let (tasks, own) = (tasks(&context).await, context.pid());
        let supervisor = tasks.clone();
        let owner = context.spawn(move |context: Context| async move {
            let job = move |context: Context| async move { tell(&context, own, "began") };
            let _running = Task::supervised(&context, &supervisor, job).await;
        });
        context.sleep(std::time::Duration::from_micros(context.random() % 100)).await;
        context.exit_signal(owner, ExitReason::KILL);
        context.sleep(ms(100)).await;
        while context.try_receive(|_| true).is_some() {}
        assert_eq!(tasks.count_children(&context).await.expect("counts").active, 0, "it waits for nobody");
        let other = tasks.start_child_with(&context, ChildArgs::None).await;
        assert!(matches!(other, Err(SupervisorError::StartFailed(reason)) if reason.word() == "badarg"));
    });
}
