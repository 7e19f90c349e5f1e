use super::config::Config;
use super::features::Features;
use super::frame::{Frame, HEADER_LEN, encode_signal};
use super::lane::{Lane, StreamId};
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};

/// Bytes of a signal that go out in one piece. A longer one is cut, so that the signals of other senders pass it.
pub const FRAGMENT_LEN: usize = 16 << 10;

/// Bytes of frames that are written to a stream at once.
const BATCH_LEN: usize = 32 << 10;

/// About what the frames of a few small signals take beside them.
const SMALL_LEN: usize = 256;

/// The header and the fields before the bytes of a signal or of a part of one: at most this much.
const OVERHEAD: usize = HEADER_LEN + 6;

/// The signals of this node that wait to go to another: a queue for each lane, which take turns. A lane waits when it has no
/// credit, or when its next signal is a large one and too many of those are under way.
///
/// [`push`](Self::push), then [`poll_transmit`](Self::poll_transmit) for each stream with room until it gives nothing;
/// [`handle_credit`](Self::handle_credit) lets lanes go on; [`poll_open`](Self::poll_open) says which have room again.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: BTreeMap<Lane, State>,
    /// For each stream, up to the last that was used, the lanes that may send, in turn.
    ready: Vec<VecDeque<Lane>>,
    /// Lanes whose next signal is large, waiting for one that is under way to arrive.
    waiting_for_slot: VecDeque<Lane>,
    slots: u16,
    window: u32,
    waiting_len: usize,
    full_at: usize,
    open: VecDeque<Lane>,
    large_max: u16,
}

/// A signal that waits.
#[derive(Debug)]
struct Queued {
    bytes: Bytes,
    /// What the other side must know.
    needs: Features,
}

#[derive(Debug)]
struct State {
    signals: VecDeque<Queued>,
    waiting_len: usize,
    /// Bytes of the first signal that have gone out.
    sent_of_first: usize,
    credit: u32,
    slot: Slot,
    turn: Turn,
    full: bool,
}

/// Whether this lane has one of the slots for large signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    None,
    /// For the one that is being sent.
    Sending,
    /// For one that is sent: the slot is free when so many more bytes of this lane have arrived.
    Arriving(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It has nothing to send, or no credit.
    Not,
    /// In the queue of its stream.
    Ready,
    WaitsForSlot,
}

