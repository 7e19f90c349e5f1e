mod gossiping;
mod shaking_hands;

use super::assembly::AssemblyError;
use super::config::{Config, Identity};
use super::connection::{Connection, Connections, Phase};
use super::envelope::{Envelope, EnvelopeError};
use super::event::{Action, ConnectionId, EndReason, Event, SendOutcome};
use super::features::Features;
use super::frame::{Frame, FrameError};
use super::handshake::{Hello, NAME_LEN_MAX};
use super::lane::{Lane, StreamId};
use super::lanes::Lanes;
use super::membership::{GossipError, Membership};
use super::nodes::Nodes;
use super::pairing::Pairing;
use super::silence::{Trust, Verdict};
use super::timeouts::{Timeouts, Waits};
use bytes::Bytes;
use rusm_core::{NodeId, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// The machine of one node: its connections, and at most one association with each other node.
///
/// What happens comes in by the `handle_` methods and [`send`](Self::send), with the time; afterwards
/// [`poll_action`](Self::poll_action) and [`poll_event`](Self::poll_event) until they give nothing, and
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout) at the latest.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    hello: Hello,
    /// Those that can be dialled, or have been met. Where there is gossip, one that nobody speaks of any more goes.
    peers: BTreeMap<NodeId, Peer>,
    associations: BTreeMap<u64, NodeId>,
    connections: Connections,
    /// Those whose other side has not said who it is, and some that were so.
    asking: Vec<ConnectionId>,
    /// None of a node that does not gossip.
    membership: Option<Membership>,
    nodes: Nodes,
    timeouts: Timeouts,
    /// Streams that have something to send since somebody sent last, and when that was: what is sent until the driver looks
    /// goes out together.
    unsent: BTreeMap<(ConnectionId, StreamId), Timestamp>,
    last_connection: u64,
    last_association: u64,
    actions: VecDeque<Action>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
struct Peer {
    name: String,
    pairing: Pairing,
    association: Option<Association>,
    /// Not dialled before.
    alone_until: Timestamp,
}

#[derive(Debug)]
struct Association {
    number: u64,
    lanes: Lanes,
    /// What both sides know, once they have shaken hands.
    features: Option<Features>,
    /// While there is no connection: until when to wait for one, and when to dial again.
    wait_until: Timestamp,
    dial_at: Option<Timestamp>,
}

