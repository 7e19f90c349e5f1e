//! UDP between hosts. What happens to a datagram depends on the seed, its flow's place among those of the two hosts, and its
//! number there. Those of one flow stay in order, unless one is held back or comes twice.

use super::{Conditions, ConnectionInfo, host_of, ip_of};
use crate::executor::{Event, Fire, Kernel, Life};
use crate::hasher::FixedHasher;
use crate::plan::FaultKind;
use crate::seed::{below, mix};
use crate::sync::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::hash::Hasher;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

/// Bytes that wait in a socket; what comes then is lost. As Linux has it by default.
const RECEIVE_BUFFER_LEN: usize = 208 << 10;

/// Bytes that fit into a datagram on an Ethernet; a larger one does not get through.
const DATAGRAM_LEN_MAX: usize = 1472;

/// The bit of a packet's first byte that says that its connection is only being made. Source: RFC 9000, section 17.2.
const LONG_HEADER: u8 = 0x80;

/// The UDP of a run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Datagrams(Arc<Inner>);

struct Inner {
    kernel: Arc<Kernel>,
    conditions: Arc<Conditions>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sockets: BTreeMap<(u32, u16), Arc<Socket>>,
    /// Between two sockets, the one that began first.
    flows: BTreeMap<[(u32, u16); 2], Flow>,
    began_by_pair: BTreeMap<(u32, u32), u64>,
}

/// What two sockets send each other.
struct Flow {
    /// Its number, which it shares with the connections of sockets and links.
    id: u64,
    /// What its datagrams' fates depend on.
    link: u64,
    sent: [u64; 2],
    /// When the last one arrives, in each direction.
    last_at: [u64; 2],
    /// Every datagram takes so much longer.
    slow_ns: u64,
    /// A bit of the next one is wrong.
    damage_next: bool,
    /// What is under way from before it was cut does not arrive.
    cuts: u64,
}

struct Socket {
    life: Arc<Life>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Vec<u8>, SocketAddr)>,
    len: usize,
    reader: Option<Waker>,
}

/// A socket that is bound; dropping it closes it.
pub(crate) struct DatagramSocket {
    of: Datagrams,
    socket: Arc<Socket>,
    place: (u32, u16),
}

/// A datagram on its way.
struct Arrival {
    of: Weak<Inner>,
    flow: [(u32, u16); 2],
    direction: usize,
    cuts: u64,
    content: Mutex<Vec<u8>>,
}

impl Datagrams {
    pub(super) fn new(kernel: Arc<Kernel>, conditions: Arc<Conditions>) -> Self {
        Self(Arc::new(Inner { kernel, conditions, state: Mutex::default() }))
    }

    /// Binds a socket of a life of a host.
    ///
    /// # Errors
    /// The port is in use.
    pub(crate) fn bind(&self, life: &Arc<Life>, port: u16) -> io::Result<DatagramSocket> {
        let place = (life.host, port);
        let mut state = self.0.state.lock();
        if state.sockets.contains_key(&place) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let socket = Arc::new(Socket { life: life.clone(), queue: Mutex::default() });
        state.sockets.insert(place, socket.clone());
        Ok(DatagramSocket { of: self.clone(), socket, place })
    }

    /// The flows between sockets that there are.
    pub(super) fn connections(&self, name: impl Fn(u32) -> String) -> Vec<ConnectionInfo> {
        let state = self.0.state.lock();
        let info = |(ends, flow): (&[(u32, u16); 2], &Flow)| {
            let [client, server] = ends.map(|(host, _)| name(host));
            ConnectionInfo { id: flow.id, client, server }
        };
        state.flows.iter().map(info).collect()
    }

    /// What is under way in a flow is lost. False when it is gone.
    pub(super) fn reset(&self, id: u64) -> bool {
        self.change(id, |flow| flow.cuts += 1)
    }

    /// Every datagram of a flow takes that much longer from now on. False when it is gone.
    pub(super) fn slow(&self, id: u64, nanos: u64) -> bool {
        self.change(id, |flow| flow.slow_ns = nanos)
    }

    /// A bit of the next datagram of a flow is wrong. False when it is gone.
    pub(super) fn damage_next(&self, id: u64) -> bool {
        self.change(id, |flow| flow.damage_next = true)
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Flow)) -> bool {
        self.0.state.lock().flows.values_mut().find(|flow| flow.id == id).map(change).is_some()
    }

    /// Nothing is slow any more.
    pub(super) fn heal(&self) {
        self.0.state.lock().flows.values_mut().for_each(|flow| flow.slow_ns = 0);
    }

    /// The sockets of a life that has ended are gone, and nobody says so.
    pub(super) fn crash(&self, life: &Life) {
        let gone: Vec<Arc<Socket>> = {
            let state = &mut *self.0.state.lock();
            let ports = state.sockets.range((life.host, 0)..=(life.host, u16::MAX));
            let places: Vec<_> = ports.map(|(place, _)| *place).collect();
            places.iter().filter_map(|place| state.remove(*place)).collect()
        };
        drop(gone);
    }
}

