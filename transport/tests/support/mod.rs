//! Endpoints joined by pipes in memory: a test says what moves next.
#![allow(dead_code, reason = "each test file uses a part of it")]

use bytes::{Bytes, BytesMut};
use rusm_core::{Encoding, NodeId, NodeInfo, Pid, RemoteKind, RemoteSignal, RemoteTarget, Term, Timestamp};
use rusm_transport::proto::{
    Action, Config, ConnectionId, Endpoint, Envelope, Event, Features, Frame, FrameReader, Identity, LANE_STREAMS,
    Lane, NodeNews, Role, SendOutcome, StreamId,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

pub(crate) const CLUSTER: u128 = 7;

/// A small generator: what a case does follows from its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// One connection: for each direction and stream the bytes under way.
struct Wire {
    ends: [(usize, ConnectionId); 2],
    pipes: [BTreeMap<StreamId, VecDeque<u8>>; 2],
    /// The side that closed it.
    closed: [bool; 2],
    told: [bool; 2],
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) nodes: Vec<Endpoint>,
    pub(crate) names: Vec<String>,
    pub(crate) events: Vec<Vec<Event>>,
    /// What each was told of the others.
    pub(crate) news: Vec<Vec<NodeNews>>,
    pub(crate) random: Random,
    /// Those that have ended: whoever dials one reaches nobody.
    pub(crate) gone: BTreeSet<usize>,
    /// Those that speak a second version of the protocol, which there is not yet.
    pub(crate) second: BTreeSet<usize>,
    /// What they write to control streams, cut into frames.
    written: BTreeMap<(usize, ConnectionId), FrameReader>,
    wires: Vec<Wire>,
    dials: Vec<(usize, ConnectionId, String)>,
    /// Bytes that each stream takes.
    pub(crate) window: usize,
}

/// Something that may happen next.
type Choice = Box<dyn FnOnce(&mut World)>;

pub(crate) fn identity(name: &str) -> Identity {
    Identity { name: name.to_owned(), role: Role::Node }
}

impl World {
    pub(crate) fn new(names: &[&str], seed: u64, config: &Config) -> Self {
        Self::with_configs(names, seed, &vec![config; names.len()])
    }

