use super::Case;
use super::native::{NativeNode, Start};
use crate::check::Checker;
use crate::seed::{below, generator, pick};
use crate::{FaultKind, Field, Plan, SimHandle};
use rand_core::Rng;
use rusm_core::{BoxFuture, Node};
use rusm_transport::cluster::ClusterOptions;
use rusm_transport::proto::{Config, Features};
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

/// What must hold at some time after the heal.
pub(super) type Condition = Box<dyn FnMut() -> Result<(), String> + Send>;

/// What uses the nodes.
pub(super) struct Script {
    pub(super) host: String,
    pub(super) run: BoxFuture<()>,
}

/// One run of a scenario, before it begins: nodes, scripts, faults, and what must hold.
///
/// ```
/// use rusm_core::{ChildSpec, Context, Message, Strategy, Supervisor, SupervisorSpec};
/// use rusm_sim::{FaultKind, Test};
/// use std::time::Duration;
///
/// async fn echo(context: Context) {
///     loop {
///         let Message::Call { from, payload } = context.receive().await else { continue };
///         context.reply(from, payload);
///     }
/// }
///
/// // #[rusm_sim::test(seeds = 100)] makes a test of it.
/// fn the_echo_comes_back(test: &mut Test) {
///     test.node("server", |node| async move {
///         let echo = ChildSpec::worker("echo", |context, _| echo(context));
///         let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(100, Duration::from_secs(1));
///         Supervisor::start(&node, spec.child(echo.name("echo"))).await;
///     });
///     test.faults([FaultKind::Crash, FaultKind::Pause]);
///     let sim = test.sim();
///     test.eventually("the echo answers", move || {
///         let echo = sim.node("server").and_then(|node| node.whereis("echo"));
///         echo.map(drop).ok_or_else(|| "there is no echo".to_owned())
///     });
/// }
/// # rusm_sim::suite::Suite::new("doc", the_echo_comes_back).seeds(20).check();
/// ```
///
/// A run has two phases. In the first, faults happen while the scripts run. Then everything heals, what crashed starts
/// again, and within a [bound](Self::bound) all scripts must return and what must hold
/// [eventually](Self::eventually) must.
pub struct Test {
    sim: SimHandle,
    sizes: BTreeMap<String, u64>,
    pub(super) drawn_sizes: BTreeMap<String, u64>,
    pub(super) nodes: Vec<(String, Arc<NativeNode>)>,
    pub(super) scripts: Vec<Script>,
    pub(super) checkers: Vec<Box<dyn Checker>>,
    pub(super) eventually: Vec<(String, Condition)>,
    pub(super) finally: Vec<(String, Condition)>,
    pub(super) bound: Duration,
    kinds: Vec<FaultKind>,
    count: Range<u64>,
    heal_at: Range<Duration>,
    mixed_versions: bool,
}

impl Test {
    pub(super) fn new(sim: SimHandle, case: &Case) -> Self {
        Self {
            sim,
            sizes: case.sizes.clone(),
            drawn_sizes: BTreeMap::new(),
            nodes: Vec::new(),
            scripts: Vec::new(),
            checkers: Vec::new(),
            eventually: Vec::new(),
            finally: Vec::new(),
            bound: Duration::from_secs(300),
            kinds: Vec::new(),
            count: 2..16,
            heal_at: Duration::from_secs(4)..Duration::from_secs(14),
            mixed_versions: false,
        }
    }

    /// The run: its time, network, disks and nodes.
    pub fn sim(&self) -> SimHandle {
        self.sim.clone()
    }

    /// How much of something there is in this run: how many orders, clients, nodes. Drawn from the seed, and made
    /// smaller by shrinking.
    pub fn size(&mut self, name: &str, range: RangeInclusive<u64>) -> u64 {
        let (least, most) = range.into_inner();
        let drawn = self.sizes.get(name).copied().unwrap_or_else(|| {
            let random = generator(self.sim.seed(), &format!("size {name}")).next_u64();
            least + below(random, most.saturating_sub(least) + 1)
        });
        let size = drawn.clamp(least, most);
        self.drawn_sizes.insert(name.to_owned(), size);
        size
    }

    /// A node, and what is done when it has started: at the beginning, and after each crash.
    ///
    /// [`SimHandle::node`] finds it, in whichever life it is.
    pub fn node<Fut>(&mut self, name: &str, start: impl Fn(Node) -> Fut + Send + Sync + 'static)
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let start: Start = Arc::new(move |node| Box::pin(start(node)));
        let node = Arc::new(NativeNode::new(self.sim.clone(), name.to_owned(), start));
        self.sim.set_tenant(name, node.clone());
        self.nodes.push((name.to_owned(), node));
    }

