use super::keeper::{self, Keep};
use super::lease::Lease;
use super::names::{UniqueNameError, UniqueNames};
use rusm_core::process_body;
use rusm_core::{
    ChildKind, ChildSpec, ChildStart, Context, ExitReason, Message, Pid, ProcessBody, Shutdown, SpawnOptions,
};
use std::sync::Arc;
use std::time::Duration;

/// A process that runs once in the whole cluster: on each node that may run it stands a guard, under a supervisor of that node, and the
/// guard that holds the [unique name](UniqueNames) runs the process as its child. The others wait, and one of them takes over when
/// the name is free again. For all others the child has the name: [`UniqueNames::whereis`] says its pid.
///
/// - The child is started with the [`Lease`]: it marks what it does elsewhere with the [token](Lease::token), and asks
///   [`is_held`](Lease::is_held) before what must not be done twice.
/// - When the lease is not renewed, the child is told to stop (`shutdown`) so long before it ends that there is time for it, and does not
///   live on after its end, before the name can be another's.
/// - When the child ends by itself, the name is given up and the guard ends with the same reason: whether it is tried again here is
///   its supervisor's decision, as for any child, and meanwhile another node may be faster.
/// - When the guard is stopped, the child is stopped first, and then the name is given up: another node takes over at once. When the
///   node is lost, or the guard is killed, another takes over when the lease has ended.
///
/// What [`UniqueNames`] says of a process that acts too late is also true of the child: on a machine that slept it may run for a moment
/// beside its successor.
///
/// ```
/// # use rusm_core::{Context, Node, NodeOptions, Strategy, Supervisor, SupervisorSpec, process_body, seam::Seams};
/// # use std::time::Duration;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("d", Seams::production(std::env::temp_dir())));
/// use rusm_transport::unique::{Singleton, UniqueNames};
///
/// let names = UniqueNames::of_voters(&["a", "b", "c"]);
/// let billing = Singleton::child_spec(&names, "billing", Duration::from_secs(1), |lease| {
///     process_body(move |context: Context| async move {
///         while lease.is_held() {
///             context.receive().await;
///         }
///     })
/// });
/// let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(5, Duration::from_secs(5));
/// Supervisor::start(&node, spec.child(billing)).await;
/// # });
/// ```
pub struct Singleton;

/// How long a guard that could reach no majority waits before it asks again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long one request for the name may take.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Singleton {
    /// A guard, as the child of a supervisor. `stop` is how long the child gets to end by itself when it is told to, at most a quarter of
    /// the [lease's time](UniqueNames::ttl); `child` makes it, each time that the name is held.
    pub fn child_spec(
        names: &UniqueNames,
        name: &str,
        stop: Duration,
        child: impl Fn(Lease) -> ProcessBody + Send + Sync + 'static,
    ) -> ChildSpec {
        let stop = stop.min(names.own_ttl() / 4);
        let guard = Guard { names: names.clone(), name: name.to_owned(), stop, child: Arc::new(child) };
        let start = move |_| {
            let guard = guard.clone();
            process_body(move |context: Context| async move { guard.run(&context).await })
        };
        ChildSpec {
            kind: ChildKind::Supervisor,
            shutdown: Shutdown::Infinity,
            ..ChildSpec::new(name, ChildStart::Native(Arc::new(start)))
        }
    }
}

#[derive(Clone)]
struct Guard {
    names: UniqueNames,
    name: String,
    stop: Duration,
    child: Arc<dyn Fn(Lease) -> ProcessBody + Send + Sync>,
}

/// Why a child has been stopped, or has ended.
enum End {
    /// By itself, or because the guard is to end: so does the guard.
    Over(ExitReason),
    /// The lease was lost: the guard waits for the next.
    Lost,
}

impl Guard {
    async fn run(&self, context: &Context) -> ExitReason {
        context.trap_exit(true);
        context.init_ack();
        loop {
            let told =
                |message: &Message| matches!(message, Message::Exit { from, .. } if context.parent() == Some(*from));
            let lease = tokio::select! {
                biased;
                message = context.receive_match(told) => return reason_of(message),
                lease = self.await_name(context) => match lease {
                    Ok(lease) => lease,
                    Err(error) => return error.into(),
                },
            };
            let options = SpawnOptions { link: true, label: self.name.clone(), ..SpawnOptions::default() };
            let child = context.spawn_with(options, self.child(&lease)).pid;
            lease.pass_to(context, child);
            match self.watch(context, &lease, child).await {
                End::Lost => {}
                End::Over(reason) => {
                    // Without a majority the name is free when the lease has ended.
                    let _ = lease.release(context, TIMEOUT).await;
                    return reason;
                }
            }
        }
    }

    /// The child, which ends with its lease also when nobody is there to stop it, because the guard was killed.
    fn child(&self, lease: &Lease) -> ProcessBody {
        let (child, lease) = ((self.child)(lease.clone()), lease.clone());
        process_body(move |context: Context| async move {
            tokio::select! {
                biased;
                () = lease.run_out() => ExitReason::new(keeper::LOST).with_detail(lease.name()),
                reason = child.run(context) => reason,
            }
        })
    }

    /// Waits until the name is this guard's.
    async fn await_name(&self, context: &Context) -> Result<Lease, UniqueNameError> {
        // The name is not given up when the guard is killed: its child may live for a moment longer.
        let keep = Keep { early: self.stop, release_at_end: false };
        loop {
            match keeper::register(context, &self.names, &self.name, TIMEOUT, keep).await {
                Err(UniqueNameError::Taken(_, token)) => {
                    // When no voter answers there is nothing to wait for but time.
                    if self.names.await_change(context, &self.name, token).await.is_err() {
                        context.sleep(AGAIN).await;
                    }
                }
                Err(UniqueNameError::NoMajority | UniqueNameError::Call(_)) => context.sleep(AGAIN).await,
                granted_or_refused => return granted_or_refused,
            }
        }
    }

    /// Until the child has ended.
    async fn watch(&self, context: &Context, lease: &Lease, child: Pid) -> End {
        loop {
            let Message::Exit { from, reason } = context.receive().await else { continue };
            if from == child {
                return End::Over(reason);
            }
            if from == lease.keeper {
                self.stop_child(context, child, lease.held_until().since(context.now())).await;
                return End::Lost;
            }
            if context.parent() == Some(from) {
                self.stop_child(context, child, self.stop).await;
                return End::Over(reason);
            }
        }
    }

    /// Stops the child, within that time.
    async fn stop_child(&self, context: &Context, child: Pid, within: Duration) {
        let ended = |message: &Message| matches!(message, Message::Exit { from, .. } if *from == child);
        context.exit_signal(child, ExitReason::SHUTDOWN);
        if context.receive_timeout(within, ended).await.is_none() {
            context.exit_signal(child, ExitReason::KILL);
            context.receive_match(ended).await;
        }
    }
}

fn reason_of(message: Message) -> ExitReason {
    match message {
        Message::Exit { reason, .. } => reason,
        other => unreachable!("receive_match gave what it was not asked for: {other:?}"),
    }
}
