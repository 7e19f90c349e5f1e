use super::node::{Node, name};
use bytes::Bytes;
use rusm_core::{MemberStatus, NodeStatus, Timestamp};
use rusm_transport::proto::{Action, Config, ConnectionId, Event, Identity, Role, StreamId};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

/// One way of a packet: between these, by what it is.
const TRIP_US: (u64, u64) = (300, 900);

/// Bytes that a stream takes: more than ever waits here.
const ROOM: usize = 64 << 20;

/// After so long a node that hears nothing gives a dial up.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Endpoints, and what is under way between them. No packet is lost but by [`split`](Self::split) and [`kill`](Self::kill).
pub(super) struct Network {
    now: Timestamp,
    seed: u64,
    nodes: Vec<Node>,
    /// For each node, where its connections end.
    ends: Vec<BTreeMap<ConnectionId, (usize, ConnectionId)>>,
    due: BinaryHeap<Scheduled>,
    scheduled: u64,
    /// When each node is to be woken.
    wake: Vec<Timestamp>,
    is_split: bool,
    killed: Option<usize>,
    sent: Sent,
}

/// What is to happen when: of two at the same time the one that was scheduled first.
struct Scheduled {
    at: Timestamp,
    number: u64,
    due: Due,
}

impl Ord for Scheduled {
    /// The heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Scheduled {}

enum Due {
    Dial { from: usize, id: ConnectionId, to: usize },
    GiveUp { from: usize, id: ConnectionId },
    Connected { from: usize, id: ConnectionId, to: usize },
    Bytes { to: usize, id: ConnectionId, stream: StreamId, bytes: Bytes },
    Closed { to: usize, id: ConnectionId },
    Wake { node: usize, at: Timestamp },
}

/// What all nodes together have sent.
#[derive(Clone, Copy, Default)]
pub(super) struct Sent {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// Bytes of packets of gossip.
    pub(super) gossip: u64,
    pub(super) dials: u64,
}

impl Sent {
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            frames: self.frames - before.frames,
            bytes: self.bytes - before.bytes,
            gossip: self.gossip - before.gossip,
            dials: self.dials - before.dials,
        }
    }

    /// Counts the frames of the control stream: kind, length, body.
    fn count(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while let Some((&[kind, l0, l1, l2, l3], rest)) = bytes.split_first_chunk::<5>() {
            let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            self.frames += 1;
            if kind == 7 {
                self.gossip += 5 + len as u64;
            }
            bytes = rest.get(len..).unwrap_or_default();
        }
    }
}

