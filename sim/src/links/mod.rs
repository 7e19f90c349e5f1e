//! Simulated links between nodes: what carries the cluster's protocol in a run. Each stream of a connection is an ordered
//! pipe with a delay of its own, so that streams overtake each other; a lost packet is one that comes later, with all behind it.
//!
//! What happens to a packet depends on the seed, its connection, its stream and its number there.

mod pipe;
mod wire;

use crate::executor::{Event, Fire, Kernel, Life};
use crate::recorder::Line;
use crate::seed::{below, mix};
use crate::sim::SimHandle;
use parking_lot::Mutex;
use pipe::Pipe;
use rusm_core::Node;
use rusm_transport::cluster::{Cluster, ClusterOptions, Input};
use rusm_transport::proto::{ConnectionId, Identity, LANE_STREAMS, Role, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use wire::SimWire;

/// How often a node that hears nothing asks again.
const DIAL_RETRY_NS: u64 = 250_000_000;

/// The links of a run, and their faults. Cheap to clone.
#[derive(Clone)]
pub struct Links(Arc<Inner>);

struct Inner {
    sim: SimHandle,
    kernel: Arc<Kernel>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hosts: BTreeMap<String, Host>,
    connections: BTreeMap<u64, Connection>,
    opened: u64,
    cut: BTreeSet<(String, String)>,
    /// Dials that were closed before they arrived.
    given_up: BTreeSet<(String, ConnectionId)>,
    /// How many packets with bytes of lanes have been handed over.
    packets: u64,
}

/// A node as the links know it.
#[derive(Clone)]
struct Host {
    life: Arc<Life>,
    cluster: Cluster,
}

struct Connection {
    /// The one that dialled, then the other.
    ends: [End; 2],
    /// From each end to the other, by stream.
    pipes: [Vec<Pipe>; 2],
}

struct End {
    host: String,
    life: Arc<Life>,
    cluster: Cluster,
    id: ConnectionId,
    open: bool,
}

/// Something that happens on a link when its time has come.
struct Due {
    links: Weak<Inner>,
    what: What,
}

enum What {
    /// A dial arrives, or is tried again.
    Dial { from: String, life: Arc<Life>, id: ConnectionId, to: String },
    /// The answer to a dial arrives.
    Connected { connection: u64 },
    /// The next packet of a pipe arrives.
    Packet { connection: u64, end: usize, stream: StreamId },
    /// An end hears that the connection is gone.
    Gone { connection: u64, end: usize },
}

impl Links {
    /// The links of that run: none yet.
    pub fn new(sim: &SimHandle) -> Self {
        Self(Arc::new(Inner { sim: sim.clone(), kernel: sim.kernel(), state: Mutex::default() }))
    }

    /// The node, which runs on the host of its name, takes part from now on.
    ///
    /// # Panics
    /// When it does already.
    pub fn join(&self, node: &Node, options: ClusterOptions) -> Cluster {
        let (name, life) = (node.name().to_owned(), self.0.sim.life(node.name()));
        let wire = SimWire { links: self.0.clone(), host: name.clone(), life: life.clone() };
        let cluster = Cluster::start(node, Arc::new(wire), options).expect("a node joins once");
        let mut state = self.0.state.lock();
        state.given_up.retain(|(host, _)| *host != name);
        state.hosts.insert(name, Host { life, cluster: cluster.clone() });
        drop(state);
        cluster
    }

    /// Nothing from `from` reaches `to` until [`mend`](Self::mend); what is under way waits.
    pub fn cut(&self, from: &str, to: &str) {
        self.fault("links: cut", |line| line.text(from).text(to));
        self.0.state.lock().cut.insert((from.to_owned(), to.to_owned()));
    }

    /// Ends [`cut`](Self::cut).
    pub fn mend(&self, from: &str, to: &str) {
        self.0.kernel.record("links-mend", |line| line.text(from).text(to));
        self.0.state.lock().cut.remove(&(from.to_owned(), to.to_owned()));
        self.resume();
    }

    /// Ends every cut.
    pub fn heal(&self) {
        self.0.kernel.record("links-heal", |line| line);
        self.0.state.lock().cut.clear();
        self.resume();
    }

    /// Breaks every connection between the two: what is under way is lost, and each side hears of it when it is told.
    pub fn reset(&self, one: &str, other: &str) {
        self.fault("links: reset", |line| line.text(one).text(other));
        let state = &mut *self.0.state.lock();
        for (number, connection) in &mut state.connections {
            let hosts = connection.ends.each_ref().map(|end| end.host.as_str());
            if hosts != [one, other] && hosts != [other, one] {
                continue;
            }
            for end in 0..2 {
                connection.pipes[end].iter_mut().for_each(Pipe::clear);
                self.0.tell_gone(connection, *number, end);
            }
        }
    }

    /// The pairs of hosts that have a connection, in the order in which it was dialled.
    pub fn connected(&self) -> Vec<(String, String)> {
        let state = self.0.state.lock();
        let open = state.connections.values().filter(|connection| connection.ends.iter().all(End::is_open));
        open.map(|connection| (connection.ends[0].host.clone(), connection.ends[1].host.clone())).collect()
    }

    /// How many packets with signals have crossed.
    pub fn packets(&self) -> u64 {
        self.0.state.lock().packets
    }

    fn fault(&self, what: &'static str, fields: impl FnOnce(Line<'_>) -> Line<'_>) {
        self.0.kernel.recorder.count(what);
        self.0.kernel.record("fault", |line| fields(line.text(what)));
    }

    /// What waited for a cut to end goes on.
    fn resume(&self) {
        let state = &mut *self.0.state.lock();
        for (number, connection) in &mut state.connections {
            for end in 0..2 {
                for stream in streams() {
                    self.0.schedule_pipe(connection, *number, end, stream);
                }
            }
        }
    }
}

