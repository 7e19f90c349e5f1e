use super::inspect::Inspected;
use crate::proto::Identity;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What a member of a cluster proves itself with: the authority's certificate, its own, and its own key.
pub struct Credentials {
    pub(super) authority: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    identity: Identity,
    until: Duration,
}

/// Why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A text that holds no certificate, or no key.
    #[error("{what} is no PEM: {error}")]
    Pem {
        /// Which of the three.
        what: &'static str,
        /// What does not fit.
        error: rustls::pki_types::pem::Error,
    },
    /// The certificate names no member of a cluster.
    #[error("the certificate names no node of a cluster: make one with `rusm cluster issue`")]
    NoMember,
    /// The authority's certificate is none of an authority.
    #[error("the authority's certificate cannot be used: {0}")]
    Authority(rustls::Error),
    /// Nobody could be checked against the authority.
    #[error("nobody can be checked against the authority: {0}")]
    Verifier(String),
    /// Certificate and key do not fit together.
    #[error("certificate and key cannot be used: {0}")]
    Tls(rustls::Error),
}

impl Credentials {
    /// Reads the three, each as PEM.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn of_pem(authority: &str, certificate: &str, key: &str) -> Result<Self, CredentialsError> {
        let pem = |what| move |error| CredentialsError::Pem { what, error };
        let authority =
            CertificateDer::from_pem_slice(authority.as_bytes()).map_err(pem("the authority's certificate"))?;
        let certificate =
            CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(pem("the node's certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(pem("the node's key"))?;
        let Inspected { holder: identity, until, .. } = Inspected::of_der(&certificate)?;
        Ok(Self { authority, chain: vec![certificate], key, identity, until })
    }

    /// Whom the certificate names.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Until when the certificate counts, since 1970.
    pub fn until(&self) -> Duration {
        self.until
    }

    /// Which cluster: a digest of its authority.
    pub fn cluster(&self) -> u128 {
        let digest = Sha256::digest(&self.authority);
        u128::from_be_bytes(std::array::from_fn(|i| digest[i]))
    }

    pub(super) fn certificate(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain.clone(), self.key.clone_key())
    }
}