/// How a connection broke the rules.
#[derive(Debug, thiserror::Error)]
pub(super) enum Violation {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    #[error("a frame out of its place")]
    Place,
    #[error("more than was credited")]
    Credit,
    #[error("credit for what was not sent")]
    Credited,
    #[error(transparent)]
    Gossip(#[from] GossipError),
}

impl Endpoint {
    /// The endpoint of a node of that name, in that life, of that cluster.
    ///
    /// # Panics
    /// When the name is empty or longer than 255 bytes, or [`Config::check`] finds something wrong.
    pub fn new(node: &str, incarnation: u32, cluster: u128, config: Config) -> Self {
        assert!(!node.is_empty() && node.len() <= NAME_LEN_MAX, "a node's name has 1 to {NAME_LEN_MAX} bytes");
        config.check().unwrap_or_else(|error| panic!("{error}"));
        let hello = Hello::new(node, incarnation, cluster, &config);
        Self {
            config,
            hello,
            peers: BTreeMap::new(),
            associations: BTreeMap::new(),
            connections: Connections::default(),
            asking: Vec::new(),
            membership: None,
            nodes: Nodes::default(),
            timeouts: Timeouts::default(),
            unsent: BTreeMap::new(),
            last_connection: 0,
            last_association: 0,
            actions: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// There is a node of that name: from now on it can be dialled. False when the name cannot be used.
    pub fn know(&mut self, node: &str) -> bool {
        let id = NodeId::of_name(node);
        if id == NodeId::of_name(&self.hello.node) || node.is_empty() || node.len() > NAME_LEN_MAX {
            return false;
        }
        let own = &self.hello.node;
        let peer = self.peers.entry(id).or_insert_with(|| Peer {
            name: node.to_owned(),
            pairing: Pairing::new(own, node),
            association: None,
            alone_until: Timestamp::default(),
        });
        peer.name == node
    }

    /// The present association with that node; otherwise one begins, and the node is dialled. `None` when nobody knows the
    /// node, or it could not be reached a moment ago.
    pub fn associate(&mut self, now: Timestamp, node: NodeId) -> Option<u64> {
        let peer = self.peers.get_mut(&node)?;
        if let Some(association) = &peer.association {
            return Some(association.number);
        }
        if now < peer.alone_until {
            return None;
        }
        let number = self.begin(now, node)?;
        self.dial(now, node);
        Some(number)
    }

    fn begin(&mut self, now: Timestamp, node: NodeId) -> Option<u64> {
        let peer = self.peers.get_mut(&node)?;
        self.last_association += 1;
        let number = self.last_association;
        let wait_until = now + self.config.handshake_timeout;
        let lanes = Lanes::new(&self.config);
        peer.association = Some(Association { number, lanes, features: None, wait_until, dial_at: None });
        self.associations.insert(number, node);
        self.timeouts.arm(Waits::Node(node), wait_until);
        Some(number)
    }

    fn dial(&mut self, now: Timestamp, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node).filter(|peer| peer.pairing.is_alone()) else { return };
        self.last_connection += 1;
        let connection = ConnectionId::Dialled(self.last_connection);
        let (dial, association) = peer.pairing.dial(connection);
        let asks = Phase::Dialling(Hello { dial, association, ..self.hello.clone() });
        self.connections.insert(connection, Connection::new(asks, Some(node), &self.config, now));
        self.actions.push_back(Action::Dial { connection, node: peer.name.clone() });
        self.arm_connection(connection);
    }

    /// A connection that this node dialled is there, with a certificate that was checked.
    pub fn handle_connected(&mut self, now: Timestamp, connection: ConnectionId, certificate: Identity) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        if let Some(hello) = state.connected(certificate) {
            state.write(&Frame::Hello(hello));
            self.flush(now, connection, StreamId::CONTROL);
        }
    }

    /// Another node has made a connection, with a certificate that was checked. False when too many are in their handshake: the
    /// driver closes it.
    pub fn handle_accepted(&mut self, now: Timestamp, connection: ConnectionId, certificate: Identity) -> bool {
        debug_assert!(matches!(connection, ConnectionId::Accepted(_)), "the endpoint names those that it dials");
        // Looked at only when there may be too many: there are as many connections as nodes.
        if self.asking.len() >= self.config.handshakes_max {
            self.asking.retain(|id| self.connections.get(id).is_some_and(|connection| connection.peer.is_none()));
        }
        if self.asking.len() >= self.config.handshakes_max {
            return false;
        }
        self.asking.push(connection);
        let asks = Phase::Accepted(certificate);
        self.connections.insert(connection, Connection::new(asks, None, &self.config, now));
        self.arm_connection(connection);
        true
    }

    /// A connection could not be made, was closed by the other side, or broke.
    pub fn handle_closed(&mut self, now: Timestamp, connection: ConnectionId) {
        self.drop_connection(now, connection, EndReason::Lost);
    }

    /// A stream takes so many more bytes.
    pub fn handle_writable(&mut self, now: Timestamp, connection: ConnectionId, stream: StreamId, room: usize) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        state.add_room(stream, room);
        self.flush(now, connection, stream);
    }