fn streams() -> impl Iterator<Item = StreamId> {
    (0..=LANE_STREAMS).map(StreamId)
}

impl End {
    fn is_open(&self) -> bool {
        self.open && self.life.is_alive()
    }

    fn input(&self, input: Input) {
        if self.life.is_alive() {
            self.cluster.input(input);
        }
    }
}

impl Inner {
    fn schedule(self: &Arc<Self>, at: u64, what: What) {
        self.kernel.schedule(at, Event::Fire(Arc::new(Due { links: Arc::downgrade(self), what })));
    }

    /// How long a packet takes, by what it is.
    fn trip(&self, parts: &[u64]) -> u64 {
        let profile = &self.kernel.profile;
        let fate = mix(&[self.kernel.seed, mix(parts)]);
        let trip = 1 + profile.packet_ns_min + below(fate, profile.packet_jitter_ns);
        // One that is lost is sent again when its acknowledgement is missed.
        let lost = below(mix(&[fate, 1]), 65536) < profile.lost_packets;
        if lost { trip * 3 + 20_000_000 } else { trip }
    }

    fn dial(self: &Arc<Self>, from: String, life: Arc<Life>, id: ConnectionId, to: String) {
        let ConnectionId::Dialled(number) = id else { return };
        let at = self.kernel.now() + self.trip(&[life.host.into(), life.number.into(), number]);
        self.schedule(at, What::Dial { from, life, id, to });
    }

    /// A dial arrives.
    fn dialled(self: &Arc<Self>, from: String, life: Arc<Life>, id: ConnectionId, to: String) {
        let state = &mut *self.state.lock();
        let Some(host) = state.hosts.get(&from).filter(|host| host.life.is_alive() && Arc::ptr_eq(&host.life, &life))
        else {
            return;
        };
        let own = host.cluster.clone();
        if state.given_up.remove(&(from.clone(), id)) {
            return;
        }
        if state.cut.contains(&(from.clone(), to.clone())) || state.cut.contains(&(to.clone(), from.clone())) {
            self.kernel.recorder.count("links: a dial waited");
            let at = self.kernel.now() + DIAL_RETRY_NS;
            return self.schedule(at, What::Dial { from, life, id, to });
        }
        let Some(host) = state.hosts.get(&to).filter(|host| host.life.is_alive()).cloned() else {
            self.kernel.record("links-refused", |line| line.text(&from).text(&to));
            return own.input(Input::Closed(id));
        };
        state.opened += 1;
        let number = state.opened;
        self.kernel.record("links-open", |line| line.number(number).text(&from).text(&to));
        let accepted = ConnectionId::Accepted(number);
        host.cluster.input(Input::Accepted(accepted, Identity { name: from.clone(), role: Role::Node }));
        let window = self.kernel.profile.window.max(32 << 10);
        for stream in streams() {
            host.cluster.input(Input::Writable(accepted, stream, window));
        }
        let ends = [
            End { host: from, life, cluster: own, id, open: true },
            End { host: to, life: host.life, cluster: host.cluster, id: accepted, open: true },
        ];
        let pipes = || streams().map(|_| Pipe::default()).collect();
        state.connections.insert(number, Connection { ends, pipes: [pipes(), pipes()] });
        let at = self.kernel.now() + self.trip(&[number]);
        self.schedule(at, What::Connected { connection: number });
    }

    fn connected(&self, number: u64) {
        let state = self.state.lock();
        let Some(connection) = state.connections.get(&number) else { return };
        let [dialled, other] = &connection.ends;
        let certificate = Identity { name: other.host.clone(), role: Role::Node };
        dialled.input(Input::Connected(dialled.id, certificate));
        let window = self.kernel.profile.window.max(32 << 10);
        for stream in streams() {
            dialled.input(Input::Writable(dialled.id, stream, window));
        }
    }

    /// An end writes to a stream.
    fn transmit(self: &Arc<Self>, host: &str, id: ConnectionId, stream: StreamId, bytes: bytes::Bytes) {
        let state = &mut *self.state.lock();
        let Some((number, end)) = state.find(host, id) else { return };
        let Some(connection) = state.connections.get_mut(&number) else { return };
        let pipe = &mut connection.pipes[end][usize::from(stream.0)];
        let packet = pipe.next_number();
        let at = self.kernel.now() + self.trip(&[number, end as u64, stream.0.into(), packet]);
        pipe.push(at, bytes);
        self.schedule_pipe(connection, number, end, stream);
    }

