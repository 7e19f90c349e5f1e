//! The simulated network: hosts with one address each, connections between them, and what can go wrong with those.
//!
//! What happens to a packet depends on the seed, its connection's place among those of the two hosts, and its number
//! there: a fault that is left out in a second run leaves all other packets as they were.

mod connection;
mod connections;
mod listener;
mod seam;
mod stream;

pub(crate) use seam::SimSockets;

use crate::executor::{Kernel, Life};
use crate::plan::FaultKind;
use crate::recorder::Line;
use connection::Connection;
use listener::Queue;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
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
}

#[derive(Default)]
struct State {
    hosts: Vec<String>,
    listeners: BTreeMap<(u32, u16), Vec<Bound>>,
    connections: BTreeMap<u64, Weak<Connection>>,
    opened: u64,
    opened_by_pair: BTreeMap<(u32, u32), u64>,
    next_ports: BTreeMap<u32, u16>,
    /// How many faults cut that direction.
    cut: BTreeMap<(u32, u32), u32>,
    /// Of 65536 packets, how many are lost once and sent again, beside those of the profile.
    lost: u64,
    /// Every packet takes up to so many nanoseconds more.
    delay_ns: u64,
    refusing: BTreeSet<u32>,
    calm: bool,
}

/// A listener and the address it is bound to.
struct Bound {
    ip: IpAddr,
    queue: Arc<Queue>,
}

/// A live connection, as faults choose among them.
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
        Self(Arc::new(Inner { kernel, state: Mutex::default() }))
    }

    pub(crate) fn add_host(&self, name: &str) {
        self.0.state.lock().hosts.push(name.to_owned());
    }

    /// Whatever is open between live hosts, in the order in which it was opened.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        let connections = self.live_connections();
        let state = self.0.state.lock();
        let name = |host: u32| state.hosts.get(host as usize).cloned().unwrap_or_default();
        connections
            .iter()
            .filter(|connection| connection.is_open())
            .map(|connection| ConnectionInfo {
                id: connection.id,
                client: name(connection.ends[0].host),
                server: name(connection.ends[1].host),
            })
            .collect()
    }

    fn live_connections(&self) -> Vec<Arc<Connection>> {
        self.0.state.lock().connections.values().filter_map(Weak::upgrade).collect()
    }

    fn connection(&self, id: u64) -> Option<Arc<Connection>> {
        self.0.state.lock().connections.get(&id)?.upgrade()
    }

    /// Cuts a connection: both sides get `ConnectionReset`, what was under way is lost. False when it was gone.
    pub fn reset(&self, id: u64) -> bool {
        let Some(connection) = self.connection(id) else { return false };
        self.fault(FaultKind::Reset, |line| line.number(id));
        connection.reset();
        true
    }

    /// Every packet of a connection takes that much longer from now on. False when it was gone.
    pub fn slow(&self, id: u64, extra: Duration) -> bool {
        let Some(connection) = self.connection(id) else { return false };
        let nanos = u64::try_from(extra.as_nanos()).unwrap_or(u64::MAX);
        self.fault(FaultKind::SlowConnection, |line| line.number(id).number(nanos));
        connection.slow_down(nanos);
        true
    }

    /// Ends [`slow`](Self::slow). False when the connection was gone.
    pub fn restore(&self, id: u64) -> bool {
        self.connection(id).map(|connection| connection.slow_down(0)).is_some()
    }

    /// One bit of the next packet of a connection is wrong, whichever side sends it. False when the connection was gone.
    ///
    /// TCP's checksum misses about one such packet in 65536; what stands on the network must not take it for good.
    pub fn corrupt(&self, id: u64) -> bool {
        self.connection(id).map(|connection| connection.corrupt_next()).is_some()
    }

    /// Of a hundred packets, so many are lost and sent again, beside those of the profile; 0 ends it.
    pub fn lose(&self, percent: u64) {
        self.0.kernel.record("loss", |line| line.number(percent));
        self.0.state.lock().lost = percent.min(100) * 65536 / 100;
    }

    /// Every packet takes up to that much longer; zero ends it.
    pub fn delay(&self, up_to: Duration) {
        let nanos = u64::try_from(up_to.as_nanos()).unwrap_or(u64::MAX);
        self.0.kernel.record("delay", |line| line.number(nanos));
        self.0.state.lock().delay_ns = nanos;
    }

    /// Nothing from `from` reaches `to` until [`mend`](Self::mend); what is under way waits. Two cuts need two mends.
    pub fn cut(&self, from: &str, to: &str) {
        if let (Some(from), Some(to)) = (self.host(from), self.host(to)) {
            self.fault(FaultKind::Cut, |line| line.number(from.into()).number(to.into()));
            *self.0.state.lock().cut.entry((from, to)).or_default() += 1;
        }
    }

    /// Ends [`cut`](Self::cut).
    pub fn mend(&self, from: &str, to: &str) {
        if let (Some(from), Some(to)) = (self.host(from), self.host(to)) {
            self.0.kernel.record("mend", |line| line.number(from.into()).number(to.into()));
            let mut state = self.0.state.lock();
            if let Some(cuts) = state.cut.get_mut(&(from, to)) {
                *cuts -= 1;
                if *cuts == 0 {
                    state.cut.remove(&(from, to));
                }
            }
            drop(state);
            for connection in self.live_connections() {
                connection.resume();
            }
        }
    }

    /// Whether new connections to that host are refused. Those that are open stay.
    pub fn refuse(&self, host: &str, on: bool) {
        if let Some(host) = self.host(host) {
            if on {
                self.fault(FaultKind::Refuse, |line| line.number(host.into()));
                self.0.state.lock().refusing.insert(host);
            } else {
                self.0.kernel.record("accepting", |line| line.number(host.into()));
                self.0.state.lock().refusing.remove(&host);
            }
        }
    }

    /// Ends every fault: from now on no packet is lost, cut off or slow.
    pub fn heal(&self) {
        self.0.kernel.record("network-heal", |line| line);
        {
            let mut state = self.0.state.lock();
            state.calm = true;
            state.cut.clear();
            state.lost = 0;
            state.delay_ns = 0;
            state.refusing.clear();
        }
        for connection in self.live_connections() {
            connection.slow_down(0);
            connection.resume();
        }
    }

    fn fault(&self, what: FaultKind, fields: impl FnOnce(Line<'_>) -> Line<'_>) {
        self.0.kernel.recorder.count(what.name());
        self.0.kernel.record("fault", |line| fields(line.text(what.name())));
    }

    /// The address of a host.
    pub fn address(&self, host: &str) -> Option<IpAddr> {
        self.host(host).map(ip_of)
    }

    fn host(&self, name: &str) -> Option<u32> {
        self.0.state.lock().hosts.iter().position(|host| host == name).map(|host| host as u32)
    }

    /// A host has crashed: its listeners are gone, and the other side of each of its connections hears of it.
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