    /// The next bytes of a stream.
    pub fn handle_received(&mut self, now: Timestamp, connection: ConnectionId, stream: StreamId, bytes: &[u8]) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        if let Some(trust) = state.heard(now) {
            self.arm_connection(connection);
            self.trust_changed(connection, trust);
        }
        let Some(mut state) = self.connections.get_mut(&connection) else { return };
        if !state.push(stream, bytes) {
            return self.violated(now, connection, Violation::Place);
        }
        loop {
            let done = match state.next_frame(stream) {
                Ok(None) => break,
                Ok(Some(frame)) => self.handle_frame(now, connection, stream, frame),
                Err(error) => Err(error.into()),
            };
            if let Err(violation) = done {
                return self.violated(now, connection, violation);
            }
            // A frame may close the connection.
            let Some(open) = self.connections.get_mut(&connection) else { return };
            state = open;
        }
        self.flush(now, connection, StreamId::CONTROL);
    }

    fn violated(&mut self, now: Timestamp, connection: ConnectionId, violation: Violation) {
        self.drop_connection(now, connection, EndReason::Protocol(violation.to_string()));
        self.actions.push_back(Action::Close { connection });
    }

    fn handle_frame(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        stream: StreamId,
        frame: Frame,
    ) -> Result<(), Violation> {
        let Some(state) = self.connections.get_mut(&connection) else { return Ok(()) };
        let control = stream == StreamId::CONTROL;
        match (frame, &state.phase) {
            (Frame::Hello(hello), Phase::Accepted(_)) if control => self.handle_hello(now, connection, &hello),
            (Frame::Welcome(hello), Phase::Asked { .. }) if control => self.handle_welcome(now, connection, &hello),
            (Frame::Refuse(refusal), Phase::Asked { .. }) if control => self.handle_refuse(now, connection, refusal),
            (Frame::Ready, Phase::Welcomed | Phase::Up) if control => self.ready(now, connection),
            (Frame::Ping, Phase::Up | Phase::Welcomed) if control => {}
            (Frame::Gossip(packet), Phase::Up | Phase::Welcomed) if control && state.gossips() => {
                self.handle_gossip(now, connection, &packet)?;
            }
            (Frame::Leave, Phase::Up | Phase::Welcomed) if control && state.gossips() => {
                self.handle_leave(now, connection);
            }
            (Frame::Credit(credits), Phase::Up) if control => self.handle_credits(now, connection, credits)?,
            (Frame::Signal(lane, bytes), Phase::Up | Phase::Welcomed) if stream == lane.stream() => {
                state.assembly.check_whole(lane, bytes.len())?;
                self.received(now, connection, lane, bytes.len())?;
                self.handle_signal(connection, lane, &bytes)?;
            }
            (Frame::Begin(lane, total, part), Phase::Up | Phase::Welcomed) if stream == lane.stream() => {
                state.assembly.begin(lane, total, &part)?;
                self.received(now, connection, lane, part.len())?;
            }
            (Frame::More(lane, part), Phase::Up | Phase::Welcomed) if stream == lane.stream() => {
                let whole = state.assembly.more(lane, &part)?;
                self.received(now, connection, lane, part.len())?;
                if let Some(bytes) = whole {
                    self.give_back(connection, lane);
                    self.handle_signal(connection, lane, &bytes)?;
                }
            }
            _ => return Err(Violation::Place),
        }
        Ok(())
    }

    /// Bytes of a lane came in. What comes on a stream for signals may be faster than the frame that says that signals may
    /// come.
    fn received(&mut self, now: Timestamp, connection: ConnectionId, lane: Lane, len: usize) -> Result<(), Violation> {
        self.ready(now, connection);
        let Some(state) = self.connections.get_mut(&connection) else { return Ok(()) };
        if state.credit.handle_received(lane, len as u32) { Ok(()) } else { Err(Violation::Credit) }
    }

    fn give_back(&mut self, connection: ConnectionId, lane: Lane) {
        if let Some(state) = self.connections.get_mut(&connection) {
            state.credit.give_back(lane);
        }
    }

    fn handle_signal(&mut self, connection: ConnectionId, lane: Lane, bytes: &Bytes) -> Result<(), Violation> {
        let envelope = Envelope::decode(bytes)?;
        if Lane::of(envelope.signal.from) != lane {
            return Err(Violation::Place);
        }
        if let Some(association) = self.association_of(connection).map(|association| association.number) {
            self.events.push_back(Event::Signal { association, envelope });
        }
        Ok(())
    }

    fn handle_credits(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        credits: Vec<(Lane, u32)>,
    ) -> Result<(), Violation> {
        let Some(association) = self.association_of(connection) else { return Ok(()) };
        // A lane that waits for a slot may take another stream.
        let all = association.lanes.wait_for_slot();
        for (lane, credit) in &credits {
            if !association.lanes.handle_credit(*lane, *credit) {
                return Err(Violation::Credited);
            }
        }
        let streams = credits.iter().map(|(lane, _)| lane.stream());
        self.unsent.extend(streams.map(|stream| ((connection, stream), now)));
        if all {
            self.unsent.extend(StreamId::of_lanes().map(|stream| ((connection, stream), now)));
        }
        Ok(())
    }

    /// Forgets a connection, and ends what depended on it.
    fn drop_connection(&mut self, now: Timestamp, connection: ConnectionId, reason: EndReason) {
        let Some(state) = self.connections.swap_remove(&connection) else { return };
        let Some((node, peer)) = state.peer.and_then(|node| Some((node, self.peers.get_mut(&node)?))) else { return };
        if peer.pairing.handle_end(connection) {
            return self.end(now, node, reason);
        }
        // An attempt has failed, and no other connection is there.
        if peer.pairing.is_alone() {
            peer.alone_until = now + self.config.dial_pause;
            let reason = if reason == EndReason::Lost { EndReason::Unreachable } else { reason };
            self.end(now, node, reason);
            self.forget(node);
        }
    }

    fn end(&mut self, now: Timestamp, node: NodeId, reason: EndReason) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let Some(association) = peer.association.take() else { return };
        self.associations.remove(&association.number);
        self.nodes.ended(&peer.name, &reason);
        if let Some(membership) = &mut self.membership {
            membership.handle_disconnected(now, &peer.name);
        }
        self.events.push_back(Event::Ended { peer: node, association: association.number, reason });
        self.spread(now);
    }

    /// Leaves the cluster: ends every association and connection.
    pub fn stop(&mut self, now: Timestamp) {
        self.leave(now);
        for connection in std::mem::take(&mut self.connections).into_keys() {
            self.actions.push_back(Action::Close { connection });
        }
        let nodes: Vec<NodeId> = self.peers.keys().copied().collect();
        for node in nodes {
            self.end(now, node, EndReason::Stopped);
        }
        self.peers.clear();
    }

    /// Sends an encoded [`Envelope`], which is not longer than [`Config::signal_len_max`], to a node that needs to know these
    /// features for it: when it does not, [`Event::Unsupported`] follows.
    pub fn send(
        &mut self,
        now: Timestamp,
        association: u64,
        lane: Lane,
        signal: Bytes,
        needs: Features,
    ) -> SendOutcome {
        debug_assert!(signal.len() <= self.config.signal_len_max as usize, "a signal of {} bytes", signal.len());
        let Some(node) = self.associations.get(&association).copied() else { return SendOutcome::Ended };
        let Some(peer) = self.peers.get_mut(&node) else { return SendOutcome::Ended };
        let Some(state) = &mut peer.association else { return SendOutcome::Ended };
        if state.features.is_some_and(|features| !features.has(needs)) {
            self.events.push_back(Event::Unsupported { association, signal });
            return SendOutcome::Taken;
        }
        let mut full = state.lanes.push(lane, signal, needs);
        if state.lanes.waiting_len() > self.config.queue_len {
            state.lanes.hold(lane);
            full = true;
        }
        let overload = state.lanes.waiting_len() > self.config.queue_len_max;
        let connection = peer.pairing.connection();
        match connection {
            Some(connection) if overload => {
                self.drop_connection(now, connection, EndReason::Overload);
                self.actions.push_back(Action::Close { connection });
            }
            Some(connection) => drop(self.unsent.insert((connection, lane.stream()), now)),
            None if overload => self.end(now, node, EndReason::Overload),
            None => {}
        }
        if overload {
            SendOutcome::Ended
        } else if full {
            SendOutcome::Full
        } else {
            SendOutcome::Taken
        }
    }

    /// Writes to a stream what waits and fits.
    fn flush(&mut self, now: Timestamp, connection: ConnectionId, stream: StreamId) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        // What has no part in signals asks for no association: most of what a large cluster does is signs of life.
        let node = state.peer.filter(|_| stream != StreamId::CONTROL);
        let mut association = node.and_then(|node| self.peers.get_mut(&node)?.association.as_mut());
        while let Some(bytes) = state.poll_transmit(now, stream, association.as_mut().map(|of| &mut of.lanes)) {
            self.actions.push_back(Action::Transmit { connection, stream, bytes });
        }
        if let Some(Association { number, lanes, .. }) = association {
            while let Some(lane) = lanes.poll_open() {
                self.events.push_back(Event::Open { association: *number, lane });
            }
        }
    }

    fn association_of(&mut self, connection: ConnectionId) -> Option<&mut Association> {
        let node = self.connections.get(&connection)?.peer?;
        let peer = self.peers.get_mut(&node)?;
        peer.association.as_mut().filter(|_| peer.pairing.connection() == Some(connection))
    }

    fn trust_changed(&mut self, connection: ConnectionId, trust: Trust) {
        if let Some(association) = self.association_of(connection).map(|association| association.number) {
            self.events.push_back(Event::Trust { association, trust });
            if let Some(name) = self.name_of(connection) {
                self.nodes.trust(&name, trust);
            }
            self.tell();
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due: to look, there may be nothing to do yet.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let membership = self.membership.as_ref().map(Membership::poll_timeout);
        self.timeouts.first().into_iter().chain(membership).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(waits) = self.timeouts.take_due(now) {
            match waits {
                Waits::Connection(connection) => {
                    self.handle_connection_timeout(now, connection);
                    self.arm_connection(connection);
                }
                Waits::Node(node) => {
                    self.handle_waiting_timeout(now, node);
                    self.arm_node(node);
                }
            }
        }
        if let Some(membership) = self.membership.as_mut().filter(|membership| membership.poll_timeout() <= now) {
            membership.handle_timeout(now);
            self.spread(now);
        }
    }

    fn arm_connection(&mut self, connection: ConnectionId) {
        if let Some(state) = self.connections.get(&connection) {
            self.timeouts.arm(Waits::Connection(connection), state.poll_timeout());
        }
    }

    /// While a node is dialled, that connection has a deadline.
    fn arm_node(&mut self, node: NodeId) {
        let alone = self.peers.get(&node).filter(|peer| peer.pairing.is_alone());
        if let Some(waiting) = alone.and_then(|peer| peer.association.as_ref()) {
            let at = waiting.dial_at.unwrap_or(waiting.wait_until).min(waiting.wait_until);
            self.timeouts.arm(Waits::Node(node), at);
        }
    }

    fn handle_connection_timeout(&mut self, now: Timestamp, connection: ConnectionId) {
        while let Some(state) = self.connections.get_mut(&connection) {
            if !state.has_association() {
                if state.poll_timeout() <= now {
                    self.drop_connection(now, connection, EndReason::Lost);
                    self.actions.push_back(Action::Close { connection });
                }
                return;
            }
            match state.silence.handle_timeout(now) {
                None => return,
                Some(Verdict::Ping) => {
                    state.write(&Frame::Ping);
                    self.flush(now, connection, StreamId::CONTROL);
                }
                Some(Verdict::Trust(trust)) => self.trust_changed(connection, trust),
                Some(Verdict::Down) => {
                    self.drop_connection(now, connection, EndReason::Silent);
                    self.actions.push_back(Action::Close { connection });
                }
            }
        }
    }

    fn handle_waiting_timeout(&mut self, now: Timestamp, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let Some(waiting) = &mut peer.association else { return };
        if now >= waiting.wait_until && peer.pairing.is_alone() {
            peer.alone_until = now + self.config.dial_pause;
            self.end(now, node, EndReason::Unreachable);
            self.forget(node);
        } else if waiting.dial_at.take_if(|at| *at <= now).is_some() {
            self.dial(now, node);
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        while self.actions.is_empty()
            && let Some(((connection, stream), now)) = self.unsent.pop_first()
        {
            self.flush(now, connection, stream);
        }
        self.actions.pop_front()
    }

    /// The next thing that has happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
