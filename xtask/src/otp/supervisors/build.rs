use super::log::{Presence, SharedLog};
use super::tree::{Exit, Kind, Node, Start, Tree, Worker};
use super::worker;
use rusm_core::{
    ChildArgs, ChildKind, ChildSpec, ChildStart, ExitReason, Pid, ProcessBody, Supervisor, SupervisorFlags,
    SupervisorSpec, process_body,
};
use std::sync::Arc;

/// What the processes of a tree share.
#[derive(Clone)]
pub(super) struct Env {
    pub(super) tree: Arc<Tree>,
    pub(super) log: SharedLog,
    pub(super) reporter: Pid,
}

/// The child spec of a node.
pub(super) fn child_spec(env: &Env, name: &str, node: &Node) -> ChildSpec {
    let (start_env, start_name) = (env.clone(), name.to_owned());
    let kind = match node.kind {
        Kind::Worker(_) => ChildKind::Worker,
        Kind::Supervisor { .. } => ChildKind::Supervisor,
    };
    let start: Arc<dyn Fn(ChildArgs) -> ProcessBody + Send + Sync> = match node.kind.clone() {
        Kind::Worker(worker) => Arc::new(move |args| {
            // An instance of a template has a name of its own.
            let name = args.downcast::<String>().map_or_else(|| start_name.clone(), |name| name.as_ref().clone());
            start_worker(&start_env, &name, &worker)
        }),
        Kind::Supervisor { flags, children } => {
            Arc::new(move |_| start_supervisor(&start_env, &start_name, flags, &children))
        }
    };
    let mut spec = ChildSpec::new(name, ChildStart::Native(start))
        .restart(node.restart)
        .shutdown(node.shutdown)
        .significant(node.significant);
    spec.kind = kind;
    spec
}

/// The body of a supervisor of the program: the core's own, noted in the log.
pub(super) fn start_supervisor(env: &Env, name: &str, flags: SupervisorFlags, children: &[String]) -> ProcessBody {
    let children = children.iter().filter_map(|child| Some(child_spec(env, child, env.tree.nodes.get(child)?)));
    let spec = SupervisorSpec { name: None, flags, children: children.collect() };
    let label = env.log.lock().started(name, "start");
    let (env, name) = (env.clone(), name.to_owned());
    process_body(move |context| async move {
        let _presence = Presence::enter(&context, &env.log, env.reporter, &name, &label).await;
        Supervisor::body(spec)(context).await
    })
}

fn start_worker(env: &Env, name: &str, worker: &Worker) -> ProcessBody {
    let mut log = env.log.lock();
    let fails = match worker.start {
        Start::Ok => false,
        Start::Error => true,
        Start::Fail { from, count } => (from..from + count).contains(&log.next(name)),
        Start::Ignore => {
            log.started(name, "ignore");
            return process_body(|context| async move { context.init_ignore() });
        }
    };
    if fails {
        log.started(name, "fail");
        return process_body(|context| async move {
            let bad = ExitReason::new("bad");
            context.init_fail(bad.clone());
            bad
        });
    }
    let label = log.started(name, "start");
    let (env, name, exit) = (env.clone(), name.to_owned(), worker.exit);
    process_body(move |context| async move {
        context.trap_exit(exit != Exit::Plain);
        let _presence = Presence::enter(&context, &env.log, env.reporter, &name, &label).await;
        context.init_ack();
        worker::run(&context, exit).await
    })
}
