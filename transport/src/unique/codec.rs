//! How what voters say and keep lies in bytes: the version, then postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The version that is written. What is added later stands at the end of an enum, or has a version of its own.
const VERSION: u8 = 1;

/// Bytes of the digest before what is kept.
const DIGEST_LEN: usize = 8;

/// The bytes are of no version that is known, or are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are of another version, or damaged")]
pub(super) struct BadBytes;

pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    // Only a type that postcard cannot write at all fails, and none of these is one: the tests write each.
    postcard::to_extend(value, vec![VERSION]).unwrap_or_default()
}

/// # Errors
/// See [`BadBytes`].
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadBytes> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|_| BadBytes),
        _ => Err(BadBytes),
    }
}

/// For the disk: a digest stands before it, as redb does not notice every rotten bit.
pub(super) fn seal(value: &impl Serialize) -> Vec<u8> {
    let bytes = encode(value);
    let mut sealed = Sha256::digest(&bytes)[..DIGEST_LEN].to_vec();
    sealed.extend(bytes);
    sealed
}

/// # Errors
/// See [`BadBytes`].
pub(super) fn unseal<T: DeserializeOwned>(sealed: &[u8]) -> Result<T, BadBytes> {
    let (digest, bytes) = sealed.split_at_checked(DIGEST_LEN).ok_or(BadBytes)?;
    if Sha256::digest(bytes)[..DIGEST_LEN] != *digest {
        return Err(BadBytes);
    }
    decode(bytes)
}

#[cfg(test)]
mod tests;
