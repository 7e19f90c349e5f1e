//! A member that does not keep to the protocol: its connection is closed, and nobody else notices.

use crate::support::{Member, authority, credentials, issue, loopback, within};
use bytes::BytesMut;
use quinn::crypto::rustls::QuicClientConfig;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SignatureAlgorithm};
use rusm_core::{ExitReason, NodeId, Pid, Reference, RemoteKind, RemoteSignal, RemoteTarget};
use rusm_transport::proto::{Config, Envelope, Frame, Hello, LANE_STREAMS, Lane};
use rusm_transport::quic::{Authority, Issued};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Somebody with a certificate, and with software of his own.
pub(crate) fn client(authority: &Authority, issued: &Issued) -> (quinn::Endpoint, quinn::ClientConfig) {
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate(authority.certificate())).expect("an authority");
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[&rustls::version::TLS13]).expect("the provider has it");
    let config = config.with_root_certificates(roots);
    let mut config = config.with_client_auth_cert(vec![certificate(&issued.certificate)], key).expect("they fit");
    config.alpn_protocols = vec![b"rusm/1".to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).expect("TLS 1.3")));
    (quinn::Endpoint::client(loopback()).expect("a free port"), config)
}

/// A connection of such a one.
pub(crate) async fn connect(
    authority: &Authority,
    issued: &Issued,
    address: SocketAddr,
) -> (quinn::Endpoint, quinn::Connection) {
    let (endpoint, config) = client(authority, issued);
    let connecting = endpoint.connect_with(config, address, "a.node.rusm").expect("an address");
    let quic = within(connecting).await.expect("its certificate is good");
    (endpoint, quic)
}

/// A certificate that names the authority, which has not signed it: with a key of that kind.
pub(crate) fn forge(authority: &Authority, node: &str, kind: &'static SignatureAlgorithm) -> Issued {
    let other = KeyPair::generate_for(kind).expect("a key");
    let issuer = Issuer::from_ca_cert_pem(authority.certificate(), other).expect("an authority");
    let (parameters, key) = parameters(&format!("{node}.node.rusm"));
    let certificate = parameters.signed_by(&key, &issuer).expect("a certificate");
    Issued { certificate: certificate.pem(), key: key.serialize_pem() }
}

/// A certificate of no authority at all.
pub(crate) fn self_signed(name: &str) -> Issued {
    let (parameters, key) = parameters(name);
    let certificate = parameters.self_signed(&key).expect("a certificate");
    Issued { certificate: certificate.pem(), key: key.serialize_pem() }
}

fn parameters(name: &str) -> (CertificateParams, KeyPair) {
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    (parameters, KeyPair::generate().expect("a key"))
}

