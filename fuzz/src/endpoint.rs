use bytes::{Bytes, BytesMut};
use rusm_core::{Encoding, NodeId, Pid, RemoteKind, RemoteSignal, RemoteTarget, Term, Timestamp};
use rusm_transport::proto::{
    Action, Config, ConnectionId, Endpoint, Envelope, Event, Features, Frame, Hello, Identity, Lane, Role, StreamId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const OTHERS: [&str; 3] = ["a", "c", "d"];

/// Does to the machine of a node what the bytes say, and holds what its driver and its node rely on.
pub fn endpoint(bytes: &[u8]) {
    let config = Config { lane_queue_len: 4 << 10, queue_len: 16 << 10, queue_len_max: 64 << 10, ..Config::default() };
    let mut world = World {
        endpoint: Endpoint::new("b", 2, 7, config),
        now: Timestamp::from_nanos(1_000_000_000),
        accepted: 0,
        room: BTreeMap::new(),
        open: BTreeSet::new(),
        associations: BTreeMap::new(),
        ended: BTreeSet::new(),
    };
    for other in OTHERS {
        assert!(world.endpoint.know(other));
    }
    let mut input = Input(bytes);
    while let Some(what) = input.byte() {
        world.step(what, &mut input);
        world.drain();
    }
    world.endpoint.stop(world.now);
    world.drain();
    assert!(world.associations.is_empty(), "whoever stops has no association left: {:?}", world.associations);
}

/// The bytes that say what happens.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = usize::from(self.number()).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken.to_vec()
    }
}

struct World {
    endpoint: Endpoint,
    now: Timestamp,
    accepted: u64,
    room: BTreeMap<(ConnectionId, StreamId), usize>,
    /// Connections that were not closed.
    open: BTreeSet<ConnectionId>,
    /// Present associations, and whether each is up.
    associations: BTreeMap<u64, bool>,
    ended: BTreeSet<u64>,
}

impl World {
    fn step(&mut self, what: u8, input: &mut Input<'_>) {
        let now = self.now;
        let other = OTHERS[usize::from(input.number()) % OTHERS.len()];
        let certificate = Identity { name: other.to_owned(), role: Role::Node };
        match what % 9 {
            0 => {
                self.accepted += 1;
                let connection = ConnectionId::Accepted(self.accepted);
                if self.endpoint.handle_accepted(now, connection, certificate) {
                    self.open.insert(connection);
                }
            }
            1 => {
                if let Some(association) = self.endpoint.associate(now, NodeId::of_name(other)) {
                    self.associations.entry(association).or_insert(false);
                }
            }
            2 => {
                let connection = self.connection(input);
                if let ConnectionId::Dialled(_) = connection {
                    self.endpoint.handle_connected(now, connection, certificate);
                }
            }
            3 => {
                let (connection, stream) = (self.connection(input), StreamId(u16::from(input.number()) % 17));
                let room = usize::from(input.number()) * 256;
                if self.open.contains(&connection) {
                    *self.room.entry((connection, stream)).or_default() += room;
                }
                self.endpoint.handle_writable(now, connection, stream, room);
            }
            4 => {
                let (connection, stream) = (self.connection(input), StreamId(u16::from(input.number()) % 19));
                let bytes = input.bytes();
                self.endpoint.handle_received(now, connection, stream, &bytes);
            }
            5 => {
                let connection = self.connection(input);
                let (stream, frame) = well_formed(other, input);
                let mut bytes = BytesMut::new();
                frame.encode(&mut bytes);
                self.endpoint.handle_received(now, connection, stream, &bytes);
            }
            6 => {
                let connection = self.connection(input);
                self.open.remove(&connection);
                self.endpoint.handle_closed(now, connection);
            }
            7 => {
                self.now = now + Duration::from_millis(u64::from(input.number()) * 50);
                self.endpoint.handle_timeout(self.now);
                let next = self.endpoint.poll_timeout();
                assert!(next.is_none_or(|at| at > self.now), "it would be asked again at once");
            }
            _ => {
                let association = u64::from(input.number()) % 8;
                let signal = signal("b", other, input);
                let (lane, needs) = (Lane::of(signal.from), Features::needed_by(&signal.kind));
                self.endpoint.send(now, association, lane, Envelope::new(signal).encode(), needs);
            }
        }
    }