    /// An end closes: the other hears of it behind what is in the control stream.
    fn close(self: &Arc<Self>, host: &str, id: ConnectionId) {
        let state = &mut *self.state.lock();
        let Some((number, end)) = state.find(host, id) else {
            state.given_up.insert((host.to_owned(), id));
            return;
        };
        let Some(connection) = state.connections.get_mut(&number) else { return };
        connection.ends[end].open = false;
        connection.pipes[end].iter_mut().skip(1).for_each(Pipe::clear);
        let control = &mut connection.pipes[end][0];
        let packet = control.next_number();
        let at = self.kernel.now() + self.trip(&[number, end as u64, 0, packet]);
        control.push_end(at);
        self.schedule_pipe(connection, number, end, StreamId::CONTROL);
    }

    /// Lets the first packet of a pipe arrive when its time has come, unless one is scheduled already.
    fn schedule_pipe(self: &Arc<Self>, connection: &mut Connection, number: u64, end: usize, stream: StreamId) {
        if let Some(at) = connection.pipes[end][usize::from(stream.0)].schedule() {
            let at = at.max(self.kernel.now() + 1);
            self.schedule(at, What::Packet { connection: number, end, stream });
        }
    }

    fn tell_gone(self: &Arc<Self>, connection: &mut Connection, number: u64, end: usize) {
        if connection.ends[end].open {
            connection.ends[end].open = false;
            let at = self.kernel.now() + self.trip(&[number, end as u64, u64::MAX]);
            self.schedule(at, What::Gone { connection: number, end });
        }
    }

    fn packet(self: &Arc<Self>, number: u64, end: usize, stream: StreamId) {
        let state = &mut *self.state.lock();
        let Some(connection) = state.connections.get_mut(&number) else { return };
        let pipe = &mut connection.pipes[end][usize::from(stream.0)];
        if !pipe.fired(self.kernel.now()) {
            // It was for one that is gone.
            return self.schedule_pipe(connection, number, end, stream);
        }
        let way = (connection.ends[end].host.clone(), connection.ends[1 - end].host.clone());
        if state.cut.contains(&way) {
            self.kernel.recorder.count("links: a packet waited");
            return;
        }
        let Some(content) = pipe.pop() else { return };
        let receiver = 1 - end;
        if !connection.ends[receiver].life.is_alive() {
            return self.to_the_dead(connection, number, end);
        }
        match content {
            None => self.end_hears(connection, receiver),
            Some(bytes) if connection.ends[receiver].open => {
                let (len, id) = (bytes.len(), connection.ends[receiver].id);
                state.packets += u64::from(stream != StreamId::CONTROL);
                self.kernel.record("links-packet", |line| {
                    line.number(number).number(end as u64).number(stream.0.into()).number(len as u64)
                });
                connection.ends[receiver].input(Input::Received(id, stream, bytes));
                let sender = &connection.ends[end];
                if sender.open {
                    sender.input(Input::Writable(sender.id, stream, len));
                }
            }
            Some(_) => {}
        }
        self.schedule_pipe(connection, number, end, stream);
        state.forget(number);
    }

    /// A packet for a life that is over: often nobody answers, sometimes the machine says so.
    fn to_the_dead(self: &Arc<Self>, connection: &mut Connection, number: u64, sender: usize) {
        if below(mix(&[self.kernel.seed, number, 7]), 2) == 0 {
            self.kernel.recorder.count("links: a dead node was answered for");
            self.tell_gone(connection, number, sender);
        }
    }

    fn end_hears(&self, connection: &mut Connection, end: usize) {
        let end = &mut connection.ends[end];
        if end.open {
            end.open = false;
            end.input(Input::Closed(end.id));
        }
    }
}

impl State {
    fn find(&self, host: &str, id: ConnectionId) -> Option<(u64, usize)> {
        self.connections.iter().find_map(|(number, connection)| {
            let end = connection.ends.iter().position(|end| end.is_open() && end.host == host && end.id == id)?;
            Some((*number, end))
        })
    }

    /// Drops a connection that nobody has any more.
    fn forget(&mut self, number: u64) {
        let over = |connection: &Connection| {
            let quiet = connection.pipes.iter().flatten().all(Pipe::is_empty);
            quiet && connection.ends.iter().all(|end| !end.is_open())
        };
        if self.connections.get(&number).is_some_and(over) {
            self.connections.remove(&number);
        }
    }
}

impl Fire for Due {
    fn fire(self: Arc<Self>, _: &Arc<Kernel>) {
        let Some(links) = self.links.upgrade() else { return };
        match &self.what {
            What::Dial { from, life, id, to } => links.dialled(from.clone(), life.clone(), *id, to.clone()),
            What::Connected { connection } => links.connected(*connection),
            What::Packet { connection, end, stream } => links.packet(*connection, *end, *stream),
            What::Gone { connection, end } => {
                let state = links.state.lock();
                if let Some(connection) = state.connections.get(connection) {
                    let end = &connection.ends[*end];
                    end.input(Input::Closed(end.id));
                }
            }
        }
    }
}
