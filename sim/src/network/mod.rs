//! The simulated network: hosts with one address each, connections between them, and what can go wrong with those. The
//! [links](crate::links) between nodes run over it too.
//!
//! What happens to a packet depends on the seed, its connection's place among those of the two hosts, and its number
//! there: a fault that is left out in a second run leaves all other packets as they were.

mod conditions;
mod connection;
mod connections;
#[cfg_attr(not(any(feature = "quic", test)), expect(dead_code, reason = "only QUIC binds a socket"))]
mod datagrams;
mod listener;
mod seam;
mod stream;

pub(crate) use conditions::Conditions;
#[cfg(feature = "quic")]
pub(crate) use datagrams::DatagramSocket;
pub(crate) use datagrams::Datagrams;
pub(crate) use seam::SimSockets;

use crate::executor::{Kernel, Life};
use crate::links::Links;
use crate::plan::FaultKind;
use crate::recorder::Line;
use crate::sync::Mutex;
use connection::Connection;
use listener::Queue;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The first port that is given out when nobody asks for one.
const FIRST_FREE_PORT: u16 = 49152;

/// The network of a run, and its faults. Cheap to clone.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    kernel: Arc<Kernel>,
    state: Mutex<State>,
    conditions: Arc<Conditions>,
    /// Between nodes.
    links: Links,
    datagrams: Datagrams,
}

#[derive(Default)]
struct State {
    hosts: Vec<String>,
    listeners: BTreeMap<(u32, u16), Vec<Bound>>,
    connections: BTreeMap<u64, Weak<Connection>>,
    opened_by_pair: BTreeMap<(u32, u32), u64>,
    next_ports: BTreeMap<u32, u16>,
}

/// A listener and the address it is bound to.
struct Bound {
    ip: IpAddr,
    queue: Arc<Queue>,
}

/// A live connection of sockets or between two nodes, or what two UDP sockets send each other, as faults choose among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Counts up in a run.
    pub id: u64,
    /// The host that opened it.
    pub client: String,
    /// The host that accepted it.
    pub server: String,
}

