//! Three nodes, each on a host of turmoil's, which start again after a crash.

use crate::machine::TurmoilMachine;
use crate::talk::{listen, talk};
use rusm_core::seam::Seams;
use rusm_core::{Node, NodeOptions, Pid};
use rusm_transport::proto::{Config, Identity, Role};
use rusm_transport::quic::{Authority, Credentials, Issued, MemberOptions, QuicMember};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// The hosts, and the nodes on them.
pub const NAMES: [&str; 3] = ["a", "b", "c"];

const PORT: u16 = 4370;
const DAY: Duration = Duration::from_secs(86_400);

/// What the nodes of one run share, outside of the simulated world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    authority: Authority,
    issued: BTreeMap<&'static str, Issued>,
    directory: TempDir,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    incarnations: BTreeMap<&'static str, u32>,
    /// The present life of each.
    nodes: BTreeMap<&'static str, Node>,
    seen: Seen,
}

/// What listeners have seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// What broke a promise.
    pub(crate) broken: Vec<String>,
    /// The last number of each sender, by who has heard it.
    pub(crate) last: BTreeMap<(Pid, Pid), u64>,
    /// Monitors that still wait for their DOWN.
    pub(crate) waiting: BTreeMap<(Pid, String), Pid>,
    pub(crate) downs: u64,
    pub(crate) lost_tails: u64,
}

impl World {
    /// A new authority, and a certificate for each node.
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        let authority = Authority::new(now, DAY).expect("an authority");
        let issue = |name: &'static str| {
            let holder = Identity { name: name.to_owned(), role: Role::Node };
            (name, authority.issue(&holder, now, DAY).expect("a certificate"))
        };
        let issued = NAMES.map(issue).into();
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self(Arc::new(Inner { authority, issued, directory, state: Mutex::default() }))
    }

    /// What runs on a host: a node that takes part, with one who listens and one who talks; until the host crashes.
    pub async fn run(self, name: &'static str) -> turmoil::Result {
        let incarnation = self.with(|state| {
            let incarnation = state.incarnations.entry(name).or_default();
            *incarnation += 1;
            *incarnation
        });
        let seams = Seams::production(self.0.directory.path().join(name));
        let node = Node::start(NodeOptions { incarnation, ..NodeOptions::new(name, seams) });
        let at = |name: &str| SocketAddr::new(turmoil::lookup(name), PORT);
        let issued = &self.0.issued[name];
        let options = MemberOptions {
            listen: (Ipv4Addr::UNSPECIFIED, PORT).into(),
            credentials: Credentials::of_pem(self.0.authority.certificate(), &issued.certificate, &issued.key)?,
            advertise: Some(at(name)),
            join: NAMES.into_iter().filter(|other| *other != name).map(at).collect(),
            config: Config::default(),
        };
        let member = QuicMember::start_on(&TurmoilMachine, &node, options)?;
        let world = self.clone();
        node.spawn(move |context| listen(context, world));
        node.spawn(talk);
        self.with(|state| state.nodes.insert(name, node));
        let () = std::future::pending().await;
        drop(member);
        Ok(())
    }

    fn with<T>(&self, job: impl FnOnce(&mut State) -> T) -> T {
        job(&mut self.0.state.lock().expect("nobody panics with it"))
    }

    pub(crate) fn seen<T>(&self, job: impl FnOnce(&mut Seen) -> T) -> T {
        self.with(|state| job(&mut state.seen))
    }

    /// How many monitors were told, and how many associations have taken a tail with them.
    pub fn counts(&self) -> (u64, u64) {
        self.seen(|seen| (seen.downs, seen.lost_tails))
    }

    /// Every promise that was broken up to now.
    pub fn broken(&self) -> Vec<String> {
        self.seen(|seen| seen.broken.clone())
    }

    /// The last number that each present listener has heard of each present talker of another node.
    pub fn heard(&self) -> BTreeMap<(Pid, Pid), u64> {
        self.with(|state| {
            let present = |pid: &Pid| state.nodes.values().any(|node| node.process_info(*pid).is_some());
            let heard = state.seen.last.iter().filter(|((by, of), _)| present(by) && present(of));
            heard.map(|(pair, last)| (*pair, *last)).collect()
        })
    }

    /// Monitors of processes that live no more and whose present watchers have not been told.
    pub fn untold(&self) -> Vec<String> {
        self.with(|state| {
            let present = |pid: &Pid| state.nodes.values().any(|node| node.process_info(*pid).is_some());
            let untold = state.seen.waiting.iter().filter(|((by, _), of)| present(by) && !present(of));
            untold.map(|((by, _), of)| format!("{by} watches {of}")).collect()
        })
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
