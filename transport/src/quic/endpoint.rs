//! A QUIC endpoint whose randomness and time of day are those of its node's seams.

use super::machine::Machine;
use parking_lot::Mutex;
use quinn::{
    ClientConfig, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, ServerConfig, TimeSource,
    TransportConfig,
};
use quinn_proto::InvalidCid;
use rand_core::Rng;
use ring::{hkdf, hmac};
use rusm_core::seam::{Clock, Entropy, RandomStream, Seams};
use siphasher::sip::SipHasher13;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Of the identifiers that this side gives its connections, the random bytes, and those that prove that they are its own.
const NONCE_LEN: usize = 4;
const PROOF_LEN: usize = 4;

/// Bytes of the identifier that a connection has until the other side has given it one: what nobody guesses.
const FIRST_CONNECTION_ID_LEN: usize = 20;

/// Opens an endpoint that listens there, and lets others in as `server` says.
pub(super) fn open(
    machine: &dyn Machine,
    seams: &Seams,
    server: ServerConfig,
    listen: SocketAddr,
) -> io::Result<Endpoint> {
    let server = with_seams(server, seams);
    Endpoint::new_with_abstract_socket(config(&*seams.entropy), Some(server), machine.bind(listen)?, machine.runtime())
}

fn config(entropy: &dyn Entropy) -> EndpointConfig {
    let mut random = entropy.stream("quic endpoint");
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes::<64>(&mut random))));
    config.rng_seed(Some(bytes(&mut random)));
    let key = bytes(&mut random);
    let random = Arc::new(Mutex::new(entropy.stream("quic connection ids")));
    config.cid_generator(move || {
        Box::new(ConnectionIds { proof: SipHasher13::new_with_key(&key), random: random.clone() })
    });
    config
}

fn with_seams(mut server: ServerConfig, seams: &Seams) -> ServerConfig {
    let key = bytes::<64>(&mut seams.entropy.stream("quic tokens"));
    server.token_key(Arc::new(hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&key)));
    server.time_source(Arc::new(TimeOfDay(seams.clock.clone())));
    server
}

/// How an endpoint dials, over connections like these.
pub(super) fn dialling(mut client: ClientConfig, seams: &Seams, transport: Arc<TransportConfig>) -> ClientConfig {
    let random = Mutex::new(seams.entropy.stream("quic first connection ids"));
    client.initial_dst_cid_provider(Arc::new(move || {
        ConnectionId::new(&bytes::<FIRST_CONNECTION_ID_LEN>(&mut random.lock()))
    }));
    client.transport_config(transport);
    client
}

fn bytes<const LEN: usize>(random: &mut RandomStream) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    random.fill_bytes(&mut bytes);
    bytes
}

/// Random identifiers which this endpoint knows for its own: what is for none of them is thrown away without an answer.
///
/// They are quinn's `HashedConnectionIdGenerator`, which draws from the machine.
struct ConnectionIds {
    proof: SipHasher13,
    random: Arc<Mutex<RandomStream>>,
}

impl ConnectionIds {
    fn proof(&self, nonce: &[u8]) -> [u8; PROOF_LEN] {
        let hash = self.proof.hash(nonce).to_le_bytes();
        std::array::from_fn(|i| hash[i])
    }
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let nonce: [u8; NONCE_LEN] = bytes(&mut self.random.lock());
        ConnectionId::new(&[&nonce[..], &self.proof(&nonce)].concat())
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        let (nonce, proof) = id.split_at_checked(NONCE_LEN).ok_or(InvalidCid)?;
        if self.proof(nonce) == proof { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        NONCE_LEN + PROOF_LEN
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// The clock's time of day, for quinn and for TLS.
pub(super) struct TimeOfDay(pub(super) Arc<dyn Clock>);

impl TimeSource for TimeOfDay {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + self.0.wall()
    }
}

impl rustls::time_provider::TimeProvider for TimeOfDay {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(rustls::pki_types::UnixTime::since_unix_epoch(self.0.wall()))
    }
}

impl std::fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TimeOfDay")
    }
}