impl Network {
    /// So many nodes, of which all but the first dial the first.
    pub(super) fn new(nodes: usize, seed: u64, config: &Config) -> Self {
        let now = Timestamp::from_nanos(1_000_000_000);
        let mut network = Self {
            now,
            seed,
            nodes: (0..nodes).map(|number| Node::new(number, seed, config, now)).collect(),
            ends: vec![BTreeMap::new(); nodes],
            due: BinaryHeap::new(),
            scheduled: 0,
            wake: vec![Timestamp::from_nanos(u64::MAX); nodes],
            is_split: false,
            killed: None,
            sent: Sent::default(),
        };
        for number in 0..nodes {
            if number > 0 {
                network.nodes[number].endpoint.join(now, &name(0));
            }
            network.take(number);
        }
        network
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn sent(&self) -> Sent {
        self.sent
    }

    /// How many connections there are, counted at both ends.
    pub(super) fn ends(&self) -> usize {
        self.ends.iter().map(BTreeMap::len).sum()
    }

    pub(super) fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Lets time pass, at most so much; true when that holds before. Looked at every tenth of a second.
    pub(super) fn run_until(&mut self, time: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let (end, tick) = (self.now + time, Duration::from_millis(100));
        while self.now < end {
            if holds(self) {
                return true;
            }
            let until = end.min(self.now + tick);
            while self.due.peek().is_some_and(|next| next.at <= until)
                && let Some(Scheduled { at, due, .. }) = self.due.pop()
            {
                self.now = self.now.max(at);
                self.happen(due);
            }
            self.now = until;
        }
        holds(self)
    }

    /// The node is gone, and says nothing.
    pub(super) fn kill(&mut self, node: usize) {
        self.nodes[node].alive = false;
        self.killed = Some(node);
    }

    /// Nothing gets from one half to the other.
    pub(super) fn split(&mut self) {
        self.is_split = true;
    }

    pub(super) fn heal(&mut self) {
        self.is_split = false;
    }

    pub(super) fn all_see_all(&self) -> bool {
        let alive = self.nodes.iter().filter(|node| node.alive).count();
        self.nodes.iter().filter(|node| node.alive).all(|node| node.well == alive - 1)
    }

    pub(super) fn suspected_by_all(&self) -> bool {
        self.killed_is(|status, member| status != NodeStatus::Up || member > MemberStatus::Up)
    }

    pub(super) fn unreachable_for_all(&self) -> bool {
        self.killed_is(|status, _| !status.is_connected())
    }

    pub(super) fn given_up_by_all(&self) -> bool {
        self.killed_is(|status, _| status == NodeStatus::Down)
    }

    fn killed_is(&self, what: impl Fn(NodeStatus, MemberStatus) -> bool) -> bool {
        let Some(killed) = self.killed else { return false };
        let mut seen = self.nodes.iter().filter(|node| node.alive).map(|node| node.sees(killed));
        seen.all(|seen| seen.is_some_and(|info| what(info.status, info.member.unwrap_or(MemberStatus::Up))))
    }

    /// Whether nothing gets from one to the other.
    fn cut(&self, one: usize, other: usize) -> bool {
        let half = self.nodes.len() / 2;
        !self.nodes[one].alive || !self.nodes[other].alive || (self.is_split && (one < half) != (other < half))
    }

    fn schedule(&mut self, at: Timestamp, due: Due) {
        self.scheduled += 1;
        self.due.push(Scheduled { at, number: self.scheduled, due });
    }

    /// When what is sent now arrives: what goes one way on one stream keeps its order, as all of it takes as long.
    fn arrival(&self, from: usize, to: usize) -> Timestamp {
        let mixed = (self.seed ^ ((from as u64) << 32 | to as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        self.now + Duration::from_micros(TRIP_US.0 + mixed % (TRIP_US.1 - TRIP_US.0))
    }

    fn happen(&mut self, due: Due) {
        let now = self.now;
        let identity = |number| Identity { name: name(number), role: Role::Node };
        let node = match due {
            Due::Dial { from, to, id } if self.cut(from, to) => {
                return self.schedule(now + DIAL_TIMEOUT, Due::GiveUp { from, id });
            }
            Due::Dial { from, id, to } => {
                self.scheduled += 1;
                let accepted = ConnectionId::Accepted(self.scheduled);
                let endpoint = &mut self.nodes[to].endpoint;
                if !endpoint.handle_accepted(now, accepted, identity(from)) {
                    return self.schedule(self.arrival(to, from), Due::Closed { to: from, id });
                }
                endpoint.handle_writable(now, accepted, StreamId::CONTROL, ROOM);
                self.ends[from].insert(id, (to, accepted));
                self.ends[to].insert(accepted, (from, id));
                self.schedule(self.arrival(to, from), Due::Connected { from, id, to });
                to
            }
            Due::GiveUp { from, id } => {
                self.nodes[from].endpoint.handle_closed(now, id);
                from
            }
            Due::Connected { from, id, to } => {
                let endpoint = &mut self.nodes[from].endpoint;
                endpoint.handle_writable(now, id, StreamId::CONTROL, ROOM);
                endpoint.handle_connected(now, id, identity(to));
                from
            }
            Due::Bytes { to, id, stream, bytes } => {
                self.nodes[to].endpoint.handle_received(now, id, stream, &bytes);
                to
            }
            Due::Closed { to, id } => {
                self.ends[to].remove(&id);
                self.nodes[to].endpoint.handle_closed(now, id);
                to
            }
            Due::Wake { node, at } if self.wake[node] == at => {
                self.wake[node] = Timestamp::from_nanos(u64::MAX);
                self.nodes[node].endpoint.handle_timeout(now);
                node
            }
            Due::Wake { .. } => return,
        };
        self.take(node);
    }

    /// Does what a node wants, and takes in what it says.
    fn take(&mut self, from: usize) {
        if !self.nodes[from].alive {
            return;
        }
        while let Some(action) = self.nodes[from].endpoint.poll_action() {
            match action {
                Action::Dial { connection: id, node } => {
                    self.sent.dials += 1;
                    let to = node.rsplit('-').next().and_then(|number| number.parse().ok()).expect("a node's name");
                    self.schedule(self.arrival(from, to), Due::Dial { from, id, to });
                }
                Action::Transmit { connection, stream, bytes } => {
                    self.sent.count(&bytes);
                    let Some((to, id)) = self.ends[from].get(&connection).copied() else { continue };
                    self.nodes[from].endpoint.handle_writable(self.now, connection, stream, bytes.len());
                    if !self.cut(from, to) {
                        self.schedule(self.arrival(from, to), Due::Bytes { to, id, stream, bytes });
                    }
                }
                Action::Close { connection } => {
                    let Some((to, id)) = self.ends[from].remove(&connection) else { continue };
                    if !self.cut(from, to) {
                        self.schedule(self.arrival(from, to), Due::Closed { to, id });
                    }
                }
                Action::Locate { .. } | Action::Forget { .. } => {}
            }
        }
        while let Some(event) = self.nodes[from].endpoint.poll_event() {
            if let Event::Node(news) = event {
                self.nodes[from].hear(news);
            }
        }
        if let Some(at) = self.nodes[from].endpoint.poll_timeout()
            && at < self.wake[from]
        {
            self.wake[from] = at;
            self.schedule(at.max(self.now), Due::Wake { node: from, at });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_dial_one_at_once_and_are_too_many_for_it_are_together_in_seconds() {
        let config = Config::of_down_after(Duration::from_secs(60));
        let nodes = config.handshakes_max + 20;
        let mut network = Network::new(nodes, 1, &config);
        assert!(network.run_until(Duration::from_secs(20), Network::all_see_all));
    }
}