    fn connection(&self, input: &mut Input<'_>) -> ConnectionId {
        let number = u64::from(input.number());
        let number_of = number / 2 % 8 + 1;
        if number.is_multiple_of(2) { ConnectionId::Accepted(number_of) } else { ConnectionId::Dialled(number_of) }
    }

    /// What the endpoint wants and says is what it may.
    fn drain(&mut self) {
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Dial { connection, .. } => assert!(self.open.insert(connection), "dialled twice"),
                Action::Transmit { connection, stream, bytes } => {
                    assert!(self.open.contains(&connection), "writes to a connection that it has closed");
                    let room = self.room.entry((connection, stream)).or_default();
                    assert!(bytes.len() <= *room, "writes more than the stream takes");
                    *room -= bytes.len();
                }
                Action::Close { connection } => drop(self.open.remove(&connection)),
                Action::Locate { .. } | Action::Forget { .. } => {}
            }
        }
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Begun { association, .. } => {
                    assert!(self.associations.insert(association, false).is_none(), "begun twice");
                }
                Event::Up { association, .. } => {
                    assert_eq!(self.associations.insert(association, true), Some(false), "up once, when it has begun");
                }
                Event::Signal { association, .. } | Event::Unsupported { association, .. } => {
                    assert_eq!(self.associations.get(&association), Some(&true), "of an association that is up");
                }
                Event::Trust { association, .. } => {
                    assert!(self.associations.contains_key(&association), "of an association that is there");
                }
                // The last words of one that ends now.
                Event::Open { .. } | Event::Refused { .. } | Event::Node(_) => {}
                Event::Ended { association, .. } => {
                    assert!(self.associations.remove(&association).is_some(), "the end of none that was there");
                    assert!(self.ended.insert(association), "ended twice");
                }
            }
        }
    }
}

/// A frame that can come from that node, on its stream.
fn well_formed(from: &str, input: &mut Input<'_>) -> (StreamId, Frame) {
    let hello = |input: &mut Input<'_>| Hello {
        dial: u64::from(input.number()),
        association: u64::from(input.number()),
        ..Hello::new(from, u32::from(input.number()), 7, &Config::default())
    };
    match input.number() % 8 {
        0 => (StreamId::CONTROL, Frame::Hello(hello(input))),
        1 => (StreamId::CONTROL, Frame::Welcome(hello(input))),
        2 => (StreamId::CONTROL, Frame::Ready),
        3 => (StreamId::CONTROL, Frame::Ping),
        4 => {
            let credit = (Lane(u16::from(input.number())), u32::from(input.number()) * 64);
            (StreamId::CONTROL, Frame::Credit(vec![credit]))
        }
        5 => {
            let signal = signal(from, "b", input);
            let lane = Lane::of(signal.from);
            (lane.stream(), Frame::Signal(lane, Envelope::new(signal).encode()))
        }
        6 => {
            let lane = Lane(u16::from(input.number()));
            (lane.stream(), Frame::Begin(lane, u32::from(input.number()) << 10, Bytes::from(input.bytes())))
        }
        _ => {
            let lane = Lane(u16::from(input.number()));
            (lane.stream(), Frame::More(lane, Bytes::from(vec![0; usize::from(input.number()) * 64])))
        }
    }
}

/// A signal of one of a few senders, as long as the bytes say.
fn signal(from: &str, to: &str, input: &mut Input<'_>) -> RemoteSignal {
    let pid = |node: &str, index: u32| Pid { node: NodeId::of_name(node), incarnation: 1, index, serial: 0, random: 5 };
    let from = pid(from, u32::from(input.number() % 20));
    let kind = match input.number() % 4 {
        0 => RemoteKind::Link,
        1 => RemoteKind::Unlink { id: u64::from(input.number()) },
        _ => RemoteKind::Message(Term::new(Encoding::Raw, vec![0; usize::from(input.number()) * 100])),
    };
    RemoteSignal { from, to: RemoteTarget::Pid(pid(to, 1)), kind }
}