/// Writes each of these to a stream of its own, and waits until the node closes the connection.
async fn check(what: &str, streams: &[&[u8]]) {
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "before").await, "before", "{what}");
    let (_endpoint, quic) = connect(&authority, &issue(&authority, "rogue"), a.address()).await;
    let mut open = Vec::new();
    for bytes in streams {
        let mut stream = within(quic.open_uni()).await.expect("a node takes streams");
        // The node may have closed the connection before.
        let _ = stream.write_all(bytes).await;
        open.push(stream);
    }
    within(quic.closed()).await;
    assert_eq!(b.ask("a", "after").await.as_deref(), Ok("after"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_closes_the_connection_of_who_sends_it() {
    let control = |bytes: &[u8]| [&[0, 0], bytes].concat();
    check("a stream that there is not", &[&[0x27, 0x0f, 1, 2, 3]]).await;
    check("one stream twice", &[&[0, 1, 0], &[0, 1, 0]]).await;
    check("garbage for control", &[&control(&[0xff; 64])]).await;
    check("a frame that announces 4 GiB", &[&control(&[0xff, 0xff, 0xff, 0xff, 0, 0])]).await;
    check("a signal before anybody has said who it is", &[&[&[0, 1][..], &[0, 0, 0, 8], &[1; 8]].concat()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_says_who_it_is_is_closed_after_the_handshakes_time() {
    check("silence", &[]).await;
    check("half a frame", &[&[0, 0, 0]]).await;
}

/// The streams of somebody who is a node by all that he says, with software of his own: he has shaken hands.
struct Rogue {
    quic: quinn::Connection,
    streams: BTreeMap<u16, quinn::SendStream>,
    _endpoint: quinn::Endpoint,
}

impl Rogue {
    async fn start(authority: &Authority, address: SocketAddr) -> Self {
        let issued = issue(authority, "rogue");
        let cluster = credentials(authority, &issued).cluster();
        let (endpoint, quic) = connect(authority, &issued, address).await;
        let mut rogue = Self { quic, streams: BTreeMap::new(), _endpoint: endpoint };
        let hello = Hello { dial: 1, ..Hello::new("rogue", 1, cluster, &Config::default()) };
        rogue.write(0, &Frame::Hello(hello)).await;
        let mut answers = within(rogue.quic.accept_uni()).await.expect("it answers");
        let mut answer = [0; 3];
        within(answers.read_exact(&mut answer)).await.expect("a welcome");
        assert_eq!(answer, [0, 0, 2], "its control stream, and a welcome");
        tokio::spawn(async move { while let Ok(Some(_)) = answers.read_chunk(1 << 16, true).await {} });
        rogue.write(0, &Frame::Ready).await;
        rogue
    }

    async fn write(&mut self, stream: u16, frame: &Frame) {
        let mut bytes = BytesMut::new();
        if !self.streams.contains_key(&stream) {
            self.streams.insert(stream, within(self.quic.open_uni()).await.expect("a node takes streams"));
            bytes.extend_from_slice(&stream.to_be_bytes());
        }
        frame.encode(&mut bytes);
        let stream = self.streams.get_mut(&stream).expect("it was opened");
        within(stream.write_all(&bytes)).await.expect("the node takes it");
    }

    async fn signal(&mut self, from: Pid, to: RemoteTarget, kind: RemoteKind) {
        let lane = Lane::of(from);
        let bytes = Envelope::new(RemoteSignal { from, to, kind }).encode();
        self.write(1 + lane.0 % LANE_STREAMS, &Frame::Signal(lane, bytes)).await;
    }
}

fn pid(node: &str, index: u32) -> Pid {
    Pid { node: NodeId::of_name(node), incarnation: 1, index, serial: 0, random: 7 }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_for_processes_of_others_or_floods_with_senders_and_receivers_that_there_are_not_harms_nobody() {
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "before").await, "before");
    let victim = a.node.whereis("echo").expect("it is registered");
    let mut rogue = Rogue::start(&authority, a.address()).await;
    let kill = || RemoteKind::Exit { reason: ExitReason::KILL, linked: false };
    // In the name of a process of a, of b, and for one of b.
    for (from, to) in [(victim, victim), (pid("b", 1), victim), (pid("rogue", 1), pid("b", 1))] {
        rogue.signal(from, RemoteTarget::Pid(to), kill()).await;
    }
    // As many senders as there are lanes, and links and monitors of processes that there are not.
    for index in 0..70_000 {
        let from = pid("rogue", index);
        let monitor = Reference { node: from.node, incarnation: 1, index, serial: index.into(), random: 7 };
        match index % 3 {
            0 => rogue.signal(from, RemoteTarget::Pid(pid("a", index)), RemoteKind::Link).await,
            1 => rogue.signal(from, RemoteTarget::Pid(pid("a", index)), RemoteKind::Monitor { monitor }).await,
            _ => {
                rogue
                    .signal(from, RemoteTarget::Name("nobody".to_owned()), RemoteKind::Alive { request: monitor })
                    .await
            }
        }
    }
    assert_eq!(b.ask("a", "after").await.as_deref(), Ok("after"));
    assert_eq!(a.node.whereis("echo"), Some(victim), "it lives");
    assert!(rogue.quic.close_reason().is_none(), "what it may not say was refused, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_opens_more_streams_than_the_protocol_has() {
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "before").await, "before");
    let (_endpoint, quic) = connect(&authority, &issue(&authority, "rogue"), a.address()).await;
    let mut open = Vec::new();
    for number in 0..LANE_STREAMS + 2 {
        let mut stream = within(quic.open_uni()).await.expect("as many as there are lanes, control, and revocations");
        if number <= LANE_STREAMS {
            stream.write_all(&number.to_be_bytes()).await.expect("it is open");
        }
        open.push(stream);
    }
    let more = tokio::time::timeout(Duration::from_millis(300), quic.open_uni()).await;
    assert!(more.is_err(), "one more waits for ever: {more:?}");
    let both_ways = tokio::time::timeout(Duration::from_millis(300), quic.open_bi()).await;
    assert!(both_ways.is_err(), "and so does one for both ways");
    // One after the other, each given up at once: it costs the node nothing that stays.
    let (_endpoint, quic) = connect(&authority, &issue(&authority, "rogue"), a.address()).await;
    for _ in 0..100_000 {
        let Ok(mut stream) = quic.open_uni().await else { break };
        if stream.write_all(&[0xff, 0xff]).await.is_err() {
            break;
        }
        let _ = stream.reset(0u32.into());
    }
    assert_eq!(b.ask("a", "after").await.as_deref(), Ok("after"));
}
