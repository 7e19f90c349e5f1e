use super::names::Names;
use crate::sharing::{Change, Sharer, check_key};
use crate::{
    Badarg, CallError, CallFrom, Called, Calls, ChildSpec, ChildStart, Context, ExitReason, Init, Message, Monitored,
    Next, Node, Pid, Reference, Server, ServerRef, SpawnOptions, Started,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The local name of the process on each node: one that no component can reach.
const NAME: &str = "rusm:cluster_names";

/// Names that are known in the whole cluster: OTP's `global`. Each node that takes part runs the process of this.
///
/// A name belongs to one process, wherever it lives, and is free again when that has ended. What other nodes register is known
/// here a moment later. A name belongs to its process for as long as there is an association with its node: for who cannot reach
/// that node the name is free, and can be registered by another. When both are known to a node, because an association has begun
/// or both registered at the same moment, the one that registered first keeps the name; the other loses it, and is told with the
/// exit signal `global_name_conflict`, whose detail is the name: it ends, and its supervisor acts, or it traps exits and goes on
/// without the name. All nodes agree who was first: registrations carry stamps that grow with the time of day and with every
/// stamp that is known, and of two with the same stamp the lesser pid was first.
///
/// [`Destination::ClusterName`](crate::Destination::ClusterName) and [`Monitored::ClusterName`] address whoever has a name.
///
/// Divergence: OTP asks all nodes before it registers, and ends a random one of two with `kill`. A name that must have one owner
/// at any time, also in a partition, needs consensus; this is none.
///
/// ```
/// # use rusm_core::{Context, ExitReason, Node, NodeOptions, seam::Seams};
/// use rusm_core::{ClusterNameError, ClusterNames, Destination, Payload};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// ClusterNames::start(&node).await;
/// # let ended = node.spawn(|context: Context| async move {
/// ClusterNames::register(&context, "ledger", context.pid()).await.unwrap();
/// assert_eq!(ClusterNames::whereis(context.node(), "ledger"), Some(context.pid()));
/// assert_eq!(ClusterNames::registered_names(context.node()), ["ledger"]);
/// let again = ClusterNames::register(&context, "ledger", context.pid()).await;
/// assert_eq!(again, Err(ClusterNameError::Taken(context.pid())));
/// context.send(Destination::ClusterName("ledger".to_owned()), Payload::local("hello")).unwrap();
/// # });
/// # assert_eq!(node.await_exit(ended).await, ExitReason::NORMAL);
/// # });
/// ```
pub struct ClusterNames;

/// Why a name was not registered, or not taken away. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterNameError {
    /// It is this process's.
    #[error("the name is {0}'s")]
    Taken(Pid),
    /// The process is of another node, which alone speaks for it.
    #[error("nolocal: a node registers its own processes")]
    NotLocal,
    /// No process of this node has it.
    #[error("no process of this node has the name")]
    NotRegistered,
    /// The process of [`ClusterNames`] did not answer, or the name is longer than 255 bytes.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Badarg> for ClusterNameError {
    fn from(badarg: Badarg) -> Self {
        Self::Call(badarg.into())
    }
}

/// What a node's processes can look up without asking: written by the process, and read by that of the next start.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<BTreeMap<String, Pid>>>);

fn table(node: &Node) -> Table {
    node.extension(|_| Table::default())
}

impl ClusterNames {
    /// The process as a supervisor's child, with its local name, `rusm:cluster_names`.
    ///
    /// ```
    /// # use rusm_core::{Context, ExitReason, Node, NodeOptions, seam::Seams};
    /// use rusm_core::{ClusterNames, Strategy, Supervisor, SupervisorSpec};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// Supervisor::start(&node, SupervisorSpec::new(Strategy::OneForOne).child(ClusterNames::child_spec())).await;
    /// assert!(node.whereis("rusm:cluster_names").is_some());
    /// # });
    /// ```
    pub fn child_spec() -> ChildSpec {
        ChildSpec::new("cluster_names", ChildStart::Native(Arc::new(|_| Registrar::body(())))).name(NAME)
    }

    /// Starts it.
    pub async fn start(node: &Node) -> Started {
        node.start_process(options(), Registrar::body(())).await
    }

    /// Starts it, linked to this process.
    pub async fn start_link(context: &Context) -> Started {
        context.start_link(options(), Registrar::body(())).await
    }

    /// Gives a process of this node a name of at most 255 bytes. It may have several. Source: OTP `global:register_name/2`.
    ///
    /// # Errors
    /// See [`ClusterNameError`].
    pub async fn register(caller: &impl Calls, name: &str, pid: Pid) -> Result<(), ClusterNameError> {
        check_key(name)?;
        if pid.node != caller.own_node().id() {
            return Err(ClusterNameError::NotLocal);
        }
        Self::ask(caller, Ask::Register(name.to_owned(), pid)).await
    }

    /// Takes a name away from a process of this node. Source: OTP `global:unregister_name/1`.
    ///
    /// # Errors
    /// See [`ClusterNameError`].
    pub async fn unregister(caller: &impl Calls, name: &str) -> Result<(), ClusterNameError> {
        Self::ask(caller, Ask::Unregister(name.to_owned())).await
    }

    /// Whose name that is, as this node knows it. Source: OTP `global:whereis_name/1`.
    pub fn whereis(node: &Node, name: &str) -> Option<Pid> {
        table(node).0.lock().get(name).copied()
    }

