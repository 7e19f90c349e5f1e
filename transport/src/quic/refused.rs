//! Why a certificate is refused, in words that reach both sides' logs.

use super::tls::holder;
use quinn::ConnectionError;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, OtherError};
use std::fmt;
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// What the common name of every cluster's authority begins with.
pub(super) const AUTHORITY_NAME: &str = "RUSM cluster authority";

/// Why a certificate is refused.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the certificate of {0} is revoked")]
    Revoked(String),
    #[error("the certificate of {0} has expired")]
    Expired(String),
    #[error("the certificate of {0} does not count yet: do the clocks agree?")]
    NotYet(String),
    #[error("the certificate of {0} is of another cluster")]
    OtherCluster(String),
    #[error("the certificate of {0} is of another authority, which is no cluster's")]
    OtherAuthority(String),
    #[error("the certificate of {0} names this cluster's authority, which has not signed it")]
    Forged(String),
    #[error("the certificate is of {0}, who is not the one that was dialled")]
    OtherName(String),
    #[error("the certificate names no node of a cluster")]
    NoMember,
    #[error("the certificate of {0} cannot be used: {1}")]
    Unusable(String, String),
}

/// Between these it stands in what TLS says of an error, to the other side too.
const MARKS: [char; 2] = ['«', '»'];

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{self}{}", MARKS[0], MARKS[1])
    }
}

impl Refused {
    /// What TLS has found against a certificate.
    pub(super) fn of(error: rustls::Error, certificate: &CertificateDer<'_>) -> Self {
        let Some(name) = holder(certificate).map(|holder| holder.name) else { return Self::of_stranger(certificate) };
        let rustls::Error::InvalidCertificate(error) = error else { return Self::Unusable(name, error.to_string()) };
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired(name),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYet(name),
            CertificateError::UnknownIssuer if is_of_a_cluster(certificate) => Self::OtherCluster(name),
            CertificateError::UnknownIssuer => Self::OtherAuthority(name),
            // The second: with a key of another kind than the authority's.
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::Forged(name),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherName(name)
            }
            error => Self::Unusable(name, error.to_string()),
        }
    }

    fn of_stranger(certificate: &CertificateDer<'_>) -> Self {
        if is_of_a_cluster(certificate) { Self::NoMember } else { Self::OtherAuthority("a stranger".to_owned()) }
    }
}

/// Whether some cluster's authority is said to have signed it.
fn is_of_a_cluster(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let name = certificate.issuer().iter_common_name().next().and_then(|name| name.as_str().ok());
    name.is_some_and(|name| name.starts_with(AUTHORITY_NAME))
}

impl From<Refused> for rustls::Error {
    fn from(refused: Refused) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
    }
}

/// Why there is no connection, for people.
pub(super) fn why(error: &ConnectionError) -> String {
    refusal(error).unwrap_or_else(|| error.to_string())
}

/// Which certificate stands in the way and why; `None` when it is something else.
pub(super) fn refusal(error: &ConnectionError) -> Option<String> {
    match error {
        ConnectionError::TransportError(error) => marked(&error.reason),
        ConnectionError::ConnectionClosed(close) => {
            let refused = marked(&String::from_utf8_lossy(&close.reason))?;
            Some(format!("the other side refuses: {refused}"))
        }
        _ => None,
    }
}

fn marked(reason: &str) -> Option<String> {
    let (_, rest) = reason.split_once(MARKS[0])?;
    Some(rest.split_once(MARKS[1])?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_in_what_tls_says() {
        let refused = Refused::Expired("b".to_owned());
        let said = rustls::Error::from(refused).to_string();
        assert_eq!(marked(&said).as_deref(), Some("the certificate of b has expired"), "{said}");
        assert_eq!(marked("peer sent no certificates"), None);
    }
}
