//! Buckets of keys and values that outlive the process and the node (`wasi:keyvalue`). Grant: `key-value`.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::bindings::key_value::wasi::keyvalue::{atomics, batch, store};

/// Why an operation was not carried out.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyValueError {
    /// There is no such bucket.
    NoSuchStore(String),
    /// The manifest does not grant this bucket to this component.
    AccessDenied(String),
    /// What the storage said. Whether a write was carried out is unknown.
    Other(String),
    /// The value is no JSON, or JSON of another shape.
    Json {
        /// Of which key.
        key: String,
        /// What does not fit.
        error: serde_json::Error,
    },
}

impl fmt::Display for KeyValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchStore(bucket) => write!(f, "there is no bucket `{bucket}`"),
            Self::AccessDenied(bucket) => write!(f, "the grant `key-value = [\"{bucket}\"]` is missing in rusm.toml"),
            Self::Other(text) => f.write_str(text),
            Self::Json { key, error } => write!(f, "the value of `{key}` does not fit: {error}"),
        }
    }
}

impl std::error::Error for KeyValueError {}

/// An open bucket.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    handle: store::Bucket,
}

impl Bucket {
    /// Opens the bucket of that name.
    ///
    /// # Errors
    /// The manifest does not grant it, or the storage failed.
    pub fn open(name: &str) -> Result<Self, KeyValueError> {
        match store::open(name) {
            Ok(handle) => Ok(Self { name: name.to_owned(), handle }),
            Err(error) => Err(explain(name, error)),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// The storage failed.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.handle.get(key).map_err(|error| self.explain(error))
    }

    /// The value of a key, read as JSON.
    ///
    /// # Errors
    /// The storage failed, or the value is of another shape.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, KeyValueError> {
        self.get(key)?.map(|bytes| from_json(key, &bytes)).transpose()
    }

    /// The values of those keys that are there.
    ///
    /// # Errors
    /// The storage failed.
    pub fn get_many(&self, keys: &[String]) -> Result<Vec<(String, Vec<u8>)>, KeyValueError> {
        let pairs = batch::get_many(&self.handle, keys).map_err(|error| self.explain(error))?;
        Ok(pairs.into_iter().flatten().collect())
    }

    /// Sets a value. It is durable when this returns.
    ///
    /// # Errors
    /// The storage failed; then the old value, or the new one, is there.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        self.handle.set(key, value).map_err(|error| self.explain(error))
    }

    /// Sets a value to a JSON text. It is durable when this returns.
    ///
    /// # Errors
    /// As for [`set`](Bucket::set), and when the value has no JSON form.
    pub fn set_json(&self, key: &str, value: &impl Serialize) -> Result<(), KeyValueError> {
        let bytes = serde_json::to_vec(value).map_err(|error| KeyValueError::Json { key: key.to_owned(), error })?;
        self.set(key, &bytes)
    }

    /// Takes a key away. That it was not there is no error.
    ///
    /// # Errors
    /// The storage failed.
    pub fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        self.handle.delete(key).map_err(|error| self.explain(error))
    }

    /// Whether there is such a key.
    ///
    /// # Errors
    /// The storage failed.
    pub fn exists(&self, key: &str) -> Result<bool, KeyValueError> {
        self.handle.exists(key).map_err(|error| self.explain(error))
    }

    /// Adds to a number in one step and returns the sum; a key that is not there counts as 0.
    ///
    /// # Errors
    /// The storage failed, or the value is no number.
    pub fn increment(&self, key: &str, delta: i64) -> Result<i64, KeyValueError> {
        atomics::increment(&self.handle, key, delta).map_err(|error| self.explain(error))
    }

    /// All keys, in no order to rely on.
    ///
    /// # Errors
    /// The storage failed.
    pub fn keys(&self) -> Result<Vec<String>, KeyValueError> {
        let mut keys = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.handle.list_keys(cursor.as_deref()).map_err(|error| self.explain(error))?;
            keys.extend(page.keys);
            match page.cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(keys),
            }
        }
    }

    fn explain(&self, error: store::Error) -> KeyValueError {
        explain(&self.name, error)
    }
}

/// Reads a value as JSON; `key` is for the error's text.
///
/// # Errors
/// It is no JSON, or JSON of another shape.
pub fn from_json<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, KeyValueError> {
    serde_json::from_slice(value).map_err(|error| KeyValueError::Json { key: key.to_owned(), error })
}

fn explain(bucket: &str, error: store::Error) -> KeyValueError {
    match error {
        store::Error::NoSuchStore => KeyValueError::NoSuchStore(bucket.to_owned()),
        store::Error::AccessDenied => KeyValueError::AccessDenied(bucket.to_owned()),
        store::Error::Other(text) => KeyValueError::Other(text),
    }
}