    /// All names, as this node knows them, sorted. Source: OTP `global:registered_names/0`.
    pub fn registered_names(node: &Node) -> Vec<String> {
        table(node).0.lock().keys().cloned().collect()
    }

    async fn ask(caller: &impl Calls, ask: Ask) -> Result<(), ClusterNameError> {
        ServerRef::<Registrar>::from(NAME).call(caller, ask, Duration::MAX).await?
    }
}

fn options() -> SpawnOptions {
    SpawnOptions { name: Some(NAME.to_owned()), label: NAME.to_owned(), ..SpawnOptions::default() }
}

/// The process.
struct Registrar {
    names: Names,
    table: Table,
    sharer: Sharer,
    /// Of the processes of this node that have names: their monitors, and the names.
    own: BTreeMap<Pid, (Reference, BTreeSet<String>)>,
}

enum Ask {
    Register(String, Pid),
    Unregister(String),
}

impl Server for Registrar {
    type Args = ();
    type Call = Ask;
    type Reply = Result<(), ClusterNameError>;
    type Cast = ();
    type Continue = ();

    async fn init(context: &Context, (): ()) -> Init<Self> {
        let table = table(context.node());
        // What an earlier process of this has left: those of this node have their names still.
        let here = context.node().id();
        let left = std::mem::take(&mut *table.0.lock());
        let sharer = Sharer::start(context, NAME);
        let mut registrar = Self { names: Names::default(), table, sharer, own: BTreeMap::new() };
        for (name, pid) in left.into_iter().filter(|(_, pid)| pid.node == here) {
            registrar.claim(context, name, pid);
        }
        Init::Up(registrar, Next::Receive)
    }

    async fn handle_call(&mut self, context: &Context, ask: Ask, _: CallFrom<Self::Reply>) -> Called<Self> {
        let answer = match ask {
            Ask::Register(name, pid) => match self.names.owner(&name) {
                Some(owner) => Err(ClusterNameError::Taken(owner)),
                None => {
                    self.claim(context, name, pid);
                    Ok(())
                }
            },
            Ask::Unregister(name) => {
                let owner = self.names.owner(&name).filter(|owner| self.own.contains_key(owner));
                owner.map(|owner| self.give_up(context, &name, owner)).ok_or(ClusterNameError::NotRegistered)
            }
        };
        Called::Reply(answer, Next::Receive)
    }

    async fn handle_info(&mut self, context: &Context, message: Message) -> Next<Self> {
        let message = self.sharer.handle(context, message);
        while let Some(change) = self.sharer.poll_change() {
            self.others_changed(context, change);
        }
        if let Some(Message::Down { monitor, object: Monitored::Pid(pid), .. }) = message
            && self.own.get(&pid).is_some_and(|(of, _)| *of == monitor)
            && let Some((_, names)) = self.own.remove(&pid)
        {
            let gone = names.into_iter().map(|key| Change { key, pid, count: 1, stamp: None });
            let gone: Vec<Change> = gone.collect();
            for change in &gone {
                self.names.give_up(&change.key, pid);
                self.show(&change.key);
            }
            self.sharer.share(context, gone);
        }
        Next::Receive
    }

    fn format_status(&self) -> String {
        let names = self.names.iter().map(|(name, pid)| format!("{name}: {pid:?}"));
        format!("names {{{}}}", names.collect::<Vec<_>>().join(", "))
    }
}

impl Registrar {
    fn claim(&mut self, context: &Context, name: String, pid: Pid) {
        let stamp = self.names.stamp(context.node().seams().clock.wall());
        self.names.claim(&name, pid, stamp);
        let (_, names) = self.own.entry(pid).or_insert_with(|| (context.monitor(pid), BTreeSet::new()));
        names.insert(name.clone());
        self.show(&name);
        self.sharer.share(context, vec![Change { key: name, pid, count: 1, stamp: Some(stamp) }]);
    }

    /// A process of this node has that name no more.
    fn give_up(&mut self, context: &Context, name: &str, pid: Pid) {
        self.names.give_up(name, pid);
        if let Some((monitor, names)) = self.own.get_mut(&pid) {
            names.remove(name);
            if names.is_empty() {
                context.demonitor_flush(*monitor);
                self.own.remove(&pid);
            }
        }
        self.show(name);
        self.sharer.share(context, vec![Change { key: name.to_owned(), pid, count: 1, stamp: None }]);
    }

    /// What another node shares has changed.
    fn others_changed(&mut self, context: &Context, change: Change) {
        let Change { key: name, pid, stamp, .. } = change;
        match stamp {
            Some(stamp) => self.names.claim(&name, pid, stamp),
            None => drop(self.names.give_up(&name, pid)),
        }
        self.show(&name);
        // Those of other nodes are told by their own.
        for loser in self.names.losers(&name) {
            if self.own.contains_key(&loser) {
                tracing::warn!(name, %loser, owner = ?self.names.owner(&name), "a process has lost its cluster name");
                self.give_up(context, &name, loser);
                context.exit_signal(loser, ExitReason::new("global_name_conflict").with_detail(name.clone()));
            }
        }
    }

    /// Writes whose that name is to where it is looked up.
    fn show(&self, name: &str) {
        let mut table = self.table.0.lock();
        match self.names.owner(name) {
            Some(owner) => drop(table.insert(name.to_owned(), owner)),
            None => drop(table.remove(name)),
        }
    }
}