impl State {
    fn remove(&mut self, place: (u32, u16)) -> Option<Arc<Socket>> {
        self.flows.retain(|ends, _| !ends.contains(&place));
        self.sockets.remove(&place)
    }
}

impl Inner {
    fn send(self: &Arc<Self>, from: (u32, u16), to: (u32, u16), content: &[u8]) {
        let state = &mut *self.state.lock();
        if content.len() > DATAGRAM_LEN_MAX {
            return self.kernel.recorder.count("datagrams: too long");
        }
        let (ends, direction) = if state.flows.contains_key(&[to, from]) { ([to, from], 1) } else { ([from, to], 0) };
        let flow = state.flows.entry(ends).or_insert_with(|| {
            let of_pair = state.began_by_pair.entry((ends[0].0, ends[1].0)).or_default();
            *of_pair += 1;
            let link = mix(&[ends[0].0.into(), ends[1].0.into(), *of_pair, 0xda7a]);
            let id = self.conditions.next_connection();
            Flow { id, link, sent: [0; 2], last_at: [0; 2], slow_ns: 0, damage_next: false, cuts: 0 }
        });
        flow.sent[direction] += 1;
        let number = flow.sent[direction];
        let fate = mix(&[self.kernel.seed, flow.link, direction as u64, number]);
        let (id, cuts) = (flow.id, flow.cuts);
        self.kernel.record("datagram", |line| {
            line.number(id).number(direction as u64).number(content.len() as u64).number(digest(content))
        });
        if self.conditions.is_lost(fate) {
            return;
        }
        let mut content = content.to_vec();
        if std::mem::take(&mut flow.damage_next) && !content.is_empty() {
            self.kernel.recorder.count(FaultKind::Corrupt.name());
            let bit = below(mix(&[fate, 6]), content.len() as u64 * 8) as usize;
            content[bit / 8] ^= 1 << (bit % 8);
        }
        for copy in 0..self.conditions.copies(|| fate) {
            let at = self.arrival(flow, direction, mix(&[fate, u64::from(copy)]));
            let content = Mutex::new(content.clone());
            let arrival = Arrival { of: Arc::downgrade(self), flow: ends, direction, cuts, content };
            self.kernel.schedule(at, Event::Fire(Arc::new(arrival), 0));
        }
    }

    /// When a datagram arrives: behind the one before it, unless it is held back.
    fn arrival(&self, flow: &mut Flow, direction: usize, fate: u64) -> u64 {
        let profile = &self.kernel.profile;
        let trip = 1 + profile.packet_ns_min + below(fate, profile.packet_jitter_ns) + flow.slow_ns;
        let at = self.kernel.now() + trip + self.conditions.delayed(fate);
        let in_order = at.max(flow.last_at[direction] + 1);
        match self.conditions.held_back(fate) {
            0 => {
                flow.last_at[direction] = in_order;
                in_order
            }
            nanos => at + nanos,
        }
    }

