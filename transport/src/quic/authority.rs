use super::refused::AUTHORITY_NAME;
use super::revocations::Serial;
use super::tls::{Named, name_in_certificate};
use crate::proto::Identity;
use parking_lot::Mutex;
use rand_core::Rng;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ED25519, PublicKeyData,
    RevokedCertParams, SerialNumber,
};
use rusm_core::seam::{Entropy, OsEntropy, RandomStream};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::time::Duration;
use time::OffsetDateTime;

/// Certificates count from so long before they are made: the clocks of nodes differ.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// What stands before the 32 bytes of an Ed25519 key. Source: RFC 8410, section 7.
const ED25519_PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// What a list of revoked certificates says of the next one: there must be something, and nobody asks.
const NEXT_UPDATE: Duration = Duration::from_secs(3650 * 86_400);

/// The authority of one cluster: whose certificates it has signed is a member, and nobody else.
///
/// Its key makes members. It is needed where certificates are made, and on no node.
pub struct Authority {
    certificate: String,
    key: String,
    /// Where the keys of its members come from.
    random: Mutex<RandomStream>,
}

/// A certificate and its key, both as PEM.
#[derive(Clone)]
pub struct Issued {
    /// The certificate, which is no secret.
    pub certificate: String,
    /// Its key. Whoever has it is that node.
    pub key: String,
}

/// Why an authority or a certificate of it cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A name that a certificate cannot carry.
    #[error(
        "{0:?} cannot be a node's name in a cluster: it has 1 to 63 lower-case letters, digits and `-`, and no `-` at its ends"
    )]
    Name(String),
    /// Certificate or key of the authority are not what they should be.
    #[error("the authority cannot sign: {0}")]
    Broken(#[from] rcgen::Error),
    /// A time that cannot be written down.
    #[error("the certificate would count until after the year 9999")]
    Time,
}

impl Authority {
    /// A new authority, whose certificate counts for that time. `now` is the time of day since 1970. All keys are Ed25519's.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub fn new(now: Duration, valid: Duration) -> Result<Self, AuthorityError> {
        Self::of_random(random(), now, valid)
    }

    /// The same, with keys that are drawn from there: whoever can repeat those draws is any member.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub fn of_random(mut random: RandomStream, now: Duration, valid: Duration) -> Result<Self, AuthorityError> {
        let key = new_key(&mut random)?;
        // No two authorities have one name, so that a stranger's certificate is told from a forged one.
        let digest = Sha256::digest(key.der_bytes());
        let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let mut parameters = parameters(now, valid, &format!("{AUTHORITY_NAME} {digits}"))?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key)?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem(), random: Mutex::new(random) })
    }

    /// An authority as it was written down: both parts as PEM. They are looked at when they are used.
    pub fn of_pem(certificate: String, key: String) -> Self {
        Self { certificate, key, random: Mutex::new(random()) }
    }

    /// Its certificate as PEM, which every node has.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Its key as PEM.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Makes a certificate that counts for that time.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub fn issue(&self, holder: &Identity, now: Duration, valid: Duration) -> Result<Issued, AuthorityError> {
        let Named(name) = name_in_certificate(holder).ok_or_else(|| AuthorityError::Name(holder.name.clone()))?;
        let issuer = self.issuer()?;
        let key = new_key(&mut self.random.lock())?;
        let mut parameters = parameters(now, valid, &holder.name)?;
        parameters.subject_alt_names = vec![rcgen::SanType::DnsName(name.try_into()?)];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // A node is the server of those that dial it and the client of those that it dials.
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&key, &issuer)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// Signs the list of that number, as PEM: these certificates count no more. It is to name all of the lists before it.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub fn revoke(&self, number: u64, serials: &BTreeSet<Serial>, now: Duration) -> Result<String, AuthorityError> {
        let since = date(now)?;
        let revoked = |serial: &Serial| RevokedCertParams {
            serial_number: SerialNumber::from(serial.0.clone()),
            revocation_time: since,
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: since,
            next_update: date(now.saturating_add(NEXT_UPDATE))?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer()?)?.pem()?)
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, AuthorityError> {
        Ok(Issuer::from_ca_cert_pem(&self.certificate, KeyPair::from_pem(&self.key)?)?)
    }
}

fn random() -> RandomStream {
    OsEntropy.stream("keys")
}

/// A key of Ed25519, whose signatures need no random bytes: nothing is given away by a bad generator later.
fn new_key(random: &mut RandomStream) -> Result<KeyPair, rcgen::Error> {
    let mut key = ED25519_PKCS8.to_vec();
    key.resize(ED25519_PKCS8.len() + 32, 0);
    random.fill_bytes(&mut key[ED25519_PKCS8.len()..]);
    KeyPair::from_pkcs8_der_and_sign_algo(&key.into(), &PKCS_ED25519)
}

fn parameters(now: Duration, valid: Duration, name: &str) -> Result<CertificateParams, AuthorityError> {
    let mut parameters = CertificateParams::default();
    parameters.not_before = date(now.saturating_sub(CLOCK_SKEW))?;
    parameters.not_after = date(now.saturating_add(valid))?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    Ok(parameters)
}

fn date(since_1970: Duration) -> Result<OffsetDateTime, AuthorityError> {
    let seconds = i64::try_from(since_1970.as_secs()).map_err(|_| AuthorityError::Time)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| AuthorityError::Time)
}
