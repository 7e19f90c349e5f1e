use rusm_core::Pid;

/// How many streams of a connection carry signals. A lane belongs to one of them.
pub const LANE_STREAMS: u16 = 16;

/// One of the ordered streams of a connection: 0 is for control, 1 to [`LANE_STREAMS`] carry signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u16);

impl StreamId {
    /// Handshake, credit, signs of life.
    pub const CONTROL: Self = Self(0);

    /// All that carry signals.
    pub fn of_lanes() -> impl Iterator<Item = Self> {
        (1..=LANE_STREAMS).map(Self)
    }
}

/// The ordered way of one sender's signals to one node, however they are addressed. It follows from the sender's slot in its
/// node's process table, so that it needs no bookkeeping; that two senders 65,536 slots apart share a lane costs them
/// fairness among each other, never order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(pub u16);

impl Lane {
    /// The lane of that sender.
    pub fn of(sender: Pid) -> Self {
        Self((sender.index & 0xffff) as u16)
    }

    /// The stream that it takes.
    pub fn stream(self) -> StreamId {
        StreamId(1 + self.0 % LANE_STREAMS)
    }
}