    fn arrive(&self, arrival: &Arrival) {
        let ends = arrival.flow;
        let (from, to) = (ends[arrival.direction], ends[1 - arrival.direction]);
        let (socket, id) = {
            let state = self.state.lock();
            let Some(flow) = state.flows.get(&ends).filter(|flow| flow.cuts == arrival.cuts) else { return };
            let Some(socket) = state.sockets.get(&to) else { return };
            (socket.clone(), flow.id)
        };
        if self.conditions.is_cut(from.0, to.0) {
            return self.kernel.recorder.count("datagrams: lost in a cut");
        }
        let content = std::mem::take(&mut *arrival.content.lock());
        let is_of_a_handshake = content.first().is_some_and(|first| first & LONG_HEADER != 0);
        if is_of_a_handshake && self.conditions.is_refusing(to.0) {
            return self.kernel.recorder.count("datagrams: a handshake was refused");
        }
        let reader = {
            let queue = &mut *socket.queue.lock();
            if queue.len + content.len() > RECEIVE_BUFFER_LEN {
                return self.kernel.recorder.count("datagrams: a socket was full");
            }
            self.kernel.record("datagram-arrives", |line| line.number(id).number(arrival.direction as u64));
            queue.len += content.len();
            queue.waiting.push_back((content, address(from)));
            queue.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Fire for Arrival {
    fn fire(self: Arc<Self>, _: &Arc<Kernel>, _: u64) {
        if let Some(datagrams) = self.of.upgrade() {
            datagrams.arrive(&self);
        }
    }
}

impl DatagramSocket {
    pub(crate) fn local_addr(&self) -> SocketAddr {
        address(self.place)
    }

    /// Sends, or loses: nobody hears which. What a life that has ended sends is nothing.
    pub(crate) fn send(&self, to: SocketAddr, content: &[u8]) {
        if let Some(host) = host_of(to.ip(), self.place.0).filter(|_| self.socket.life.is_alive()) {
            self.of.0.send(self.place, (host, to.port()), content);
        }
    }

    /// Takes what has arrived, at most so much of it, each with where it came from.
    pub(crate) fn poll_receive(
        &self,
        cx: &Context<'_>,
        count_max: usize,
        mut take: impl FnMut(&[u8], SocketAddr),
    ) -> Poll<usize> {
        let queue = &mut *self.socket.queue.lock();
        let count = queue.waiting.len().min(count_max);
        if count == 0 {
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for (content, from) in queue.waiting.drain(..count) {
            queue.len -= content.len();
            take(&content, from);
        }
        Poll::Ready(count)
    }
}

impl Drop for DatagramSocket {
    fn drop(&mut self) {
        let state = &mut *self.of.0.state.lock();
        if state.sockets.get(&self.place).is_some_and(|socket| Arc::ptr_eq(socket, &self.socket)) {
            state.remove(self.place);
        }
    }
}

fn address((host, port): (u32, u16)) -> SocketAddr {
    SocketAddr::new(ip_of(host), port)
}

/// A number that says of the content what the event log needs: that it was the same.
fn digest(content: &[u8]) -> u64 {
    let mut hasher = FixedHasher::default();
    let (words, rest) = content.as_chunks::<8>();
    words.iter().for_each(|word| hasher.write_u64(u64::from_le_bytes(*word)));
    hasher.write(rest);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sim, SimOptions};
    use std::task::Waker;
    use std::time::Duration;

    fn bind(sim: &Sim, host: &str) -> DatagramSocket {
        sim.network().datagrams().bind(&sim.life(host), 9).expect("a free port")
    }

    /// What has arrived, by its first byte.
    fn received(socket: &DatagramSocket) -> Vec<u8> {
        let mut all = Vec::new();
        let cx = Context::from_waker(Waker::noop());
        let _ = socket.poll_receive(&cx, usize::MAX, |content, _| all.push(content[0]));
        all
    }

    fn send(from: &DatagramSocket, to: &DatagramSocket, numbers: std::ops::Range<u8>, len: usize) {
        for number in numbers {
            from.send(to.local_addr(), &vec![number; len]);
        }
    }

    fn calm(seed: u64) -> Sim {
        let mut options = SimOptions::new(seed);
        options.profile.lost_packets = 0;
        Sim::new(options)
    }

    const LONG: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_not_lost_arrives_in_order_and_what_has_no_room_does_not() {
        for seed in 1..20 {
            let sim = calm(seed);
            let (a, b) = (bind(&sim, "a"), bind(&sim, "b"));
            send(&a, &b, 0..200, 1_400);
            sim.run_for(LONG);
            let room = (RECEIVE_BUFFER_LEN / 1_400) as u8;
            assert_eq!(received(&b), (0..room).collect::<Vec<u8>>());
            send(&a, &b, 0..3, DATAGRAM_LEN_MAX);
            send(&a, &b, 3..4, DATAGRAM_LEN_MAX + 1);
            sim.run_for(LONG);
            assert_eq!(received(&b), [0, 1, 2]);
        }
    }

    #[test]
    fn a_cut_keeps_nothing_and_what_a_reset_meets_under_way_is_gone() {
        let sim = calm(1);
        let (a, b) = (bind(&sim, "a"), bind(&sim, "b"));
        sim.network().cut("a", "b");
        send(&a, &b, 0..3, 10);
        send(&b, &a, 5..6, 10);
        sim.run_for(LONG);
        sim.network().mend("a", "b");
        sim.run_for(LONG);
        assert_eq!((received(&a), received(&b)), (vec![5], vec![]));
        send(&a, &b, 0..3, 10);
        let flow = sim.network().connections()[0].id;
        assert!(sim.network().reset(flow));
        send(&a, &b, 3..4, 10);
        sim.run_for(LONG);
        assert_eq!(received(&b), [3]);
    }

    #[test]
    fn a_life_that_has_ended_sends_and_receives_nothing_and_leaves_its_port_to_the_next() {
        let sim = calm(1);
        let (a, b) = (bind(&sim, "a"), bind(&sim, "b"));
        send(&a, &b, 0..1, 10);
        sim.crash("b");
        let again = bind(&sim, "b");
        sim.run_for(LONG);
        send(&b, &a, 1..2, 10);
        drop(b);
        send(&a, &again, 2..3, 10);
        sim.run_for(LONG);
        assert_eq!((received(&a), received(&again)), (vec![], vec![2]));
        assert_eq!(sim.network().connections().len(), 1, "the flow of the life before");
    }
}
