use crate::{
    ChildArgs, ChildSpec, ChildStart, Context, ExitReason, Message, Monitored, Payload, Pid, ProcessBody, Restart,
    SupervisorSpec, process_body,
};
use parking_lot::Mutex;
use std::sync::Arc;

/// A supervisor of tasks, which are started with [`Task::supervised`](crate::Task::supervised) and never restarted: Elixir's
/// `Task.Supervisor`.
///
/// ```
/// # use rusm_core::{Context, ExitReason, Node, NodeOptions, SupervisorRef, seam::Seams};
/// use rusm_core::{Supervisor, Task, TaskSupervisor};
/// # const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// Supervisor::start(&node, TaskSupervisor::spec().name("tasks")).await;
/// # let ended = node.spawn(|context: Context| async move {
/// let task = Task::supervised(&context, &SupervisorRef::from("tasks"), |_| async { 6 * 7 }).await.unwrap();
/// assert_eq!(task.join(&context, SECOND).await, Ok(42));
/// # });
/// # assert_eq!(node.await_exit(ended).await, ExitReason::NORMAL);
/// # });
/// ```
pub struct TaskSupervisor;

impl TaskSupervisor {
    /// What to start it from, or to put it into a tree with.
    pub fn spec() -> SupervisorSpec {
        let start = ChildStart::Native(Arc::new(|args| {
            match args.downcast::<Waiting>().and_then(|task| task.0.lock().take()) {
                Some((owner, body)) => waiting(owner, body),
                None => process_body(|_| async {
                    ExitReason::new("badarg").with_detail("a task is started with Task::supervised")
                }),
            }
        }));
        SupervisorSpec::dynamic(ChildSpec::new("task", start).restart(Restart::Temporary))
    }
}

/// A task on its way through its supervisor: whose it is, and what it does. It is taken once.
struct Waiting(Mutex<Option<(Pid, ProcessBody)>>);

/// The owner monitors the task: it may begin.
struct Begin;

pub(crate) fn args(owner: Pid, body: ProcessBody) -> ChildArgs {
    ChildArgs::local(Waiting(Mutex::new(Some((owner, body)))))
}

pub(crate) fn begin(context: &Context, task: Pid) {
    let sent = context.send(task, Payload::local(Begin));
    debug_assert!(sent.is_ok(), "sending to a pid never fails");
}

/// The body, begun when its owner has seen the task, so that no end of it is missed. Source: Elixir `Task.Supervised`.
fn waiting(owner: Pid, body: ProcessBody) -> ProcessBody {
    process_body(move |context| async move {
        let monitor = context.monitor(owner);
        context.init_ack();
        let first = context.receive_match(|message| match message {
            Message::Plain(payload) => payload.downcast_ref::<Begin>().is_some(),
            Message::Down { monitor: of, object: Monitored::Pid(_), .. } => *of == monitor,
            _ => false,
        });
        if let Message::Down { .. } = first.await {
            return ExitReason::NORMAL;
        }
        context.demonitor_flush(monitor);
        body.run(context).await
    })
}
