use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use std::collections::BTreeSet;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// Bytes of a list: some six thousand certificates.
pub const REVOCATIONS_LEN_MAX: usize = 256 << 10;

/// The serial number of a certificate: big endian, without leading zeroes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(pub(super) Vec<u8>);

/// The certificates of a cluster that count no more: an X.509 revocation list that the cluster's authority has signed. Of
/// two lists the one with the greater number counts. `nextUpdate` does not: a list counts until there is another one.
/// Source: RFC 5280, section 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocations {
    pub(super) der: CertificateRevocationListDer<'static>,
    number: u64,
    serials: BTreeSet<Serial>,
}

/// Why a list is refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationsError {
    /// It is no list.
    #[error("this is no list of revoked certificates: {0}")]
    Malformed(String),
    /// It is longer than [`REVOCATIONS_LEN_MAX`].
    #[error("the list is longer than {REVOCATIONS_LEN_MAX} bytes")]
    TooLong,
    /// Somebody else has signed it, or nobody.
    #[error("this cluster's authority has not signed the list")]
    Signature,
    /// The authority's certificate cannot be read.
    #[error("the authority's certificate cannot be read")]
    Authority,
}

impl Revocations {
    /// A list as `rusm cluster revoke` writes it: as PEM, for the cluster of that authority, whose certificate is PEM too.
    ///
    /// # Errors
    /// See [`RevocationsError`].
    pub fn of_pem(list: &str, authority: &str) -> Result<Self, RevocationsError> {
        let authority =
            CertificateDer::from_pem_slice(authority.as_bytes()).map_err(|_| RevocationsError::Authority)?;
        Self::of_pem_and_der(list, &authority)
    }

    pub(super) fn of_pem_and_der(list: &str, authority: &CertificateDer<'_>) -> Result<Self, RevocationsError> {
        let list = CertificateRevocationListDer::from_pem_slice(list.as_bytes());
        Self::of_der(&list.map_err(|error| RevocationsError::Malformed(error.to_string()))?, authority)
    }

    /// Reads a list and checks that the authority has signed it.
    pub(super) fn of_der(list: &[u8], authority: &CertificateDer<'_>) -> Result<Self, RevocationsError> {
        if list.len() > REVOCATIONS_LEN_MAX {
            return Err(RevocationsError::TooLong);
        }
        let (_, authority) = X509Certificate::from_der(authority).map_err(|_| RevocationsError::Authority)?;
        let malformed = |what: String| RevocationsError::Malformed(what);
        let (rest, parsed) = CertificateRevocationList::from_der(list).map_err(|error| malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(malformed("something follows it".to_owned()));
        }
        if parsed.issuer() != authority.subject() || parsed.verify_signature(authority.public_key()).is_err() {
            return Err(RevocationsError::Signature);
        }
        let number = parsed.crl_number().and_then(|number| u64::try_from(number).ok());
        let revoked = parsed.iter_revoked_certificates();
        Ok(Self {
            der: CertificateRevocationListDer::from(list.to_vec()),
            number: number.ok_or_else(|| malformed("it has no number".to_owned()))?,
            serials: revoked.map(|revoked| Serial(revoked.serial().to_bytes_be())).collect(),
        })
    }

    /// Which list it is: a later one has a greater number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The certificates that count no more.
    pub fn serials(&self) -> &BTreeSet<Serial> {
        &self.serials
    }
}

/// The number of a certificate; `None` when it is none.
pub(super) fn serial_of(certificate: &CertificateDer<'_>) -> Option<Serial> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(Serial(certificate.tbs_certificate.serial.to_bytes_be()))
}

/// In hexadecimal digits, as other tools write it.
impl std::fmt::Display for Serial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Serial {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.is_empty() || !text.is_ascii() || !text.len().is_multiple_of(2) {
            return Err(());
        }
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| ());
        (0..text.len()).step_by(2).map(byte).collect::<Result<_, _>>().map(Self)
    }
}
