use super::credentials::{Credentials, CredentialsError};
use super::refused::Refused;
use super::revocations::{Revocations, serial_of};
use super::tls::{Named, holder, name_in_certificate, ring};
use parking_lot::{Mutex, RwLock};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whose certificates count: those that the cluster's authority has signed and not revoked.
#[derive(Debug)]
pub(super) struct Trust {
    authority: CertificateDer<'static>,
    servers: Arc<WebPkiServerVerifier>,
    clients: Arc<dyn ClientCertVerifier>,
    revocations: RwLock<Option<Revocations>>,
    /// Whose certificates were refused as revoked.
    refused: Mutex<BTreeSet<String>>,
}

impl Trust {
    pub(super) fn new(credentials: &Credentials) -> Result<Arc<Self>, CredentialsError> {
        let mut authorities = RootCertStore::empty();
        authorities.add(credentials.authority.clone()).map_err(CredentialsError::Authority)?;
        let authorities = Arc::new(authorities);
        let verifier = |error: rustls::server::VerifierBuilderError| CredentialsError::Verifier(error.to_string());
        let servers = WebPkiServerVerifier::builder_with_provider(authorities.clone(), ring()).build();
        let clients = WebPkiClientVerifier::builder_with_provider(authorities, ring()).build();
        Ok(Arc::new(Self {
            authority: credentials.authority.clone(),
            servers: servers.map_err(verifier)?,
            clients: clients.map_err(verifier)?,
            revocations: RwLock::new(None),
            refused: Mutex::default(),
        }))
    }

    /// The cluster's authority.
    pub(super) fn authority(&self) -> &CertificateDer<'static> {
        &self.authority
    }

    /// The list that counts.
    pub(super) fn revocations(&self) -> Option<Revocations> {
        self.revocations.read().clone()
    }

    /// From now on this list counts. False when the one that does is as new.
    pub(super) fn install(&self, revocations: Revocations) -> bool {
        let mut present = self.revocations.write();
        let newer = present.as_ref().is_none_or(|present| present.number() < revocations.number());
        if newer {
            *present = Some(revocations);
        }
        newer
    }

    pub(super) fn is_revoked(&self, certificate: &CertificateDer<'_>) -> bool {
        let revocations = self.revocations.read();
        let Some(revocations) = &*revocations else { return false };
        // What cannot be read has no number that a list could name.
        serial_of(certificate).is_none_or(|serial| revocations.serials().contains(&serial))
    }

    /// Whether a certificate of that node was refused as revoked since this was asked last.
    pub(super) fn has_refused(&self, node: &str) -> bool {
        self.refused.lock().remove(node)
    }

    fn check_revoked(&self, certificate: &CertificateDer<'_>) -> Result<(), Refused> {
        if self.is_revoked(certificate) {
            let name = holder(certificate).map_or_else(|| "a stranger".to_owned(), |holder| holder.name);
            self.refused.lock().insert(name.clone());
            return Err(Refused::Revoked(name));
        }
        Ok(())
    }
}

impl ClientCertVerifier for Trust {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.clients.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.clients.verify_client_cert(end_entity, intermediates, now);
        let verified = verified.map_err(|error| Refused::of(error, end_entity))?;
        self.check_revoked(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.clients.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.clients.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.clients.supported_verify_schemes()
    }
}

/// Who may answer a dial.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) trust: Arc<Trust>,
    /// Whichever member it is, rather than the one that was dialled.
    pub(super) anyone: bool,
}

impl ServerCertVerifier for Answering {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        dialled: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let servers = &self.trust.servers;
        let refused = |error| Refused::of(error, end_entity);
        let verified = if self.anyone {
            let Named(name) =
                holder(end_entity).and_then(|holder| name_in_certificate(&holder)).ok_or(Refused::NoMember)?;
            let name = ServerName::try_from(name).map_err(|_| Refused::NoMember)?;
            servers.verify_server_cert(end_entity, intermediates, &name, ocsp_response, now).map_err(refused)?
        } else {
            servers.verify_server_cert(end_entity, intermediates, dialled, ocsp_response, now).map_err(refused)?
        };
        self.trust.check_revoked(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.trust.servers.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.trust.servers.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.servers.supported_verify_schemes()
    }
}
