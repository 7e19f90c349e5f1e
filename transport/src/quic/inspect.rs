use super::credentials::CredentialsError;
use super::revocations::{Serial, serial_of};
use super::tls::holder;
use crate::proto::Identity;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// What a certificate says of itself. Nothing of it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// Whom it names.
    pub holder: Identity,
    /// Until when it counts, since 1970.
    pub until: Duration,
    /// Its number.
    pub serial: Serial,
}

impl Inspected {
    /// Reads a certificate, as PEM.
    ///
    /// # Errors
    /// It is none, or names no member of a cluster.
    pub fn of_pem(certificate: &str) -> Result<Self, CredentialsError> {
        let pem = |error| CredentialsError::Pem { what: "the certificate", error };
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(pem)?;
        Self::of_der(&der)
    }

    pub(super) fn of_der(der: &CertificateDer<'_>) -> Result<Self, CredentialsError> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| CredentialsError::NoMember)?;
        let until = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
        let holder = holder(der).ok_or(CredentialsError::NoMember)?;
        let serial = serial_of(der).ok_or(CredentialsError::NoMember)?;
        Ok(Self { holder, until: Duration::from_secs(until), serial })
    }
}