impl Network {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        let conditions = Conditions::new(kernel.clone());
        let links = Links::new(kernel.clone(), conditions.clone());
        let datagrams = Datagrams::new(kernel.clone(), conditions.clone());
        Self(Arc::new(Inner { kernel, state: Mutex::default(), conditions, links, datagrams }))
    }

    /// The links between nodes.
    pub(crate) fn links(&self) -> &Links {
        &self.0.links
    }

    /// UDP.
    pub(crate) fn datagrams(&self) -> &Datagrams {
        &self.0.datagrams
    }

    pub(crate) fn add_host(&self, name: &str) {
        self.0.state.lock().hosts.push(name.to_owned());
    }

    /// Whatever is open between live hosts, in the order in which it was opened.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        let sockets = self.live_connections();
        let mut open = self.links().connections();
        let state = self.0.state.lock();
        let name = |host: u32| state.hosts.get(host as usize).cloned().unwrap_or_default();
        open.extend(sockets.iter().filter(|connection| connection.is_open()).map(|connection| ConnectionInfo {
            id: connection.id,
            client: name(connection.ends[0].host),
            server: name(connection.ends[1].host),
        }));
        open.extend(self.datagrams().connections(name));
        open.sort_by_key(|connection| connection.id);
        open
    }

    fn live_connections(&self) -> Vec<Arc<Connection>> {
        self.0.state.lock().connections.values().filter_map(Weak::upgrade).collect()
    }

    fn connection(&self, id: u64) -> Option<Arc<Connection>> {
        self.0.state.lock().connections.get(&id)?.upgrade()
    }

    /// Cuts a connection: both sides hear of it, what was under way is lost. False when it was gone.
    ///
    /// Over UDP nobody hears of it: what was under way is lost, and that is all.
    pub fn reset(&self, id: u64) -> bool {
        let found = match self.connection(id) {
            Some(connection) => {
                connection.reset();
                true
            }
            None => self.links().reset(id) || self.datagrams().reset(id),
        };
        if found {
            self.fault(FaultKind::Reset, |line| line.number(id));
        }
        found
    }

    /// Every packet of a connection takes that much longer from now on. False when it was gone.
    pub fn slow(&self, id: u64, extra: Duration) -> bool {
        let found = self.set_slowness(id, extra);
        if found {
            self.fault(FaultKind::SlowConnection, |line| line.number(id).text(&format!("{extra:?}")));
        }
        found
    }

    /// Ends [`slow`](Self::slow). False when the connection was gone.
    pub fn restore(&self, id: u64) -> bool {
        self.set_slowness(id, Duration::ZERO)
    }

    fn set_slowness(&self, id: u64, extra: Duration) -> bool {
        let nanos = u64::try_from(extra.as_nanos()).unwrap_or(u64::MAX);
        match self.connection(id) {
            Some(connection) => {
                connection.slow_down(nanos);
                true
            }
            None => self.links().slow(id, nanos) || self.datagrams().slow(id, nanos),
        }
    }

    /// One bit of the next packet of a connection is wrong, whichever side sends it. False when the connection was gone.
    ///
    /// TCP's checksum misses about one such packet in 65536; what stands on the network must not take it for good. Between
    /// nodes it does not decrypt: the packet counts as lost, and is sent again.
    pub fn corrupt(&self, id: u64) -> bool {
        match self.connection(id) {
            Some(connection) => {
                connection.corrupt_next();
                true
            }
            None => self.links().damage_next(id) || self.datagrams().damage_next(id),
        }
    }

    /// Of a hundred packets, so many are lost and sent again, beside those of the profile; 0 ends it.
    pub fn lose(&self, percent: u64) {
        self.0.kernel.record("loss", |line| line.number(percent));
        self.0.conditions.lose(percent);
    }

    /// Every packet takes up to that much longer; zero ends it.
    pub fn delay(&self, up_to: Duration) {
        self.0.kernel.record("delay", |line| line.text(&format!("{up_to:?}")));
        self.0.conditions.delay(up_to);
    }

    /// Of a hundred packets, so many are held back for up to 100 ms while those behind them arrive; 0 ends it. What is in one
    /// stream waits for them: that keeps its order.
    pub fn reorder(&self, percent: u64) {
        self.0.kernel.record("reorder", |line| line.number(percent));
        self.0.conditions.reorder(percent);
    }

    /// Of a hundred packets, so many arrive twice; 0 ends it. TCP and QUIC throw the second one away.
    pub fn duplicate(&self, percent: u64) {
        self.0.kernel.record("duplicate", |line| line.number(percent));
        self.0.conditions.duplicate(percent);
    }

    /// Nothing from `from` reaches `to` until [`mend`](Self::mend); what is under way waits. Two cuts need two mends.
    pub fn cut(&self, from: &str, to: &str) {
        if let (Some(from), Some(to)) = (self.host(from), self.host(to)) {
            self.fault(FaultKind::Cut, |line| line.number(from.into()).number(to.into()));
            self.0.conditions.cut(from, to);
        }
    }

    /// Ends [`cut`](Self::cut).
    pub fn mend(&self, from: &str, to: &str) {
        if let (Some(from), Some(to)) = (self.host(from), self.host(to)) {
            self.0.kernel.record("mend", |line| line.number(from.into()).number(to.into()));
            self.0.conditions.mend(from, to);
            self.resume();
        }
    }

    /// Nothing reaches that host or leaves it until [`unclog`](Self::unclog); what is under way waits.
    pub fn clog(&self, host: &str) {
        if let Some(host) = self.host(host) {
            self.fault(FaultKind::Clog, |line| line.number(host.into()));
            self.0.conditions.clog(host);
        }
    }

    /// Ends [`clog`](Self::clog).
    pub fn unclog(&self, host: &str) {
        if let Some(host) = self.host(host) {
            self.0.kernel.record("unclog", |line| line.number(host.into()));
            self.0.conditions.unclog(host);
            self.resume();
        }
    }

    /// What waited for a cut to end goes on.
    fn resume(&self) {
        self.live_connections().iter().for_each(|connection| connection.resume());
        self.links().resume();
    }

    /// That host breaks the cluster's protocol: of a hundred frames that it sends over the links, so many are left out, doubled, put
    /// in another order, made up, or changed in one of their fields; 0 ends it. Over QUIC it has no effect.
    pub fn lie(&self, host: &str, percent: u64) {
        if let Some(number) = self.host(host) {
            self.0.kernel.record("lie", |line| line.text(host).number(percent));
            self.links().lie(number, percent);
        }
    }

    /// Whether new connections to that host are refused. Those that are open stay.
    ///
    /// Over UDP it is what a handshake sends to that host that is thrown away, whoever began it.
    pub fn refuse(&self, host: &str, on: bool) {
        if let Some(host) = self.host(host) {
            if on {
                self.fault(FaultKind::Refuse, |line| line.number(host.into()));
            } else {
                self.0.kernel.record("accepting", |line| line.number(host.into()));
            }
            self.0.conditions.refuse(host, on);
        }
    }

    /// Ends every fault: from now on no packet is lost, cut off or slow.
    pub fn heal(&self) {
        self.0.kernel.record("network-heal", |line| line);
        self.0.conditions.heal();
        for connection in self.live_connections() {
            connection.slow_down(0);
            connection.resume();
        }
        self.links().heal();
        self.datagrams().heal();
    }

    fn fault(&self, what: FaultKind, fields: impl FnOnce(Line<'_>) -> Line<'_>) {
        self.0.kernel.recorder.count(what.name());
        self.0.kernel.record("fault", |line| fields(line.text(what.name())));
    }

    /// The address of a host.
    pub fn address(&self, host: &str) -> Option<IpAddr> {
        self.host(host).map(ip_of)
    }

    pub(crate) fn host(&self, name: &str) -> Option<u32> {
        self.0.state.lock().hosts.iter().position(|host| host == name).map(|host| host as u32)
    }

    /// A host has crashed: its sockets are gone, and the other side of each of its connections hears of it.
    pub(crate) fn crash(&self, life: &Life) {
        let listeners: Vec<Bound> = {
            let mut state = self.0.state.lock();
            let ports: Vec<_> =
                state.listeners.range((life.host, 0)..=(life.host, u16::MAX)).map(|(key, _)| *key).collect();
            ports.iter().filter_map(|port| state.listeners.remove(port)).flatten().collect()
        };
        for listener in listeners {
            drop(listener.queue.close());
        }
        self.datagrams().crash(life);
        for connection in self.live_connections() {
            connection.end_crashed(life);
        }
    }
}

/// Host 0 has 10.0.0.1.
fn ip_of(host: u32) -> IpAddr {
    let [_, b, c, d] = (host + 1).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, b, c, d))
}

/// The inverse of [`ip_of`]; loopback addresses are the caller's own.
fn host_of(ip: IpAddr, own: u32) -> Option<u32> {
    match ip {
        ip if ip.is_loopback() => Some(own),
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            (a == 10).then(|| u32::from_be_bytes([0, b, c, d]).checked_sub(1)).flatten()
        }
        IpAddr::V6(_) => None,
    }
}