    /// With another configuration for each.
    pub(crate) fn with_configs(names: &[&str], seed: u64, configs: &[&Config]) -> Self {
        let mut world = Self {
            now: Timestamp::from_nanos(1_000_000_000),
            nodes: Vec::new(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            events: names.iter().map(|_| Vec::new()).collect(),
            news: names.iter().map(|_| Vec::new()).collect(),
            random: Random(seed),
            gone: BTreeSet::new(),
            second: BTreeSet::new(),
            written: BTreeMap::new(),
            wires: Vec::new(),
            dials: Vec::new(),
            window: 64 << 10,
        };
        for (name, config) in names.iter().zip(configs) {
            world.nodes.push(endpoint(name, 1, names, config));
        }
        world
    }

    /// Nodes that gossip, but for the last when it does `not`: that one is as those were which knew no gossip. All join the first
    /// and know of nobody else.
    pub(crate) fn joined(names: &[&str], not: bool, seed: u64, config: &Config) -> Self {
        let mut world = Self::new(&[], seed, config);
        for (i, name) in names.iter().enumerate() {
            let endpoint = Endpoint::new(name, 1, CLUSTER, config.clone());
            let gossips = !not || i + 1 < names.len();
            let drawn = [u8::try_from(i).expect("few"); 32];
            world.nodes.push(if gossips { endpoint.with_membership(world.now, name, drawn) } else { endpoint });
            world.names.push((*name).to_owned());
            world.events.push(Vec::new());
            world.news.push(Vec::new());
        }
        for node in 1..names.len() {
            assert!(world.nodes[node].join(world.now, names[0]));
            world.associate(node, 0);
        }
        world
    }

    /// How a node sees another one.
    pub(crate) fn sees(&self, node: usize, other: &str) -> Option<NodeInfo> {
        let of_other = |news: &NodeNews| matches!(news, NodeNews::Changed(info) if info.name == other);
        match self.news[node].iter().rfind(|news| of_other(news)) {
            Some(NodeNews::Changed(info)) => Some(info.clone()),
            _ => None,
        }
    }

    pub(crate) fn id(&self, node: usize) -> NodeId {
        NodeId::of_name(&self.names[node])
    }

    /// The node is back in a new life; its connections are gone, and nobody has said so.
    pub(crate) fn restart(&mut self, node: usize, incarnation: u32, config: &Config) {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        self.replace(node, endpoint(names[node], incarnation, &names, config));
    }

    /// The same, in a life that is given.
    pub(crate) fn replace(&mut self, node: usize, life: Endpoint) {
        self.nodes[node] = life;
        self.dials.retain(|(of, ..)| *of != node);
        for wire in &mut self.wires {
            for end in 0..2 {
                if wire.ends[end].0 == node {
                    wire.closed[end] = true;
                    wire.told = [true; 2];
                    wire.pipes[end].clear();
                    // The new life counts its connections anew.
                    wire.ends[end].0 = usize::MAX;
                }
            }
        }
    }

    pub(crate) fn associate(&mut self, from: usize, to: usize) -> Option<u64> {
        let to = self.id(to);
        let association = self.nodes[from].associate(self.now, to);
        self.drain();
        association
    }

    pub(crate) fn send(&mut self, from: usize, association: u64, signal: RemoteSignal) -> SendOutcome {
        let (lane, needs) = (Lane::of(signal.from), Features::needed_by(&signal.kind));
        let mut bytes = Envelope::new(signal).encode();
        if self.second.contains(&from) {
            // A field that the first version does not know.
            let mut longer = bytes.to_vec();
            assert_eq!(longer[1], 0, "no extensions");
            longer[1] = 1;
            longer.splice(2..2, [77, 4, 1, 2, 3, 4]);
            bytes = longer.into();
        }
        let outcome = self.nodes[from].send(self.now, association, lane, bytes, needs);
        self.drain();
        outcome
    }

    /// Sends bytes that only a node with those features can read.
    pub(crate) fn send_needing(
        &mut self,
        from: usize,
        association: u64,
        sender: Pid,
        bytes: &'static [u8],
        needs: Features,
    ) -> SendOutcome {
        let bytes = Bytes::from_static(bytes);
        let outcome = self.nodes[from].send(self.now, association, Lane::of(sender), bytes, needs);
        self.drain();
        outcome
    }

    /// Takes what the endpoints want and say.
    pub(crate) fn drain(&mut self) {
        for node in 0..self.nodes.len() {
            while let Some(action) = self.nodes[node].poll_action() {
                self.act(node, action);
            }
            while let Some(event) = self.nodes[node].poll_event() {
                match event {
                    Event::Node(news) => self.news[node].push(news),
                    event => self.events[node].push(event),
                }
            }
        }
    }

    fn act(&mut self, node: usize, action: Action) {
        match action {
            Action::Dial { connection, node: to } => self.dials.push((node, connection, to)),
            Action::Locate { .. } | Action::Forget { .. } => {}
            Action::Transmit { connection, stream, bytes } => {
                let bytes = self.as_written(node, connection, stream, bytes);
                if let Some((wire, end)) = self.wire(node, connection) {
                    let pipe = self.wires[wire].pipes[end].entry(stream).or_default();
                    pipe.extend(bytes.iter());
                    assert!(pipe.len() <= self.window || self.second.contains(&node), "more than the stream takes");
                }
            }
            Action::Close { connection } => {
                if let Some((wire, end)) = self.wire(node, connection) {
                    self.wires[wire].closed[end] = true;
                }
                self.dials.retain(|(of, dialled, _)| (*of, *dialled) != (node, connection));
            }
        }
    }

    /// What a node of the second version writes: it offers that version and a feature of its own, and frames of a kind that the
    /// first does not know.
    fn as_written(&mut self, node: usize, connection: ConnectionId, stream: StreamId, bytes: Bytes) -> Bytes {
        if !self.second.contains(&node) || stream != StreamId::CONTROL {
            return bytes;
        }
        let reader = self.written.entry((node, connection)).or_default();
        reader.push(&bytes);
        let mut out = BytesMut::new();
        while let Some(mut frame) = reader.next_frame().expect("frames") {
            let greeting = matches!(frame, Frame::Hello(_) | Frame::Welcome(_));
            if let Frame::Hello(hello) | Frame::Welcome(hello) = &mut frame {
                hello.versions = (1, 2);
                hello.features |= 1 << 63;
            }
            frame.encode(&mut out);
            if !greeting {
                out.extend_from_slice(&[0x91, 3, 0, 0, 0, 1, 2, 3]);
            }
        }
        out.freeze()
    }

    fn wire(&self, node: usize, connection: ConnectionId) -> Option<(usize, usize)> {
        self.wires.iter().enumerate().find_map(|(i, wire)| {
            let end = wire.ends.iter().position(|end| *end == (node, connection))?;
            Some((i, end))
        })
    }

    /// One thing happens, drawn from the seed. False when nothing is under way.
    pub(crate) fn step(&mut self) -> bool {
        let mut choices: Vec<Choice> = Vec::new();
        for i in 0..self.dials.len() {
            choices.push(Box::new(move |world| world.connect(i)));
        }
        for (i, wire) in self.wires.iter().enumerate() {
            for end in 0..2 {
                let other = 1 - end;
                if wire.told[other] || wire.closed[other] {
                    continue;
                }
                let control = wire.pipes[end].get(&StreamId::CONTROL).is_some_and(|pipe| !pipe.is_empty());
                for (stream, pipe) in &wire.pipes[end] {
                    if !pipe.is_empty() && (!wire.closed[end] || *stream == StreamId::CONTROL) {
                        let stream = *stream;
                        choices.push(Box::new(move |world| world.deliver(i, end, stream)));
                    }
                }
                if wire.closed[end] && !control {
                    choices.push(Box::new(move |world| world.tell_closed(i, other)));
                }
            }
        }
        if choices.is_empty() {
            return false;
        }
        let chosen = self.random.below(choices.len());
        choices.swap_remove(chosen)(self);
        self.now = self.now + Duration::from_micros(1);
        self.drain();
        true
    }

    fn connect(&mut self, dial: usize) {
        let (node, connection, to) = self.dials.swap_remove(dial);
        let Some(other) = self.names.iter().position(|name| *name == to) else { return };
        let (own, now) = (identity(&self.names[node]), self.now);
        let accepted = ConnectionId::Accepted(self.wires.len() as u64);
        if self.gone.contains(&other) || !self.nodes[other].handle_accepted(now, accepted, own) {
            return self.nodes[node].handle_closed(now, connection);
        }
        let ends = [(node, connection), (other, accepted)];
        self.wires.push(Wire { ends, pipes: Default::default(), closed: [false; 2], told: [false; 2] });
        self.nodes[node].handle_connected(now, connection, identity(&to));
        for (node, connection) in ends {
            for stream in (0..=LANE_STREAMS).map(StreamId) {
                self.nodes[node].handle_writable(now, connection, stream, self.window);
            }
        }
    }

    fn deliver(&mut self, wire: usize, end: usize, stream: StreamId) {
        let Some(pipe) = self.wires[wire].pipes[end].get_mut(&stream) else { return };
        let len = 1 + self.random.below(pipe.len());
        let bytes: Vec<u8> = pipe.drain(..len).collect();
        let [from, to] = [self.wires[wire].ends[end], self.wires[wire].ends[1 - end]];
        self.nodes[to.0].handle_received(self.now, to.1, stream, &bytes);
        self.nodes[from.0].handle_writable(self.now, from.1, stream, len);
    }

    fn tell_closed(&mut self, wire: usize, end: usize) {
        self.wires[wire].told[end] = true;
        let (node, connection) = self.wires[wire].ends[end];
        self.nodes[node].handle_closed(self.now, connection);
    }

    /// Cuts every connection: each side hears of it, sooner or later, or when it is silent for too long.
    pub(crate) fn cut_all(&mut self) {
        for wire in &mut self.wires {
            wire.closed = [true; 2];
            for pipes in &mut wire.pipes {
                pipes.clear();
            }
        }
        let ends: Vec<(usize, usize)> = (0..self.wires.len()).flat_map(|wire| [(wire, 0), (wire, 1)]).collect();
        for (wire, end) in ends {
            if !self.wires[wire].told[end] {
                self.tell_closed(wire, end);
            }
        }
        self.drain();
    }

    /// Until nothing is under way.
    pub(crate) fn settle(&mut self) {
        while self.step() {}
    }

    /// Lets time pass, and everything that happens in it.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.settle();
            let next = self.nodes.iter().filter_map(Endpoint::poll_timeout).min().filter(|at| *at <= end);
            self.now = self.now.max(next.unwrap_or(end));
            for node in &mut self.nodes {
                node.handle_timeout(self.now);
                let due = node.poll_timeout();
                assert!(due.is_none_or(|due| due > self.now), "what was due at {due:?} is due still at {:?}", self.now);
            }
            self.drain();
            if next.is_none() {
                return self.settle();
            }
        }
    }

    /// The messages that a node got, by sender, in order.
    pub(crate) fn received(&self, node: usize) -> BTreeMap<u32, Vec<Bytes>> {
        let mut received: BTreeMap<u32, Vec<Bytes>> = BTreeMap::new();
        for event in &self.events[node] {
            if let Event::Signal { envelope: Envelope { signal, .. }, .. } = event
                && let RemoteKind::Message(term) = &signal.kind
            {
                received.entry(signal.from.index).or_default().push(term.bytes.clone());
            }
        }
        received
    }

    pub(crate) fn ended(&self, node: usize) -> usize {
        self.events[node].iter().filter(|event| matches!(event, Event::Ended { .. })).count()
    }

    pub(crate) fn up(&self, node: usize) -> usize {
        self.events[node].iter().filter(|event| matches!(event, Event::Up { .. })).count()
    }
}

fn endpoint(name: &str, incarnation: u32, names: &[&str], config: &Config) -> Endpoint {
    let mut endpoint = Endpoint::new(name, incarnation, CLUSTER, config.clone());
    for other in names.iter().filter(|other| **other != name) {
        assert!(endpoint.know(other));
    }
    endpoint
}

pub(crate) fn pid(node: &str, index: u32) -> Pid {
    Pid { node: NodeId::of_name(node), incarnation: 1, index, serial: 0, random: 5 }
}

/// A message of that many bytes that says its number.
pub(crate) fn message(from: Pid, to: Pid, number: u32, len: usize) -> RemoteSignal {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(len.max(4), number as u8);
    RemoteSignal { from, to: RemoteTarget::Pid(to), kind: RemoteKind::Message(Term::new(Encoding::Raw, bytes)) }
}

pub(crate) fn number(bytes: &Bytes) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
