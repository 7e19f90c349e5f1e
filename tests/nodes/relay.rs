//! Carries the UDP packets of a cluster's nodes, and does to them what networks do: the fate of each packet follows from the
//! seed, its link and its number.
//!
//! Each node advertises a socket of the relay. What arrives there from one node is handed to the other from the socket that stands
//! for the first, so that both know each other by the relay's addresses only.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;

const PACKET_LEN_MAX: usize = 64 << 10;

/// What happens to packets of one direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// None arrives.
    pub(crate) cut: bool,
    /// So many of 1000 are lost.
    pub(crate) lost: u16,
    /// So many of 1000 come twice.
    pub(crate) twice: u16,
    /// Each takes so long,
    pub(crate) delay: Duration,
    /// and up to so much more: packets overtake each other.
    pub(crate) jitter: Duration,
}

/// What has happened to packets.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) carried: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) twice: AtomicU64,
    pub(crate) delayed: AtomicU64,
    pub(crate) cut: AtomicU64,
}

pub(crate) struct Relay {
    shared: Arc<Shared>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

struct Shared {
    seed: u64,
    places: BTreeMap<String, Arc<UdpSocket>>,
    state: Mutex<State>,
    counts: Counts,
}

#[derive(Default)]
struct State {
    /// Where the nodes themselves listen.
    nodes: BTreeMap<String, SocketAddr>,
    /// From one node to another.
    weather: BTreeMap<(String, String), Weather>,
    packets: BTreeMap<(String, String), u64>,
}

impl Relay {
    /// A relay for nodes of these names, on free ports.
    pub(crate) async fn start(seed: u64, names: &[&str]) -> Self {
        let mut places = BTreeMap::new();
        for name in names {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
            places.insert((*name).to_owned(), Arc::new(socket));
        }
        let shared = Arc::new(Shared { seed, places, state: Mutex::default(), counts: Counts::default() });
        let carry = |name: &&str| tokio::spawn(carry(shared.clone(), (*name).to_owned()));
        let tasks = names.iter().map(carry).collect();
        Self { shared, tasks }
    }

    /// Where others dial that node.
    pub(crate) fn place(&self, node: &str) -> SocketAddr {
        self.shared.places[node].local_addr().expect("it is bound")
    }

    /// The node itself listens there.
    pub(crate) fn is_at(&self, node: &str, address: SocketAddr) {
        self.shared.state.lock().nodes.insert(node.to_owned(), address);
    }

    /// From now on, in that direction.
    pub(crate) fn set(&self, from: &str, to: &str, weather: Weather) {
        self.shared.state.lock().weather.insert((from.to_owned(), to.to_owned()), weather);
    }

    /// The same on all links of a node.
    pub(crate) fn set_around(&self, node: &str, weather: Weather) {
        for other in self.shared.places.keys().filter(|other| *other != node) {
            self.set(node, other, weather);
            self.set(other, node, weather);
        }
    }

    /// All links are as good as new.
    pub(crate) fn heal(&self) {
        self.shared.state.lock().weather.clear();
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Carries what comes to the socket that stands for `to`.
async fn carry(shared: Arc<Shared>, to: String) {
    let mut packet = vec![0; PACKET_LEN_MAX];
    loop {
        // A port that nobody listens on any more shows here, and is no reason to stop.
        let Ok((len, source)) = shared.places[&to].recv_from(&mut packet).await else { continue };
        let Some((from, fate)) = shared.judge(source, &to) else { continue };
        for delay in fate {
            let (bytes, shared, from, to) = (packet[..len].to_vec(), shared.clone(), from.clone(), to.clone());
            if delay.is_zero() {
                shared.deliver(&from, &to, &bytes).await;
            } else {
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    shared.deliver(&from, &to, &bytes).await;
                });
            }
        }
    }
}

impl Shared {
    /// Who has sent a packet, and after how long it arrives each time. Of a stranger there is none.
    fn judge(&self, source: SocketAddr, to: &str) -> Option<(String, Vec<Duration>)> {
        let mut state = self.state.lock();
        let from = state.nodes.iter().find(|(_, address)| **address == source).map(|(name, _)| name.clone())?;
        let link = (from.clone(), to.to_owned());
        let number = state.packets.entry(link.clone()).or_default();
        *number += 1;
        let number = *number;
        let weather = state.weather.get(&link).copied().unwrap_or_default();
        drop(state);
        let mut random = Random::of(self.seed, &link, number);
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        if weather.cut {
            count(&self.counts.cut);
            return Some((from, Vec::new()));
        }
        if random.below(1000) < weather.lost.into() {
            count(&self.counts.lost);
            return Some((from, Vec::new()));
        }
        let mut once = || weather.delay + weather.jitter.mul_f64(random.below(1 << 20) as f64 / f64::from(1 << 20));
        let mut fate = vec![once()];
        if !fate[0].is_zero() {
            count(&self.counts.delayed);
        }
        let again = once();
        if random.below(1000) < weather.twice.into() {
            count(&self.counts.twice);
            fate.push(again);
        }
        count(&self.counts.carried);
        Some((from, fate))
    }

    async fn deliver(&self, from: &str, to: &str, bytes: &[u8]) {
        let address = self.state.lock().nodes.get(to).copied();
        if let Some(address) = address {
            // A node that is not there takes nothing.
            let _ = self.places[from].send_to(bytes, address).await;
        }
    }
}

/// Numbers that follow from what they are for. Source: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn of(seed: u64, (from, to): &(String, String), number: u64) -> Self {
        let link = from.bytes().chain([b'>']).chain(to.bytes());
        let start = link.fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(start ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
