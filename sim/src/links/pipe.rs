use super::lie::Lies;
use bytes::Bytes;
use std::collections::VecDeque;

/// What is under way on one stream in one direction. The first packet arrives first, whatever the others took.
#[derive(Default)]
pub(super) struct Pipe {
    /// When each may arrive, and what it is; none is the end of the connection.
    packets: VecDeque<(u64, Option<Packet>)>,
    /// What its sender makes of it, when that is a liar.
    pub(super) lies: Lies,
    sent: u64,
    scheduled: bool,
}

/// A packet that is under way.
pub(super) struct Packet {
    pub(super) bytes: Bytes,
    /// Bytes that its sender may send again when it has arrived.
    pub(super) room: usize,
}

impl Pipe {
    /// The number of the packet that comes next.
    pub(super) fn next_number(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// The number of the last packet.
    pub(super) fn number(&self) -> u64 {
        self.sent
    }

    pub(super) fn push(&mut self, at: u64, packet: Packet) {
        self.packets.push_back((at, Some(packet)));
    }

    /// Behind it nothing comes.
    pub(super) fn push_end(&mut self, at: u64) {
        self.packets.push_back((at, None));
    }

    /// When the first is to arrive, if that is not known to happen already.
    pub(super) fn schedule(&mut self) -> Option<u64> {
        let at = self.packets.front().filter(|_| !self.scheduled)?.0;
        self.scheduled = true;
        Some(at)
    }

    /// What was scheduled happens: whether the first packet arrives.
    pub(super) fn fired(&mut self, now: u64) -> bool {
        self.scheduled = false;
        self.packets.front().is_some_and(|(at, _)| *at <= now)
    }

    pub(super) fn pop(&mut self) -> Option<Option<Packet>> {
        self.packets.pop_front().map(|(_, content)| content)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// What is under way is lost.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
    }
}
