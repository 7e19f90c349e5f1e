//! A node with a host on it, and what tests do with them.

mod guests;

pub(crate) use guests::guest;

use parking_lot::Mutex;
use rusm_core::seam::Seams;
use rusm_core::{
    CallError, Encoding, ExitReason, Node, NodeOptions, Payload, Pid, SpawnOptions, Started, Term, TraceEvent, Tracer,
};
use rusm_host::manifest::{Grants, NamePattern};
use rusm_host::{Engine, Host, HostOptions, Profile};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// More than anything here takes on the slowest machine.
const BOUND: Duration = Duration::from_secs(120);

/// One node, and a host with no components yet.
pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) host: Host,
    watcher: Arc<Watcher>,
}

/// What the host said of processes, and how they ended.
#[derive(Default)]
struct Watcher {
    notes: Mutex<Vec<String>>,
    exits: Mutex<BTreeMap<Pid, ExitReason>>,
}

impl Tracer for Watcher {
    fn event(&self, _: &Node, event: &TraceEvent<'_>) {
        match event {
            TraceEvent::Note { text, .. } => self.notes.lock().push((*text).to_owned()),
            TraceEvent::Exited { pid, reason } => drop(self.exits.lock().insert(*pid, (*reason).clone())),
            _ => {}
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(HostOptions::new(engine(Profile::Production)))
    }

    pub(crate) fn with(options: HostOptions) -> Self {
        let watcher = Arc::<Watcher>::default();
        let seams = Seams::production(std::env::temp_dir());
        let node = Node::start(NodeOptions { tracer: Some(watcher.clone()), ..NodeOptions::new("a", seams) });
        let host = Host::new(options).expect("the host functions fit together");
        host.register(&node);
        Self { node, host, watcher }
    }

    /// The same with the actor of that name and grants.
    pub(crate) fn actor(self, name: &str, grants: Grants) -> Self {
        self.host.load_here(name, guest("actor"), grants).expect("it is a component");
        self
    }

    /// A world with an actor `puppet` that is granted nothing.
    pub(crate) fn puppet() -> Self {
        Self::new().actor("puppet", Grants::default())
    }

    pub(crate) async fn start(&self, name: &str, args: &str) -> Started {
        let body = self.host.body(name, text(args)).expect("it can be started");
        let options = SpawnOptions { label: name.to_owned(), ..SpawnOptions::default() };
        within(self.node.start_process(options, body)).await
    }

    /// Starts a process that must come up.
    pub(crate) async fn up(&self, name: &str, args: &str) -> Puppet<'_> {
        match self.start(name, args).await {
            Started::Up(pid) => Puppet { world: self, pid },
            other => panic!("{name} did not start: {other:?}"),
        }
    }

    pub(crate) fn at(&self, pid: Pid) -> Puppet<'_> {
        Puppet { world: self, pid }
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.watcher.notes.lock().clone()
    }
}

/// A running actor guest.
#[derive(Clone, Copy)]
pub(crate) struct Puppet<'w> {
    world: &'w World,
    pub(crate) pid: Pid,
}

impl Puppet<'_> {
    /// Tells it to do something, and gives what came of it.
    pub(crate) async fn ask(self, what: &str) -> String {
        match self.try_ask(what).await {
            Ok(answer) => answer,
            Err(error) => panic!("{what}: {error}"),
        }
    }

    pub(crate) async fn try_ask(self, what: &str) -> Result<String, CallError> {
        match within(self.world.node.call(self.pid, text(what), BOUND)).await? {
            Payload::Term(term) => Ok(String::from_utf8(term.bytes.into()).expect("it answers with text")),
            Payload::Local(_) => panic!("a guest has no native values"),
        }
    }

    pub(crate) fn tell(self, what: &str) {
        self.world.node.send(self.pid, text(what)).expect("a pid can always be sent to");
    }

    /// Tells it to do something that ends it, and says how it ended.
    pub(crate) async fn ends(self, what: &str) -> ExitReason {
        match self.try_ask(what).await {
            Err(CallError::Down(reason)) => reason,
            other => panic!("{what}: it should have ended, and not {other:?}"),
        }
    }

    /// Waits for its end, if it has not come yet.
    pub(crate) async fn exit(self) -> ExitReason {
        until(async || self.world.watcher.exits.lock().get(&self.pid).cloned()).await
    }

    /// Its pid as it writes it itself.
    pub(crate) async fn pid_text(self) -> String {
        self.ask("self").await
    }
}

pub(crate) fn text(text: &str) -> Term {
    Term::new(Encoding::Text, text.to_owned())
}

pub(crate) fn names(names: &[&str]) -> Vec<NamePattern> {
    names.iter().copied().map(NamePattern::new).collect()
}

/// One engine of each profile for all tests, with a code cache that outlives them.
pub(crate) fn engine(profile: Profile) -> Engine {
    static PRODUCTION: OnceLock<Engine> = OnceLock::new();
    static SIMULATION: OnceLock<Engine> = OnceLock::new();
    let engine = match profile {
        Profile::Production => &PRODUCTION,
        Profile::Simulation => &SIMULATION,
    };
    let make = || Engine::new(profile, Some(guests::directory().join("code-cache"))).expect("this machine can run it");
    engine.get_or_init(make).clone()
}

/// The same, for at most as long as nothing here takes.
pub(crate) async fn within<T>(job: impl Future<Output = T>) -> T {
    let clock = Seams::production(std::env::temp_dir()).clock;
    let bound = clock.sleep_until(clock.now() + BOUND);
    match futures_util::future::select(std::pin::pin!(job), bound).await {
        futures_util::future::Either::Left((done, _)) => done,
        futures_util::future::Either::Right(_) => panic!("it has not happened within {BOUND:?}"),
    }
}

/// Waits for something that other processes bring about.
pub(crate) async fn until<T, Fut: Future<Output = Option<T>>>(mut there: impl FnMut() -> Fut) -> T {
    within(async {
        loop {
            if let Some(there) = there().await {
                return there;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}
