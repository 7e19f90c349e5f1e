//! TLS 1.3 between members: who is let in, and what a certificate says of its holder.

use super::credentials::{Credentials, CredentialsError};
use crate::proto::{Identity, Role};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use std::sync::Arc;

/// What the two sides speak, for TLS: another major version of the protocol has another.
const ALPN: &[u8] = b"rusm/1";

/// The name that a certificate carries for its holder: the holder's own, and what it is.
pub(super) struct Named(pub(super) String);

const SUFFIXES: [(Role, &str); 2] = [(Role::Node, ".node.rusm"), (Role::Operator, ".operator.rusm")];

/// `None` when the name cannot stand in a certificate.
pub(super) fn name_in_certificate(holder: &Identity) -> Option<Named> {
    let name = &holder.name;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let usable =
        (1..=63).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-') && !name.ends_with('-');
    let suffix = SUFFIXES.into_iter().find(|(role, _)| *role == holder.role)?.1;
    usable.then(|| Named(format!("{name}{suffix}")))
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

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn authorities(credentials: &Credentials) -> Result<Arc<RootCertStore>, CredentialsError> {
    let mut authorities = RootCertStore::empty();
    authorities.add(credentials.authority.clone()).map_err(CredentialsError::Authority)?;
    Ok(Arc::new(authorities))
}

/// How others are let in: with a certificate of the cluster's authority, and not without.
pub(super) fn server(credentials: &Credentials) -> Result<quinn::ServerConfig, CredentialsError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(authorities(credentials)?, provider()).build();
    let verifier = verifier.map_err(|error| CredentialsError::Verifier(error.to_string()))?;
    let config = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13]);
    let config = config.map_err(CredentialsError::Tls)?.with_client_cert_verifier(verifier);
    let (chain, key) = credentials.certificate();
    let mut config = config.with_single_cert(chain, key).map_err(CredentialsError::Tls)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    let config = QuicServerConfig::try_from(config).expect("TLS 1.3 has QUIC's first cipher suite");
    Ok(quinn::ServerConfig::with_crypto(Arc::new(config)))
}

/// How others are dialled: they must be who was dialled.
pub(super) fn client(credentials: &Credentials) -> Result<quinn::ClientConfig, CredentialsError> {
    let config = client_builder()?.with_root_certificates(authorities(credentials)?);
    finish(credentials, config)
}

/// How an address is asked who is there: any member of the cluster may answer.
pub(super) fn introduction(credentials: &Credentials) -> Result<quinn::ClientConfig, CredentialsError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(authorities(credentials)?, provider()).build();
    let verifier = verifier.map_err(|error| CredentialsError::Verifier(error.to_string()))?;
    let config = client_builder()?.dangerous().with_custom_certificate_verifier(Arc::new(AnyMember(verifier)));
    finish(credentials, config)
}

fn client_builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, CredentialsError> {
    let config = ClientConfig::builder_with_provider(provider());
    config.with_protocol_versions(&[&rustls::version::TLS13]).map_err(CredentialsError::Tls)
}

fn finish(
    credentials: &Credentials,
    config: rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
) -> Result<quinn::ClientConfig, CredentialsError> {
    let (chain, key) = credentials.certificate();
    let mut config = config.with_client_auth_cert(chain, key).map_err(CredentialsError::Tls)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    let config = QuicClientConfig::try_from(config).expect("TLS 1.3 has QUIC's first cipher suite");
    Ok(quinn::ClientConfig::new(Arc::new(config)))
}

/// Checks everything of a certificate but which member it names.
#[derive(Debug)]
struct AnyMember(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyMember {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let no_member = || rustls::Error::General("the certificate names no node of a cluster".to_owned());
        let Named(name) = holder(end_entity).and_then(|holder| name_in_certificate(&holder)).ok_or_else(no_member)?;
        let name = ServerName::try_from(name).map_err(|_| no_member())?;
        self.0.verify_server_cert(end_entity, intermediates, &name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
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