impl Lanes {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            lanes: BTreeMap::new(),
            ready: Vec::new(),
            waiting_for_slot: VecDeque::new(),
            slots: config.large_max,
            window: config.lane_window,
            waiting_len: 0,
            full_at: config.lane_queue_len,
            open: VecDeque::new(),
            large_max: config.large_max,
        }
    }

    /// Bytes that wait in all lanes.
    pub(super) fn waiting_len(&self) -> usize {
        self.waiting_len
    }

    /// Appends a signal. True when the lane is full now: it goes on taking signals, and says when it is open again.
    pub(super) fn push(&mut self, lane: Lane, signal: Bytes, needs: Features) -> bool {
        let window = self.window;
        let state = self.lanes.entry(lane).or_insert_with(|| State::new(window));
        state.waiting_len += signal.len();
        self.waiting_len += signal.len();
        state.signals.push_back(Queued { bytes: signal, needs });
        state.full |= state.waiting_len >= self.full_at;
        let full = state.full;
        self.take_turn(lane);
        full
    }

    /// Takes out what a node with those features does not know, before anything was sent.
    pub(super) fn take_unsupported(&mut self, features: Features) -> Vec<Bytes> {
        let known = |state: &State| state.signals.iter().all(|queued| features.has(queued.needs));
        if self.lanes.values().all(known) {
            return Vec::new();
        }
        let before = std::mem::take(&mut self.lanes);
        self.ready.iter_mut().for_each(VecDeque::clear);
        self.waiting_for_slot.clear();
        (self.slots, self.waiting_len) = (self.large_max, 0);
        let mut unsupported = Vec::new();
        for (lane, State { signals, full, .. }) in before {
            let mut still_full = false;
            for Queued { bytes, needs } in signals {
                if features.has(needs) {
                    still_full = self.push(lane, bytes, needs);
                } else {
                    unsupported.push(bytes);
                }
            }
            if full && !still_full {
                self.open.push_back(lane);
            }
        }
        unsupported
    }

    /// Marks the lane full whatever it holds: all of them together hold too much.
    pub(super) fn hold(&mut self, lane: Lane) {
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.full = true;
        }
    }

    /// Whether a lane waits for a large signal to arrive.
    pub(super) fn wait_for_slot(&self) -> bool {
        !self.waiting_for_slot.is_empty()
    }

    /// The receiver has taken in so many bytes of that lane. False when those were more than were under way.
    pub(super) fn handle_credit(&mut self, lane: Lane, credit: u32) -> bool {
        let window = self.window;
        let Some(state) = self.lanes.get_mut(&lane) else { return false };
        state.credit = match state.credit.checked_add(credit) {
            Some(credit) if credit <= window => credit,
            _ => return false,
        };
        if let Slot::Arriving(left) = state.slot {
            let left = left.saturating_sub(credit);
            state.slot = if left == 0 { Slot::None } else { Slot::Arriving(left) };
            if left == 0 {
                self.slots += 1;
                self.wake_waiting();
            }
        }
        self.take_turn(lane);
        self.forget_idle(lane);
        true
    }

    /// A slot is free: whoever has waited for longest takes it.
    fn wake_waiting(&mut self) {
        if let Some(lane) = self.waiting_for_slot.pop_front() {
            if let Some(state) = self.lanes.get_mut(&lane) {
                state.turn = Turn::Not;
            }
            self.take_turn(lane);
        }
    }

    /// The next bytes for that stream, at most `room` of them; as many frames as go into one write. With room for less than
    /// [`FRAGMENT_LEN`] and a header there may be nothing, though something waits.
    pub(super) fn poll_transmit(&mut self, stream: StreamId, room: usize) -> Option<Bytes> {
        if self.ready.get(usize::from(stream.0)).is_none_or(VecDeque::is_empty) {
            return None;
        }
        let room = room.min(BATCH_LEN);
        let mut out = BytesMut::with_capacity(room.min(self.waiting_len + SMALL_LEN));
        while room - out.len() > OVERHEAD {
            let Some(lane) = self.ready[usize::from(stream.0)].pop_front() else { break };
            let Some(state) = self.lanes.get_mut(&lane) else { continue };
            state.turn = Turn::Not;
            let before = out.len();
            self.waiting_len -= state.send(lane, self.window, room - out.len() - OVERHEAD, &mut out);
            let filled = out.len() == before;
            if state.full && state.waiting_len * 2 <= self.full_at {
                state.full = false;
                self.open.push_back(lane);
            }
            if filled {
                // What comes next is longer than what is left: this lane begins the next write.
                self.take_turn_first(lane);
                break;
            }
            self.take_turn(lane);
            self.forget_idle(lane);
        }
        (!out.is_empty()).then(|| out.freeze())
    }

    /// A lane that was full and is not any more.
    pub(super) fn poll_open(&mut self) -> Option<Lane> {
        self.open.pop_front()
    }

    /// Puts a lane behind the others of its stream if it has something that it may send.
    fn take_turn(&mut self, lane: Lane) {
        if self.may_send(lane) {
            self.ready_of(lane).push_back(lane);
        }
    }

    fn take_turn_first(&mut self, lane: Lane) {
        if self.may_send(lane) {
            self.ready_of(lane).push_front(lane);
        }
    }

    /// The queue of the lane's stream.
    fn ready_of(&mut self, lane: Lane) -> &mut VecDeque<Lane> {
        let stream = usize::from(lane.stream().0);
        if stream >= self.ready.len() {
            self.ready.resize_with(stream + 1, VecDeque::new);
        }
        &mut self.ready[stream]
    }

    /// Whether a lane that is in no queue is to come into the one of its stream.
    fn may_send(&mut self, lane: Lane) -> bool {
        let Some(state) = self.lanes.get_mut(&lane) else { return false };
        let Some(first) = state.signals.front() else { return false };
        if state.turn != Turn::Not {
            return false;
        }
        let large = first.bytes.len() > FRAGMENT_LEN;
        if (state.credit as usize) < if large { 1 } else { first.bytes.len() } {
            return false;
        }
        match state.slot {
            Slot::None if large && self.slots == 0 => {
                state.turn = Turn::WaitsForSlot;
                self.waiting_for_slot.push_back(lane);
                return false;
            }
            Slot::None if large => {
                self.slots -= 1;
                state.slot = Slot::Sending;
            }
            // A lane has one slot at most.
            Slot::Arriving(_) if large => return false,
            Slot::None | Slot::Sending | Slot::Arriving(_) => {}
        }
        state.turn = Turn::Ready;
        true
    }

    /// A lane with nothing to remember is made anew when it is needed.
    fn forget_idle(&mut self, lane: Lane) {
        let idle = |state: &State| {
            state.signals.is_empty() && state.credit == self.window && !state.full && state.turn == Turn::Not
        };
        if self.lanes.get(&lane).is_some_and(idle) {
            self.lanes.remove(&lane);
        }
    }
}

impl State {
    fn new(window: u32) -> Self {
        Self {
            signals: VecDeque::new(),
            waiting_len: 0,
            sent_of_first: 0,
            credit: window,
            slot: Slot::None,
            turn: Turn::Not,
            full: false,
        }
    }

    /// Writes one turn of frames: whole small signals up to [`FRAGMENT_LEN`] bytes of them, or one part of a large one.
    /// Returns how many bytes of signals went out.
    fn send(&mut self, lane: Lane, window: u32, room: usize, out: &mut BytesMut) -> usize {
        let end = out.len() + room;
        let mut sent = 0;
        while let Some(first) = self.signals.front() {
            let left = end.saturating_sub(out.len());
            if first.bytes.len() > FRAGMENT_LEN {
                if sent == 0 && self.slot == Slot::Sending {
                    sent = self.send_part(lane, window, left, out);
                }
                break;
            }
            let len = first.bytes.len();
            if len > left || len > self.credit as usize || (sent > 0 && sent + len > FRAGMENT_LEN) {
                break;
            }
            encode_signal(lane, &first.bytes, out);
            self.signals.pop_front();
            self.credit -= len as u32;
            sent += len;
        }
        self.waiting_len -= sent;
        sent
    }

    fn send_part(&mut self, lane: Lane, window: u32, left: usize, out: &mut BytesMut) -> usize {
        let Some(Queued { bytes: first, .. }) = self.signals.front() else { return 0 };
        let from = self.sent_of_first;
        let len = (first.len() - from).min(FRAGMENT_LEN).min(left).min(self.credit as usize);
        if len == 0 {
            return 0;
        }
        let part = first.slice(from..from + len);
        let total = first.len();
        let frame = if from == 0 { Frame::Begin(lane, total as u32, part) } else { Frame::More(lane, part) };
        frame.encode(out);
        self.credit -= len as u32;
        self.sent_of_first += len;
        if self.sent_of_first == total {
            self.signals.pop_front();
            self.sent_of_first = 0;
            self.slot = Slot::Arriving(window - self.credit);
        }
        len
    }
}
