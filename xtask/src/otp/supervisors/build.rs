use super::log::{Presence, Role, SharedLog, What};
use super::tree::{Exit, Kind, Node, Start, Tree, Worker};
use super::worker;
use rusm_core::{
    ChildArgs, ChildKind, ChildSpec, ChildStart, ExitReason, Pid, ProcessBody, Shutdown, Supervisor, SupervisorFlags,
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
    let role = match (&node.kind, node.shutdown) {
        (Kind::Supervisor { .. }, _) => Role::Supervisor,
        (Kind::Worker(Worker { exit: Exit::Ignore, .. }), Shutdown::Timeout(_)) => Role::StubbornWorker,
        (Kind::Worker(_), _) => Role::Worker,
    };
    let start: Arc<dyn Fn(ChildArgs) -> ProcessBody + Send + Sync> = match node.kind.clone() {
        Kind::Worker(worker) => Arc::new(move |args| {
            // An instance of a template has a name of its own.
            let name = args.downcast::<String>().map_or_else(|| start_name.clone(), |name| name.as_ref().clone());
            start_worker(&start_env, &name, &worker, role)
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
    let noted = env.log.lock().started(name, What::Start, Role::Supervisor);
    let (env, name) = (env.clone(), name.to_owned());
    process_body(move |context| async move {
        let _presence = Presence::enter(&context, &env.log, env.reporter, &name, noted).await;
        Supervisor::body(spec).run(context).await
    })
}

fn start_worker(env: &Env, name: &str, worker: &Worker, role: Role) -> ProcessBody {
    let mut log = env.log.lock();
    let what = match worker.start {
        Start::Ok => What::Start,
        Start::Error => What::Fail,
        Start::Fail { from, count } if (from..from + count).contains(&log.next(name)) => What::Fail,
        Start::Fail { .. } => What::Start,
        Start::Ignore => What::Ignore,
    };
    let noted = log.started(name, what, role);
    let (env, name, exit) = (env.clone(), name.to_owned(), worker.exit);
    process_body(move |context| async move {
        if what != What::Start {
            env.log.lock().made(noted, &context);
            if what == What::Ignore {
                context.init_ignore();
                return ExitReason::NORMAL;
            }
            let bad = ExitReason::new("bad");
            context.init_fail(bad.clone());
            return bad;
        }
        context.trap_exit(exit != Exit::Plain);
        let _presence = Presence::enter(&context, &env.log, env.reporter, &name, noted).await;
        context.init_ack();
        worker::run(&context, exit).await
    })
}
