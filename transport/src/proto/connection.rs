use super::assembly::Assembly;
use super::config::{Config, Identity};
use super::credit::Credit;
use super::event::ConnectionId;
use super::features::Features;
use super::frame::{Frame, FrameError, FrameReader};
use super::handshake::Hello;
use super::lane::{LANE_STREAMS, StreamId};
use super::lanes::Lanes;
use super::silence::{Silence, Trust};
use bytes::{Bytes, BytesMut};
use indexmap::IndexMap;
use rusm_core::{NodeId, Timestamp};
use rustc_hash::FxBuildHasher;

/// Bytes that wait for the control stream from which on what may be lost is.
const LOSSY_LEN_MAX: usize = 64 << 10;

/// Of a connection: control and the lanes.
const STREAMS: usize = LANE_STREAMS as usize + 1;

/// The connections of a node. Whoever is in a cluster of a thousand looks one up for each packet: at the cost of two cold lines
/// of memory, not of a tree's dozen. Their order follows from what was done to them.
pub(super) type Connections = IndexMap<ConnectionId, Connection, FxBuildHasher>;

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Phase {
    /// This side dials, and then says that.
    Dialling(Hello),
    /// This side has said it, and waits for the answer.
    Asked { certificate: Identity },
    /// The other side dialled and has not said who it is; its certificate has.
    Accepted(Identity),
    /// This side has agreed, and sends no signals until it knows that the other has heard of it.
    Welcomed,
    /// Signals go both ways.
    Up,
}

/// One connection: its streams, and what has come in on them.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) phase: Phase,
    /// Known once the other side has said who it is, or from the start when this side dials.
    pub(super) peer: Option<NodeId>,
    /// What both sides can do: known with the association.
    pub(super) features: Features,
    pub(super) assembly: Assembly,
    pub(super) credit: Credit,
    pub(super) silence: Silence,
    handshake_until: Timestamp,
    /// Of the streams up to the last that something has come on: most connections of a large cluster only ever use the first.
    readers: Vec<FrameReader>,
    room: [usize; STREAMS],
    control: BytesMut,
}

impl Connection {
    pub(super) fn new(phase: Phase, peer: Option<NodeId>, config: &Config, now: Timestamp) -> Self {
        Self {
            phase,
            peer,
            features: Features::NONE,
            assembly: Assembly::new(config.signal_len_max, config.large_max),
            credit: Credit::new(config.lane_window),
            silence: Silence::new(config, now),
            handshake_until: now + config.handshake_timeout,
            readers: Vec::new(),
            room: [0; STREAMS],
            control: BytesMut::new(),
        }
    }

    /// A connection that this side dialled is there: what to say. `None` when it was not expected.
    pub(super) fn connected(&mut self, certificate: Identity) -> Option<Hello> {
        match std::mem::replace(&mut self.phase, Phase::Asked { certificate }) {
            Phase::Dialling(hello) => Some(hello),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// From now on the association watches for silence.
    pub(super) fn begin(&mut self, phase: Phase, features: Features, config: &Config, now: Timestamp) {
        self.phase = phase;
        self.features = features;
        self.silence = Silence::new(config, now);
    }

    /// The other side has heard that this one agrees. False when that was known.
    pub(super) fn ready(&mut self) -> bool {
        let welcomed = matches!(self.phase, Phase::Welcomed);
        if welcomed {
            self.phase = Phase::Up;
        }
        welcomed
    }

    /// Whether both sides gossip.
    pub(super) fn gossips(&self) -> bool {
        self.features.has(Features::GOSSIP)
    }

    pub(super) fn has_association(&self) -> bool {
        matches!(self.phase, Phase::Welcomed | Phase::Up)
    }

    /// Something came. Says when trust is back.
    pub(super) fn heard(&mut self, now: Timestamp) -> Option<Trust> {
        if self.has_association() { self.silence.handle_heard(now) } else { None }
    }

    /// Takes bytes of a stream. False when there is no such stream.
    pub(super) fn push(&mut self, stream: StreamId, bytes: &[u8]) -> bool {
        let number = usize::from(stream.0);
        if number >= STREAMS {
            return false;
        }
        if number >= self.readers.len() {
            self.readers.reserve_exact(number + 1 - self.readers.len());
            self.readers.resize_with(number + 1, FrameReader::default);
        }
        self.readers[number].push(bytes);
        true
    }

    pub(super) fn next_frame(&mut self, stream: StreamId) -> Result<Option<Frame>, FrameError> {
        self.readers.get_mut(usize::from(stream.0)).map_or(Ok(None), FrameReader::next_frame)
    }

    pub(super) fn add_room(&mut self, stream: StreamId, room: usize) {
        if let Some(of_stream) = self.room.get_mut(usize::from(stream.0)) {
            *of_stream = of_stream.saturating_add(room);
        }
    }

    /// A frame for the control stream.
    pub(super) fn write(&mut self, frame: &Frame) {
        frame.encode(&mut self.control);
    }

    /// A frame that may be lost: it is when too much waits already.
    pub(super) fn write_lossy(&mut self, frame: &Frame) {
        if self.control.len() < LOSSY_LEN_MAX {
            self.write(frame);
        }
    }

    /// The next bytes for a stream, and that they are sent now.
    pub(super) fn poll_transmit(
        &mut self,
        now: Timestamp,
        stream: StreamId,
        lanes: Option<&mut Lanes>,
    ) -> Option<Bytes> {
        let room = *self.room.get(usize::from(stream.0))?;
        let bytes = if stream == StreamId::CONTROL {
            self.poll_control(room)
        } else if matches!(self.phase, Phase::Up) {
            lanes?.poll_transmit(stream, room)
        } else {
            None
        }?;
        self.room[usize::from(stream.0)] -= bytes.len();
        self.silence.handle_sent(now);
        Some(bytes)
    }

    /// Credit is written when there is room for it: what is kept until then does not grow.
    fn poll_control(&mut self, room: usize) -> Option<Bytes> {
        if self.control.is_empty()
            && room > 0
            && self.has_association()
            && let Some(credits) = self.credit.poll_credit()
        {
            self.write(&Frame::Credit(credits));
        }
        let len = self.control.len().min(room);
        // With the last bytes goes their memory: a connection that has carried much once does not keep it.
        let all = len == self.control.len();
        let take = |control: &mut BytesMut| if all { std::mem::take(control) } else { control.split_to(len) };
        (len > 0).then(|| take(&mut self.control).freeze())
    }

    pub(super) fn poll_timeout(&self) -> Timestamp {
        if self.has_association() { self.silence.poll_timeout() } else { self.handshake_until }
    }
}
