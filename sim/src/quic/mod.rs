//! The cluster over QUIC: the driver that production runs, on the run's executor, clocks and UDP, with TLS that draws from the
//! seed. It is slower than the [links](crate::links), and shows what they hide.

mod crypto;
mod runtime;
mod socket;

use crate::cluster_wire::JOINED;
use crate::executor::{Kernel, Life};
use crate::network::Network;
use crate::seed::generator;
use crypto::Slots;
use parking_lot::Mutex;
use quinn::AsyncUdpSocket;
use runtime::SeamRuntime;
use rusm_core::Node;
use rusm_core::seam::Seams;
use rusm_transport::cluster::{Cluster, ClusterOptions};
use rusm_transport::proto::{Identity, Role};
use rusm_transport::quic::{Authority, Credentials, Inspected, Issued, Machine, MemberOptions, QuicMember, Serial};
use rustls::crypto::CryptoProvider;
use socket::Socket;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The port on which every node listens.
const PORT: u16 = 4370;

/// Certificates count from so long before a run on, so that a clock that is set back by a day still finds them good.
const BEFORE: Duration = Duration::from_secs(30 * 86_400);

/// And for so long.
const VALID: Duration = Duration::from_secs(3650 * 86_400);

/// For so long those that have expired before the run.
const SHORTLY_VALID: Duration = Duration::from_secs(86_400);

/// The members of a run.
pub(crate) struct Quic {
    kernel: Arc<Kernel>,
    /// The time of day at the start of the run.
    start_of_day: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the number of their cluster.
    authorities: BTreeMap<u128, Authority>,
    /// The certificates of the hosts, each of the authority of its cluster; and those that have expired.
    issued: BTreeMap<(u128, String, bool), Issued>,
    expired: BTreeSet<String>,
    /// The certificates that count no more.
    revoked: BTreeSet<Serial>,
    members: BTreeMap<String, (u128, QuicMember)>,
    slots: Slots,
}

impl Quic {
    pub(crate) fn new(kernel: Arc<Kernel>, start_of_day: Duration) -> Self {
        Self { kernel, start_of_day, state: Mutex::default() }
    }

    /// The node, which runs in that life of its host, takes part from now on.
    ///
    /// # Panics
    /// When it does already, or has a name that no certificate can carry.
    pub(crate) fn join(&self, network: &Network, node: &Node, life: &Arc<Life>, options: ClusterOptions) -> Cluster {
        let ClusterOptions { cluster, nodes, config, .. } = options;
        let at = |name: &str| network.address(name).map(|ip| SocketAddr::new(ip, PORT));
        let own = node.name();
        let state = &mut *self.state.lock();
        let options = MemberOptions {
            listen: at(own).expect("a node runs on a host"),
            credentials: state.credentials(self.kernel.seed, cluster, own, self.start_of_day),
            advertise: None,
            join: nodes.iter().filter(|name| *name != own).filter_map(|name| at(name)).collect(),
            config,
        };
        let purpose = format!("tls {own} {}", life.number);
        let crypto = state.slots.provider(self.kernel.seed, &purpose);
        let (seams, network) = (node.seams().clone(), network.clone());
        let machine = SimMachine { seams, network, life: life.clone(), crypto };
        let member = QuicMember::start_on(&machine, node, options).expect("a node joins once");
        let started = member.cluster().clone();
        self.kernel.recorder.count(JOINED);
        state.members.insert(own.to_owned(), (cluster, member));
        started
    }

    /// Whether the certificate has expired that a host shows from now on, in this life and the next.
    pub(crate) fn set_expired(&self, host: &str, expired: bool) {
        let state = &mut *self.state.lock();
        let changed = if expired { state.expired.insert(host.to_owned()) } else { state.expired.remove(host) };
        let Some((cluster, _)) = state.members.get(host).filter(|_| changed) else { return };
        let credentials = state.credentials(self.kernel.seed, *cluster, host, self.start_of_day);
        if let Some((_, member)) = state.members.get(host) {
            member.renew(&credentials).expect("it is the same node's, of the same authority");
        }
    }

    /// The certificate of that host counts no more, and a member is told so.
    pub(crate) fn revoke(&self, host: &str, told: &str, time_of_day: Duration) {
        let state = &mut *self.state.lock();
        let Some((cluster, _)) = state.members.get(told) else { return };
        let cluster = *cluster;
        state.credentials(self.kernel.seed, cluster, host, self.start_of_day);
        let certificates = state.issued.iter().filter(|((of, name, _), _)| *of == cluster && name == host);
        let serial =
            |issued: &Issued| Inspected::of_pem(&issued.certificate).expect("a certificate of this run").serial;
        state.revoked.extend(certificates.map(|(_, issued)| serial(issued)));
        let number = state.revoked.len() as u64;
        let list = state.authorities[&cluster].revoke(number, &state.revoked, time_of_day).expect("a time of this run");
        state.members[told].1.revoke(&list).expect("the list of its own authority");
    }

    /// What the life of a host that has ended leaves behind.
    pub(crate) fn crashed(&self, host: &str) {
        let member = self.state.lock().members.remove(host);
        drop(member);
    }
}

impl State {
    fn credentials(&mut self, seed: u64, cluster: u128, host: &str, start_of_day: Duration) -> Credentials {
        let from = start_of_day - BEFORE;
        let authority = self.authorities.entry(cluster).or_insert_with(|| {
            let random = Box::new(generator(seed, &format!("authority {cluster}")));
            Authority::of_random(random, from, VALID).expect("a time before the year 9999")
        });
        let expired = self.expired.contains(host);
        let valid = if expired { SHORTLY_VALID } else { VALID };
        let issued = self.issued.entry((cluster, host.to_owned(), expired)).or_insert_with(|| {
            let holder = Identity { name: host.to_owned(), role: Role::Node };
            authority.issue(&holder, from, valid).expect("a name that a certificate can carry")
        });
        Credentials::of_pem(authority.certificate(), &issued.certificate, &issued.key).expect("they were made together")
    }
}

/// One life of a host.
struct SimMachine {
    seams: Seams,
    network: Network,
    life: Arc<Life>,
    crypto: Arc<CryptoProvider>,
}

impl Machine for SimMachine {
    fn runtime(&self) -> Arc<dyn quinn::Runtime> {
        Arc::new(SeamRuntime { clock: self.seams.clock.clone(), executor: self.seams.executor.clone() })
    }

    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Ok(Arc::new(Socket(self.network.datagrams().bind(&self.life, address.port())?)))
    }

    fn crypto(&self) -> Arc<CryptoProvider> {
        self.crypto.clone()
    }
}
