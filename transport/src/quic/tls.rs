//! TLS 1.3 between members: who is let in, and what a certificate says of its holder.

use super::credentials::CredentialsError;
use super::endpoint::TimeOfDay;
use super::own::Own;
use super::trust::{Answering, Trust};
use crate::proto::{Identity, Role};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rusm_core::seam::Clock;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;

/// What the two sides speak, for TLS: another major version of the protocol has another.
const ALPN: &[u8] = b"rusm/1";

/// The name that a certificate carries for its holder: the holder's own, and what it is.
pub(super) struct Named(pub(super) String);

const SUFFIXES: [(Role, &str); 2] = [(Role::Node, ".node.rusm"), (Role::Operator, ".operator.rusm")];

/// Whether a node of a cluster may have that name: 1 to 63 lower-case letters, digits and `-`, and no `-` at its ends.
pub fn is_node_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-') && !name.ends_with('-')
}

/// `None` when the name cannot stand in a certificate.
pub(super) fn name_in_certificate(holder: &Identity) -> Option<Named> {
    let name = &holder.name;
    let suffix = SUFFIXES.into_iter().find(|(role, _)| *role == holder.role)?.1;
    is_node_name(name).then(|| Named(format!("{name}{suffix}")))
}

/// Whom a certificate names; it was checked before. `None` when it names no member, or several.
pub(super) fn holder(certificate: &CertificateDer<'_>) -> Option<Identity> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut names = certificate.valid_dns_names();
    let (Some(name), None) = (names.next(), names.next()) else { return None };
    let (role, suffix) = SUFFIXES.into_iter().find(|(_, suffix)| name.ends_with(suffix))?;
    let identity = Identity { name: name.strip_suffix(suffix)?.to_owned(), role };
    name_in_certificate(&identity).map(|_| identity)
}

/// What production's TLS is made of.
pub(super) fn ring() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What TLS is made of, and whose time of day says which certificates count.
#[derive(Clone)]
pub(super) struct Ingredients {
    pub(super) crypto: Arc<CryptoProvider>,
    pub(super) clock: Arc<dyn Clock>,
}

/// How others are let in: with a certificate of the cluster's authority, and not without.
pub(super) fn server(
    Ingredients { crypto, clock }: Ingredients,
    trust: Arc<Trust>,
    own: Arc<Own>,
) -> Result<quinn::ServerConfig, CredentialsError> {
    let config = ServerConfig::builder_with_details(crypto, Arc::new(TimeOfDay(clock)));
    let config = config.with_protocol_versions(&[&rustls::version::TLS13]);
    let config = config.map_err(CredentialsError::Tls)?.with_client_cert_verifier(trust);
    let mut config = config.with_cert_resolver(own);
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Who resumes a session is not asked for a certificate, which may have been revoked meanwhile.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    let config = QuicServerConfig::try_from(config).expect("TLS 1.3 has QUIC's first cipher suite");
    Ok(quinn::ServerConfig::with_crypto(Arc::new(config)))
}

/// How others are dialled: they must be who was dialled, or, when an address is asked who is there, any member.
pub(super) fn client(
    Ingredients { crypto, clock }: Ingredients,
    answering: Answering,
    own: Arc<Own>,
) -> Result<quinn::ClientConfig, CredentialsError> {
    let config = ClientConfig::builder_with_details(crypto, Arc::new(TimeOfDay(clock)));
    let config = config.with_protocol_versions(&[&rustls::version::TLS13]).map_err(CredentialsError::Tls)?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(answering));
    let mut config = config.with_client_cert_resolver(own);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    let config = QuicClientConfig::try_from(config).expect("TLS 1.3 has QUIC's first cipher suite");
    Ok(quinn::ClientConfig::new(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_certificate_is_a_label_and_a_role() {
        let check = |name: &str, role: Role, expected: Option<&str>| {
            let found = name_in_certificate(&Identity { name: name.to_owned(), role });
            assert_eq!(found.map(|Named(name)| name).as_deref(), expected, "{name}");
        };
        check("a", Role::Node, Some("a.node.rusm"));
        check("eu-west-1", Role::Operator, Some("eu-west-1.operator.rusm"));
        check(&"x".repeat(63), Role::Node, Some(&format!("{}.node.rusm", "x".repeat(63))));
        for name in ["", "A", "a.b", "a b", "-a", "a-", "ä", &"x".repeat(64)] {
            check(name, Role::Node, None);
        }
    }
}
