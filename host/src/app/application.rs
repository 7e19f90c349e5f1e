use crate::foreign::hands_out;
use crate::host::Host;
use crate::watched::Watched;
use rusm_core::{
    ClusterNames, Context, ExitReason, Message, Node, Payload, Pid, ProcessGroups, SpawnOptions, Started, Strategy,
    Supervisor, SupervisorSpec, process_body,
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The process above the root supervisor: starts it, ends it when the app is stopped, and ends with it.
/// Source: OTP's application master.
#[derive(Clone)]
pub(super) struct Application {
    node: Node,
    pid: Pid,
    ended: Arc<Watched<Option<ExitReason>>>,
}

/// What its label says. A component of this name is another thing: it has a supervisor, or serves a connection.
const LABEL: &str = "application";

/// Says at the latest when it is dropped that the application has ended: a process that is killed says nothing itself,
/// but its link takes the tree down.
struct Ending(Arc<Watched<Option<ExitReason>>>);

impl Ending {
    fn with(&self, reason: &ExitReason) {
        self.0.update(|ended| _ = ended.get_or_insert_with(|| reason.clone()));
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.with(&ExitReason::KILLED);
    }
}

/// The registered name of the supervisor of what the runtime itself runs.
const RUNTIME: &str = "rusm:runtime";

/// Asks the application to stop.
struct Stop;

impl Application {
    /// Starts the tree, and waits until all of it is up.
    ///
    /// # Errors
    /// Why it did not start. Nothing of it is left.
    pub(super) async fn start(node: &Node, runtime: SupervisorSpec, root: SupervisorSpec) -> Result<Self, ExitReason> {
        let (up, is_up) = oneshot::channel();
        let ended = Arc::new(Watched::new(None));
        let ending = Ending(ended.clone());
        let body = process_body(move |context| async move {
            let reason = run(&context, runtime, root, up).await;
            ending.with(&reason);
            reason
        });
        let options = SpawnOptions { label: LABEL.to_owned(), ..SpawnOptions::default() };
        let pid = node.spawn_with(options, body).pid;
        match is_up.await {
            Ok(started) => started.map(|()| Self { node: node.clone(), pid, ended }),
            Err(_) => Err(ExitReason::KILLED),
        }
    }

    /// Waits until the tree has ended and says why.
    pub(super) async fn wait(&self) -> ExitReason {
        self.ended.wait_for(Option::is_some).await.unwrap_or(ExitReason::KILLED)
    }

    /// Stops the tree, each child as its spec says, and waits until it has ended.
    pub(super) async fn stop(&self) -> ExitReason {
        // The dead cannot be stopped: then there is nothing to wait for either.
        let _ = self.node.send(self.pid, Payload::local(Stop));
        self.wait().await
    }
}

async fn run(
    context: &Context,
    runtime: SupervisorSpec,
    root: SupervisorSpec,
    up: oneshot::Sender<Result<(), ExitReason>>,
) -> ExitReason {
    context.trap_exit(true);
    let runtime = match start(context, runtime).await {
        Ok(pid) => pid,
        Err(reason) => return not_up(reason, up),
    };
    let reason = match start(context, root).await {
        Ok(root) => run_tree(context, root, up).await,
        Err(reason) => not_up(reason, up),
    };
    // It may have ended already.
    let monitor = context.monitor(runtime);
    context.exit_signal(runtime, ExitReason::SHUTDOWN);
    context.receive_match(|message| matches!(message, Message::Down { monitor: of, .. } if *of == monitor)).await;
    reason
}

/// What the runtime itself runs for an app, below a supervisor of its own.
pub(super) fn runtime(host: &Host) -> SupervisorSpec {
    let spec = SupervisorSpec::new(Strategy::OneForOne)
        .name(RUNTIME)
        .child(ClusterNames::child_spec())
        .child(ProcessGroups::child_spec(ProcessGroups::DEFAULT_SCOPE));
    if host.hands_out_code() { spec.child(hands_out(host)) } else { spec }
}

async fn start(context: &Context, spec: SupervisorSpec) -> Result<Pid, ExitReason> {
    match Supervisor::start_link(context, spec).await {
        Started::Up(pid) => Ok(pid),
        Started::Ignored => unreachable!("a supervisor does not ignore its start"),
        Started::Failed(reason) => Err(reason),
    }
}

fn not_up(reason: ExitReason, up: oneshot::Sender<Result<(), ExitReason>>) -> ExitReason {
    // Nobody waits any more when the starter was dropped.
    let _ = up.send(Err(reason.clone()));
    reason
}

/// Until the tree has ended, and why.
async fn run_tree(context: &Context, root: Pid, up: oneshot::Sender<Result<(), ExitReason>>) -> ExitReason {
    if up.send(Ok(())).is_err() {
        context.exit_signal(root, ExitReason::SHUTDOWN);
    }
    loop {
        match context.receive().await {
            Message::Exit { from, reason } if from == root => return reason,
            // Somebody ends the application itself: as OTP's, it takes the tree down in order.
            Message::Exit { reason, .. } => context.exit_signal(root, reason),
            Message::Plain(payload) if payload.downcast_ref::<Stop>().is_some() => {
                context.exit_signal(root, ExitReason::SHUTDOWN);
            }
            Message::Plain(_) | Message::Call { .. } | Message::Reply { .. } | Message::Down { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusm_core::seam::Seams;
    use rusm_core::{ChildSpec, NodeOptions};

    fn node() -> Node {
        Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())))
    }

    fn root(child: ChildSpec) -> SupervisorSpec {
        SupervisorSpec::new(Strategy::OneForOne).name("supervisor:root").child(child)
    }

    fn patient() -> ChildSpec {
        ChildSpec::worker("patient", |context, _| async move { drop(context.receive().await) }).name("patient")
    }

    async fn start(node: &Node, child: ChildSpec) -> Result<Application, ExitReason> {
        Application::start(node, SupervisorSpec::new(Strategy::OneForOne).name(RUNTIME), root(child)).await
    }

    #[tokio::test]
    async fn a_stopped_application_leaves_no_process() {
        let node = node();
        let application = start(&node, patient()).await.expect("it starts");
        assert!(node.whereis("patient").is_some());
        assert_eq!(application.stop().await, ExitReason::SHUTDOWN);
        assert_eq!(node.whereis("patient"), None);
        assert_eq!(application.stop().await, ExitReason::SHUTDOWN, "stopping twice is no error");
    }

    #[tokio::test]
    async fn an_application_ends_when_its_root_gives_up() {
        let node = node();
        let application = start(&node, patient()).await.expect("it starts");
        for _ in 0..2 {
            let victim = node.whereis("patient").expect("it was started again");
            node.exit_signal(victim, ExitReason::KILL);
            while node.whereis("patient") == Some(victim) {
                tokio::task::yield_now().await;
            }
            while node.whereis("patient").is_none() && node.whereis("supervisor:root").is_some() {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(application.wait().await.word(), "shutdown");
    }

    #[tokio::test]
    async fn an_application_whose_child_does_not_start_says_why() {
        let child = ChildSpec::worker("broken", |_, _| async { ExitReason::new("never mind") });
        let failing = rusm_core::ChildStart::native_with_init(|context, _| async move {
            context.init_fail(ExitReason::new("no_luck"));
        });
        let node = node();
        let reason = start(&node, ChildSpec { start: failing, ..child }).await.err().expect("it does not start");
        assert!(reason.to_string().contains("no_luck"), "{reason}");
        assert_eq!(node.whereis("supervisor:root"), None);
    }
}
