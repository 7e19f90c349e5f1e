//! A member that does not keep to the protocol: its connection is closed, and nobody else notices.

use crate::support::{Member, authority, issue, loopback, within};
use quinn::crypto::rustls::QuicClientConfig;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use rusm_transport::quic::{Authority, Issued};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;

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

/// A certificate that names the authority, which has not signed it.
pub(crate) fn forge(authority: &Authority, node: &str) -> Issued {
    let other = KeyPair::generate().expect("a key");
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