    /// In half of all runs the nodes of the [cluster](Self::cluster) that comes next are of different versions, each life of each node
    /// of one that the seed draws: the first, this one, or one that is still to come. So a crash may be an upgrade.
    pub fn mixed_versions(&mut self) -> &mut Self {
        self.mixed_versions = generator(self.sim.seed(), "mixed versions").next_u64() & 1 == 0;
        self
    }

    /// Nodes of one cluster, and what is done when one of them has started.
    pub fn cluster<Fut>(&mut self, names: &[&str], start: impl Fn(Node) -> Fut + Clone + Send + Sync + 'static)
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let nodes: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        for name in names {
            let (sim, nodes, start) = (self.sim(), nodes.clone(), start.clone());
            let mixed = self.mixed_versions;
            self.node(name, move |node| {
                let features = if mixed { version_of_life(&sim, &node) } else { Features::ALL };
                let config = Config { features, ..Config::default() };
                sim.join(&node, ClusterOptions { nodes: nodes.clone(), config, ..ClusterOptions::default() });
                start(node)
            });
        }
    }

    /// A script, on a host of that name: it runs from when all nodes are up, and must return. A panic in it breaks the
    /// property `assertion`.
    pub fn script<Fut>(&mut self, host: &str, script: impl FnOnce(SimHandle) -> Fut)
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.sim.seams(host);
        self.scripts.push(Script { host: host.to_owned(), run: Box::pin(script(self.sim.clone())) });
    }

    /// The kinds of faults that may come; of them each seed leaves about half out. Default none.
    /// [`FaultKind::survivable`] are all that correct code lives through.
    pub fn faults(&mut self, kinds: impl IntoIterator<Item = FaultKind>) -> &mut Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// How many faults there are. Default 2 to 15.
    pub fn fault_count(&mut self, count: Range<u64>) -> &mut Self {
        self.count = count;
        self
    }

    /// When the faults are over. Default after 4 to 14 seconds.
    pub fn heal_at(&mut self, at: Range<Duration>) -> &mut Self {
        self.heal_at = at;
        self
    }

    /// How long after the heal all scripts must have returned and everything that must hold eventually must hold.
    /// Default 300 seconds.
    pub fn bound(&mut self, bound: Duration) -> &mut Self {
        self.bound = bound;
        self
    }

    /// Watches the run as it happens.
    pub fn watch(&mut self, checker: impl Checker + 'static) -> &mut Self {
        self.checkers.push(Box::new(checker));
        self
    }

    /// What must hold at some time within the bound after the heal: asked every 10 ms.
    pub fn eventually(
        &mut self,
        property: &str,
        condition: impl FnMut() -> Result<(), String> + Send + 'static,
    ) -> &mut Self {
        self.eventually.push((property.to_owned(), Box::new(condition)));
        self
    }

    /// What must hold at the very end, when all scripts have returned.
    pub fn finally(
        &mut self,
        property: &str,
        condition: impl FnMut() -> Result<(), String> + Send + 'static,
    ) -> &mut Self {
        self.finally.push((property.to_owned(), Box::new(condition)));
        self
    }

    /// The plan of this run, unless the case brings its own.
    pub(super) fn draw_plan(&self) -> Plan {
        if self.kinds.is_empty() {
            return Plan::default();
        }
        let hosts: Vec<String> = self.nodes.iter().map(|(name, _)| name.clone()).collect();
        let mut clients: Vec<String> = self.scripts.iter().map(|script| script.host.clone()).collect();
        clients.retain(|client| client != "outside" && !hosts.contains(client));
        clients.sort();
        clients.dedup();
        let (kinds, count, heal_at) = (self.kinds.clone(), self.count.clone(), self.heal_at.clone());
        Plan::draw(self.sim.seed(), &Field { hosts, clients, kinds, count, heal_at })
    }
}

/// What this life of a node knows: the first version's, this one's, or something that nobody knows yet beside.
fn version_of_life(sim: &SimHandle, node: &Node) -> Features {
    let (name, life) = (node.name(), node.incarnation());
    let random = &mut generator(sim.seed(), &format!("version {name:?} {life}"));
    let features = pick(random, &[Features::NONE, Features::ALL, Features(Features::ALL.0 | 1 << 63)]);
    sim.record("version", &format!("{name} {features}"));
    if features == Features::NONE {
        sim.sometimes("a node of the first version");
    }
    features
}
