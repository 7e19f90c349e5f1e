use super::{Conditions, Inner, Network};
use crate::executor::{Event, Fire, Kernel, Life};
use crate::plan::FaultKind;
use crate::seed::{below, mix, mix_more};
use crate::sync::Mutex;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

/// How long the sender waits before it sends a lost packet again.
const RETRANSMIT_NS: u64 = 200_000_000;

/// The longest a packet takes within one host.
const LOOPBACK_NS_MAX: u64 = 30_000;

/// Bytes of one packet at most.
const PACKET_LEN_MAX: usize = 16 << 10;

/// One connection: two pipes. End 0 opened it and writes into pipe 0; end 1 accepted it and writes into pipe 1.
pub(super) struct Connection {
    pub(super) id: u64,
    pub(super) ends: [Arc<Life>; 2],
    /// What the fates of the packets of each end depend on: the seed, the two hosts, and which of their connections it is.
    links: [u64; 2],
    network: Weak<Inner>,
    conditions: Arc<Conditions>,
    kernel: Arc<Kernel>,
    slow_ns: AtomicU64,
    corrupt_next: AtomicBool,
    pipes: [Mutex<Pipe>; 2],
}

/// One direction.
#[derive(Default)]
struct Pipe {
    /// What was received and not read, and behind it what is under way. It counts against the window, for ever when nobody
    /// reads it any more.
    bytes: VecDeque<u8>,
    /// How much of that was received.
    received: usize,
    under_way: VecDeque<Packet>,
    packets: u64,
    last_at: u64,
    /// Packets that came to a cut: they arrive when it is mended.
    stuck: u64,
    /// The writer has sent its last byte.
    finished: bool,
    /// The reader has got it.
    ended: bool,
    reset: bool,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy)]
enum Packet {
    /// So many bytes of the pipe's.
    Data(usize),
    Finish,
}

/// The next packet of a pipe arrives.
impl Fire for Connection {
    fn fire(self: Arc<Self>, _: &Arc<Kernel>, pipe: u64) {
        self.arrive(pipe as usize);
    }
}

impl Connection {
    pub(super) fn new(network: &Network, id: u64, link: u64, ends: [Arc<Life>; 2]) -> Arc<Self> {
        let kernel = network.0.kernel.clone();
        let seed = kernel.seed;
        let conditions = network.0.conditions.clone();
        let network = Arc::downgrade(&network.0);
        Arc::new(Self {
            id,
            ends,
            links: [0, 1].map(|end| mix(&[seed, link, end])),
            network,
            conditions,
            kernel,
            slow_ns: AtomicU64::new(0),
            corrupt_next: AtomicBool::new(false),
            pipes: Default::default(),
        })
    }

    pub(super) fn is_open(&self) -> bool {
        self.pipes.iter().all(|pipe| {
            let pipe = pipe.lock();
            !pipe.reset && !pipe.reader_gone
        })
    }

