//! Links between nodes: what carries the cluster's protocol in a run, over the simulated network and with its faults. Each
//! stream of a connection is an ordered pipe with a delay of its own, so that streams overtake each other; a lost packet is one
//! that comes later, with all behind it.
//!
//! What happens to a packet depends on the seed, its connection's place among those of the two nodes, its stream and its
//! number there.

mod lie;
mod pipe;
mod wire;

use crate::executor::{Event, Fire, Kernel, Life};
use crate::network::{Conditions, ConnectionInfo};
use crate::plan::FaultKind;
use crate::seed::{below, mix};
use crate::sync::Mutex;
use pipe::{Packet, Pipe};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rusm_core::Node;
use rusm_transport::cluster::{Cluster, ClusterOptions, Input};
use rusm_transport::proto::{ConnectionId, Identity, LANE_STREAMS, Role, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use wire::SimWire;

/// How often a node that hears nothing asks again.
const DIAL_RETRY_NS: u64 = 250_000_000;

/// How long it takes until a packet that did not get through is sent again.
const RETRANSMIT_NS: u64 = 20_000_000;

/// The links of a run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Links(Arc<Inner>);

struct Inner {
    kernel: Arc<Kernel>,
    conditions: Arc<Conditions>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hosts: BTreeMap<String, Host>,
    /// By their numbers, which they share with the connections of sockets.
    connections: BTreeMap<u64, Connection>,
    /// The connection of each end, by its host and what it calls it. Of a life that is over, until another has that name.
    ends: BTreeMap<(u32, ConnectionId), u64>,
    opened_by_pair: BTreeMap<(u32, u32), u64>,
    /// Hosts whose certificates have expired.
    expired: BTreeSet<u32>,
    /// Hosts that break the protocol, and how many of a hundred frames they change.
    liars: BTreeMap<u32, u64>,
    /// Dials that were closed before they arrived.
    given_up: BTreeSet<(String, ConnectionId)>,
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
    /// What its packets' fates depend on: the two hosts, and which of their connections it is.
    link: u64,
    /// Every packet takes so much longer.
    slow_ns: u64,
    /// The next packet is damaged: it does not decrypt, and is sent again.
    damaged_next: bool,
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
    /// An end hears that the connection is gone.
    Gone { connection: u64, end: usize },
}

impl Links {
    pub(crate) fn new(kernel: Arc<Kernel>, conditions: Arc<Conditions>) -> Self {
        Self(Arc::new(Inner { kernel, conditions, state: Mutex::default() }))
    }

    /// The node, which runs in that life of its host, takes part from now on.
    ///
    /// # Panics
    /// When it does already.
    pub(crate) fn join(&self, node: &Node, life: Arc<Life>, options: ClusterOptions) -> Cluster {
        let name = node.name().to_owned();
        let wire = SimWire { links: self.0.clone(), host: name.clone(), life: life.clone() };
        let cluster = Cluster::start(node, Arc::new(wire), options).expect("a node joins once");
        let mut state = self.0.state.lock();
        state.given_up.retain(|(host, _)| *host != name);
        state.hosts.insert(name, Host { life, cluster: cluster.clone() });
        drop(state);
        cluster
    }

    /// Those that both ends have open.
    pub(crate) fn connections(&self) -> Vec<ConnectionInfo> {
        let state = self.0.state.lock();
        let open = state.connections.iter().filter(|(_, connection)| connection.ends.iter().all(End::is_open));
        let info = |(id, Connection { ends: [client, server], .. }): (&u64, &Connection)| ConnectionInfo {
            id: *id,
            client: client.host.clone(),
            server: server.host.clone(),
        };
        open.map(info).collect()
    }

    /// Breaks a connection: what is under way is lost, and each side hears of it when it is told. False when it was gone.
    pub(crate) fn reset(&self, id: u64) -> bool {
        self.change(id, |links, connection| {
            for end in 0..2 {
                connection.pipes[end].iter_mut().for_each(Pipe::clear);
                links.tell_gone(connection, id, end);
            }
        })
    }

    /// Every packet of a connection takes that much longer from now on. False when it was gone.
    pub(crate) fn slow(&self, id: u64, nanos: u64) -> bool {
        self.change(id, |_, connection| connection.slow_ns = nanos)
    }

    /// The next packet of a connection is damaged. False when it was gone.
    pub(crate) fn damage_next(&self, id: u64) -> bool {
        self.change(id, |_, connection| connection.damaged_next = true)
    }

    fn change(&self, id: u64, change: impl FnOnce(&Arc<Inner>, &mut Connection)) -> bool {
        self.0.state.lock().connections.get_mut(&id).map(|connection| change(&self.0, connection)).is_some()
    }

    /// What waited for a cut to end goes on.
    pub(crate) fn resume(&self) {
        let state = &mut *self.0.state.lock();
        for (number, connection) in &mut state.connections {
            for end in 0..2 {
                for stream in streams() {
                    self.0.schedule_pipe(connection, *number, end, stream);
                }
            }
        }
    }

    /// Of a hundred frames that a host sends, so many are changed; 0 ends it.
    pub(crate) fn lie(&self, host: u32, percent: u64) {
        self.0.state.lock().liars.insert(host, percent);
    }

    /// Whether the certificate of a host has expired: it dials in vain, and is dialled in vain.
    pub(crate) fn set_expired(&self, host: u32, expired: bool) {
        let hosts = &mut self.0.state.lock().expired;
        if expired {
            hosts.insert(host)
        } else {
            hosts.remove(&host)
        };
    }

    /// Nothing is slow any more, and nobody lies.
    pub(crate) fn heal(&self) {
        {
            let state = &mut *self.0.state.lock();
            state.connections.values_mut().for_each(|connection| connection.slow_ns = 0);
            state.liars.values_mut().for_each(|percent| *percent = 0);
        }
        self.resume();
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
        self.kernel.schedule(at, Event::Fire(Arc::new(Due { links: Arc::downgrade(self), what }), 0));
    }

    /// How long a packet takes, by what it is.
    fn trip(&self, parts: &[u64]) -> u64 {
        let profile = &self.kernel.profile;
        let fate = mix(&[self.kernel.seed, mix(parts)]);
        let trip = 1 + profile.packet_ns_min + below(fate, profile.packet_jitter_ns);
        trip + self.conditions.late(fate, RETRANSMIT_NS)
    }

    /// How long the next packet of a stream of a connection takes.
    fn packet_trip(&self, connection: &mut Connection, end: usize, stream: StreamId) -> u64 {
        let packet = connection.pipes[end][usize::from(stream.0)].next_number();
        let parts = [connection.link, end as u64, stream.0.into(), packet];
        if self.conditions.copies(|| mix(&[self.kernel.seed, mix(&parts)])) > 1 {
            self.kernel.record("links-twice", |line| line.number(connection.link).number(packet));
        }
        let trip = self.trip(&parts) + connection.slow_ns;
        if !std::mem::take(&mut connection.damaged_next) {
            return trip;
        }
        self.kernel.recorder.count(FaultKind::Corrupt.name());
        trip + RETRANSMIT_NS
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
        let there = state.hosts.get(&to).filter(|host| host.life.is_alive()).cloned();
        let has_expired = [Some(&life), there.as_ref().map(|there| &there.life)]
            .into_iter()
            .flatten()
            .any(|life| state.expired.contains(&life.host));
        let refused = |host: &Host| has_expired || self.conditions.is_refusing(host.life.host);
        let Some(host) = there.filter(|host| !refused(host)) else {
            self.kernel.record("links-refused", |line| line.text(&from).text(&to));
            return own.input(Input::Closed(id));
        };
        let pair = (life.host, host.life.host);
        if self.conditions.is_cut(pair.0, pair.1) || self.conditions.is_cut(pair.1, pair.0) {
            self.kernel.recorder.count("links: a dial waited");
            let at = self.kernel.now() + DIAL_RETRY_NS;
            return self.schedule(at, What::Dial { from, life, id, to });
        }
        let number = self.conditions.next_connection();
        let of_pair = state.opened_by_pair.entry(pair).or_default();
        *of_pair += 1;
        let link = mix(&[pair.0.into(), pair.1.into(), *of_pair]);
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
        let pipes = [pipes(), pipes()];
        for end in &ends {
            state.ends.insert((end.life.host, end.id), number);
        }
        state.connections.insert(number, Connection { ends, pipes, link, slow_ns: 0, damaged_next: false });
        let at = self.kernel.now() + self.trip(&[link]);
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
    fn transmit(self: &Arc<Self>, life: &Arc<Life>, id: ConnectionId, stream: StreamId, bytes: bytes::Bytes) {
        let state = &mut *self.state.lock();
        let Some((number, end)) = state.find(life, id) else { return };
        let Some(connection) = state.connections.get_mut(&number) else { return };
        let at = self.kernel.now() + self.packet_trip(connection, end, stream);
        let room = bytes.len();
        let bytes = match state.liars.get(&connection.ends[end].life.host) {
            Some(percent) => self.lie(connection, end, stream, &bytes, *percent),
            None => bytes,
        };
        connection.pipes[end][usize::from(stream.0)].push(at, Packet { bytes, room });
        self.schedule_pipe(connection, number, end, stream);
    }

    /// What a liar sends instead.
    fn lie(
        &self,
        connection: &mut Connection,
        end: usize,
        stream: StreamId,
        bytes: &[u8],
        percent: u64,
    ) -> bytes::Bytes {
        let pipe = &mut connection.pipes[end][usize::from(stream.0)];
        let fate = mix(&[self.kernel.seed, connection.link, end as u64, stream.0.into(), pipe.number(), 0x11e]);
        let (bytes, changed) = pipe.lies.tell(bytes, percent, &mut ChaCha8Rng::seed_from_u64(fate));
        (0..changed).for_each(|_| self.kernel.recorder.count(FaultKind::Lie.name()));
        bytes
    }

    /// An end closes: the other hears of it behind what is in the control stream.
    fn close(self: &Arc<Self>, host: &str, life: &Arc<Life>, id: ConnectionId) {
        let state = &mut *self.state.lock();
        let Some((number, end)) = state.find(life, id) else {
            state.given_up.insert((host.to_owned(), id));
            return;
        };
        let Some(connection) = state.connections.get_mut(&number) else { return };
        connection.ends[end].open = false;
        connection.pipes[end].iter_mut().skip(1).for_each(Pipe::clear);
        let at = self.kernel.now() + self.packet_trip(connection, end, StreamId::CONTROL);
        connection.pipes[end][usize::from(StreamId::CONTROL.0)].push_end(at);
        self.schedule_pipe(connection, number, end, StreamId::CONTROL);
    }

    /// Lets the first packet of a pipe arrive when its time has come, unless one is scheduled already.
    fn schedule_pipe(self: &Arc<Self>, connection: &mut Connection, number: u64, end: usize, stream: StreamId) {
        if let Some(at) = connection.pipes[end][usize::from(stream.0)].schedule() {
            let at = at.max(self.kernel.now() + 1);
            self.kernel.schedule(at, Event::Fire(self.clone(), pipe_number(number, end, stream)));
        }
    }

    fn tell_gone(self: &Arc<Self>, connection: &mut Connection, number: u64, end: usize) {
        if connection.ends[end].open {
            connection.ends[end].open = false;
            let at = self.kernel.now() + self.trip(&[connection.link, end as u64, u64::MAX]);
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
        let [from, to] = [end, 1 - end].map(|end| connection.ends[end].life.host);
        if self.conditions.is_cut(from, to) {
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
            Some(Packet { bytes, room }) if connection.ends[receiver].open => {
                let (len, id) = (bytes.len(), connection.ends[receiver].id);
                self.kernel.record("links-packet", |line| {
                    line.number(number).number(end as u64).number(stream.0.into()).number(len as u64)
                });
                connection.ends[receiver].input(Input::Received(id, stream, bytes));
                let sender = &connection.ends[end];
                if sender.open {
                    sender.input(Input::Writable(sender.id, stream, room));
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
    /// The connection of that life that it calls so, and which end it has.
    fn find(&self, life: &Arc<Life>, id: ConnectionId) -> Option<(u64, usize)> {
        let number = *self.ends.get(&(life.host, id))?;
        let connection = self.connections.get(&number)?;
        let is_own = |end: &End| end.id == id && end.is_open() && Arc::ptr_eq(&end.life, life);
        Some((number, connection.ends.iter().position(is_own)?))
    }

    /// Drops a connection that nobody has any more.
    fn forget(&mut self, number: u64) {
        let over = |connection: &Connection| {
            let closed = connection.ends.iter().all(|end| !end.is_open());
            closed && connection.pipes.iter().flatten().all(Pipe::is_empty)
        };
        if self.connections.get(&number).is_some_and(over)
            && let Some(connection) = self.connections.remove(&number)
        {
            for end in connection.ends {
                let place = (end.life.host, end.id);
                if self.ends.get(&place) == Some(&number) {
                    self.ends.remove(&place);
                }
            }
        }
    }
}

/// A pipe in one number: its connection, the end that writes to it, its stream.
fn pipe_number(connection: u64, end: usize, stream: StreamId) -> u64 {
    connection << 17 | (end as u64) << 16 | u64::from(stream.0)
}

/// The next packet of a pipe arrives.
impl Fire for Inner {
    fn fire(self: Arc<Self>, _: &Arc<Kernel>, pipe: u64) {
        self.packet(pipe >> 17, (pipe >> 16 & 1) as usize, StreamId(pipe as u16));
    }
}

impl Fire for Due {
    fn fire(self: Arc<Self>, _: &Arc<Kernel>, _: u64) {
        let Some(links) = self.links.upgrade() else { return };
        match &self.what {
            What::Dial { from, life, id, to } => links.dialled(from.clone(), life.clone(), *id, to.clone()),
            What::Connected { connection } => links.connected(*connection),
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
