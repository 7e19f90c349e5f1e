use super::credentials::{Credentials, CredentialsError};
use super::tls::ring;
use parking_lot::RwLock;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// The certificate that a member shows in each handshake that begins: it can be another one from then on.
#[derive(Debug)]
pub(super) struct Own(RwLock<Arc<CertifiedKey>>);

impl Own {
    pub(super) fn new(credentials: &Credentials) -> Result<Arc<Self>, CredentialsError> {
        Ok(Arc::new(Self(RwLock::new(certified(credentials)?))))
    }

    /// Shows this one from now on.
    pub(super) fn renew(&self, credentials: &Credentials) -> Result<(), CredentialsError> {
        *self.0.write() = certified(credentials)?;
        Ok(())
    }
}

fn certified(credentials: &Credentials) -> Result<Arc<CertifiedKey>, CredentialsError> {
    let (chain, key) = credentials.certificate();
    CertifiedKey::from_der(chain, key, &ring()).map(Arc::new).map_err(CredentialsError::Tls)
}

impl ResolvesServerCert for Own {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().clone())
    }
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
