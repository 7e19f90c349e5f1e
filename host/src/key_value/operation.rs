use bytes::Bytes;

/// Bytes of a key's name, and of a bucket's.
pub const KEY_BYTES_MAX: usize = 1 << 10;
/// Bytes of one value.
pub const VALUE_BYTES_MAX: usize = 16 << 20;
/// Keys of one answer to `list-keys`.
pub const KEYS_PER_PAGE: usize = 1000;

/// Why an operation was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyValueError {
    /// A key, a bucket or a value is too large. Nothing has changed.
    #[error("{what} of {len} bytes: at most {max} are stored")]
    TooLarge {
        /// Which of them.
        what: &'static str,
        /// How large it is.
        len: usize,
        /// How large it may be.
        max: usize,
    },
    /// The value is no decimal number, or its sum with what was to be added is beyond 64 bits. Nothing has changed.
    #[error("the value is no decimal number of 64 bits, or the sum is none")]
    NoNumber,
    /// The storage failed. Whether a write was carried out is unknown.
    #[error("the storage failed: {0}")]
    Storage(String),
}

/// Which write a value is of. A key that is not there has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub(super) Option<u64>);

/// A key and its value.
pub type Pair = (String, Bytes);

/// Some keys, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<String>,
    /// Where the next page begins; nothing after the last one.
    pub cursor: Option<String>,
}

/// One change of a bucket.
#[derive(Debug)]
pub(super) enum Write {
    Set(Vec<Pair>),
    Delete(Vec<String>),
    Increment { key: String, delta: i64 },
    Swap { key: String, seen: Version, value: Bytes },
}

/// What came of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Done,
    Sum(i64),
    /// Somebody else was first: what is there now.
    Lost(Version, Option<Bytes>),
}

pub(super) fn check_key(key: &str) -> Result<(), KeyValueError> {
    check_len("a key", key.len(), KEY_BYTES_MAX)
}

pub(super) fn check_value(value: &[u8]) -> Result<(), KeyValueError> {
    check_len("a value", value.len(), VALUE_BYTES_MAX)
}

pub(super) fn check_len(what: &'static str, len: usize, max: usize) -> Result<(), KeyValueError> {
    if len > max { Err(KeyValueError::TooLarge { what, len, max }) } else { Ok(()) }
}