    pub(super) fn poll_write(self: &Arc<Self>, end: usize, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.ends[end].is_alive() {
            return Poll::Pending;
        }
        let profile = &self.kernel.profile;
        let mut pipe = self.pipes[end].lock();
        if pipe.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if pipe.finished {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = profile.window.saturating_sub(pipe.bytes.len()).min(PACKET_LEN_MAX);
        if room == 0 && !bytes.is_empty() {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut len = bytes.len().min(room);
        let fate = self.fate(end, pipe.packets, 1);
        if len > 1 && fate & 0xff < profile.short_writes {
            len = 1 + below(fate.rotate_left(32), len as u64 - 1) as usize;
        }
        if len > 0 {
            let place = pipe.bytes.len();
            pipe.bytes.extend(&bytes[..len]);
            if self.corrupt_next.load(Ordering::Relaxed) {
                self.corrupt(&mut pipe.bytes, place, fate.rotate_left(16));
            }
            self.send(end, &mut pipe, Packet::Data(len));
        }
        Poll::Ready(Ok(len))
    }

    /// Gives bytes to `take` until it has no more room; `Ready(0)` is the end.
    pub(super) fn poll_read(
        &self,
        end: usize,
        cx: &Context<'_>,
        mut take: impl FnMut(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        if !self.ends[end].is_alive() {
            return Poll::Pending;
        }
        let mut pipe = self.pipes[1 - end].lock();
        let received = pipe.received;
        let (first, second) = pipe.bytes.as_slices();
        let first = &first[..first.len().min(received)];
        let mut len = take(first);
        if len == first.len() && len < received {
            len += take(&second[..received - len]);
        }
        if len > 0 {
            drop(pipe.bytes.drain(..len));
            pipe.received -= len;
            let writer = pipe.writer.take();
            drop(pipe);
            if let Some(writer) = writer {
                writer.wake();
            }
            return Poll::Ready(Ok(len));
        }
        if pipe.ended || pipe.received > 0 {
            return Poll::Ready(Ok(0));
        }
        if pipe.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        pipe.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The writer has no more to say.
    pub(super) fn finish(self: &Arc<Self>, end: usize) {
        let mut pipe = self.pipes[end].lock();
        if self.ends[end].is_alive() && !pipe.finished && !pipe.reset {
            pipe.finished = true;
            self.send(end, &mut pipe, Packet::Finish);
        }
    }

    /// One side is gone: the other reads to the end, and is told when it writes.
    pub(super) fn close(self: &Arc<Self>, end: usize) {
        self.finish(end);
        let unread = {
            let mut pipe = self.pipes[1 - end].lock();
            pipe.reader_gone = true;
            std::mem::take(&mut pipe.received) > 0
        };
        if unread && self.ends[end].is_alive() {
            self.reset_later(end);
        }
    }

    fn send(self: &Arc<Self>, end: usize, pipe: &mut Pipe, packet: Packet) {
        let at = (self.kernel.now() + self.latency(end, pipe.packets)).max(pipe.last_at + 1);
        let len = match &packet {
            Packet::Data(len) => *len as u64,
            Packet::Finish => 0,
        };
        self.kernel.record("packet", |line| {
            line.number(self.id).number(end as u64).number(pipe.packets).number(len).number(at)
        });
        if self.conditions.copies(|| self.fate(end, pipe.packets, 3)) > 1 {
            self.kernel.record("packet-twice", |line| line.number(self.id).number(end as u64).number(pipe.packets));
        }
        pipe.packets += 1;
        pipe.last_at = at;
        pipe.under_way.push_back(packet);
        self.kernel.schedule(at, Event::Fire(self.clone(), end as u64));
    }

    fn fate(&self, end: usize, packet: u64, purpose: u64) -> u64 {
        mix_more(self.links[end], &[packet, purpose])
    }

    pub(super) fn latency(&self, end: usize, packet: u64) -> u64 {
        let fate = self.fate(end, packet, 0);
        if self.ends[0].host == self.ends[1].host {
            return 1 + below(fate, LOOPBACK_NS_MAX);
        }
        let profile = &self.kernel.profile;
        let latency =
            1 + profile.packet_ns_min + below(fate, profile.packet_jitter_ns) + self.slow_ns.load(Ordering::Relaxed);
        latency + self.conditions.late(fate, RETRANSMIT_NS)
    }

    fn is_cut(&self, pipe: usize) -> bool {
        let (from, to) = (self.ends[pipe].host, self.ends[1 - pipe].host);
        self.conditions.is_cut(from, to)
    }

    fn arrive(self: &Arc<Self>, index: usize) {
        let cut = self.is_cut(index);
        let mut pipe = self.pipes[index].lock();
        if cut {
            pipe.stuck += 1;
            return;
        }
        let Some(packet) = pipe.under_way.pop_front() else { return };
        self.kernel.record("arrive", |line| line.number(self.id).number(index as u64));
        if pipe.reader_gone {
            drop(pipe);
            if let (Packet::Data(_), true) = (packet, self.ends[1 - index].is_alive()) {
                self.reset_later(1 - index);
            }
            return;
        }
        match packet {
            Packet::Data(len) => pipe.received += len,
            Packet::Finish => pipe.ended = true,
        }
        let reader = pipe.reader.take();
        drop(pipe);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The other side of `end` learns, one packet's time later, that `end` is gone.
    fn reset_later(self: &Arc<Self>, end: usize) {
        let packet = self.pipes[end].lock().packets;
        let at = self.kernel.now() + self.latency(end, packet);
        let connection = self.clone();
        self.kernel.schedule(at, Event::Call(Box::new(move || connection.reset())));
    }

    /// Ends both directions at once. What was received can still be read.
    pub(super) fn reset(&self) {
        let mut wakers = Vec::new();
        for pipe in &self.pipes {
            let mut pipe = pipe.lock();
            if pipe.reset {
                continue;
            }
            pipe.reset = true;
            let Pipe { bytes, received, under_way, .. } = &mut *pipe;
            bytes.truncate(*received);
            under_way.clear();
            wakers.extend(pipe.reader.take());
            wakers.extend(pipe.writer.take());
        }
        if !wakers.is_empty() {
            self.kernel.record("reset", |line| line.number(self.id));
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// That life has ended: if it had an end of this connection, the other end is told.
    pub(super) fn end_crashed(self: &Arc<Self>, life: &Life) {
        for end in 0..2 {
            if std::ptr::eq(&*self.ends[end], life) {
                self.pipes[1 - end].lock().reader_gone = true;
                self.reset_later(end);
            }
        }
    }

    pub(super) fn corrupt_next(&self) {
        self.corrupt_next.store(true, Ordering::Relaxed);
    }

    /// One bit of the bytes from that place on is wrong.
    fn corrupt(&self, bytes: &mut VecDeque<u8>, place: usize, random: u64) {
        self.corrupt_next.store(false, Ordering::Relaxed);
        self.kernel.recorder.count(FaultKind::Corrupt.name());
        self.kernel.record("corrupted", |line| line.number(self.id));
        let bit = below(random, (bytes.len() - place) as u64 * 8) as usize;
        bytes[place + bit / 8] ^= 1 << (bit % 8);
    }

    pub(super) fn slow_down(&self, extra: u64) {
        self.slow_ns.store(extra, Ordering::Relaxed);
    }

    /// What came to a cut that is no more arrives, a little later.
    pub(super) fn resume(self: &Arc<Self>) {
        for index in 0..2 {
            if self.is_cut(index) {
                continue;
            }
            let mut pipe = self.pipes[index].lock();
            for _ in 0..std::mem::take(&mut pipe.stuck) {
                let at = (self.kernel.now() + self.latency(index, pipe.packets)).max(pipe.last_at + 1);
                pipe.last_at = at;
                self.kernel.schedule(at, Event::Fire(self.clone(), index as u64));
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(network) = self.network.upgrade() {
            network.state.lock().connections.remove(&self.id);
        }
    }
}
