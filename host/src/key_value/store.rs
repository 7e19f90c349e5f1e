use super::database::Databases;
use super::operation::{
    KEY_BYTES_MAX, KeyPage, KeyValueError, Pair, Version, Write, Written, check_key, check_len, check_value,
};
use super::queue::WriteQueue;
use bytes::Bytes;
use rusm_core::seam::{Executor, Seams};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The file of a node's store.
pub const KEY_VALUE_FILE: &str = "key-value.redb";

/// The key-value store of a node. Cheap to clone; all clones are one store.
///
/// A write is durable before it returns, a read sees all writes that have returned, and each call is carried out in
/// one step. The file is opened by the first operation; there may be one store for a file.
#[derive(Clone)]
pub struct KeyValue {
    databases: Arc<Databases>,
    queue: Arc<WriteQueue>,
    executor: Arc<dyn Executor>,
}

impl KeyValue {
    /// The store in [`KEY_VALUE_FILE`] of these seams' storage.
    pub fn new(seams: &Seams) -> Self {
        Self {
            databases: Arc::new(Databases::new(seams.storage.clone(), KEY_VALUE_FILE)),
            queue: Arc::default(),
            executor: seams.executor.clone(),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// The storage failed.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, KeyValueError> {
        Ok(self.get_version(bucket, key).await?.1)
    }

    /// The value of a key, and which write it is of, for [`swap`](Self::swap).
    ///
    /// # Errors
    /// The storage failed.
    pub async fn get_version(&self, bucket: &str, key: &str) -> Result<(Version, Option<Bytes>), KeyValueError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.read(move |databases| databases.read(&bucket, &key)).await
    }

    /// The values of several keys, in their order, all of one moment.
    ///
    /// # Errors
    /// The storage failed.
    pub async fn get_many(&self, bucket: &str, keys: Vec<String>) -> Result<Vec<Option<Pair>>, KeyValueError> {
        let bucket = bucket.to_owned();
        self.read(move |databases| {
            let values = databases.read_many(&bucket, &keys)?;
            Ok(keys.into_iter().zip(values).map(|(key, value)| Some((key, value?))).collect())
        })
        .await
    }

    /// Up to [`KEYS_PER_PAGE`](super::KEYS_PER_PAGE) keys of a bucket, sorted, after `cursor`.
    ///
    /// # Errors
    /// The storage failed.
    pub async fn list_keys(&self, bucket: &str, cursor: Option<String>) -> Result<KeyPage, KeyValueError> {
        let bucket = bucket.to_owned();
        self.read(move |databases| databases.list(&bucket, cursor.as_deref())).await
    }

    /// Sets values, all or none.
    ///
    /// # Errors
    /// Something is too large, or the storage failed.
    pub async fn set(&self, bucket: &str, pairs: Vec<Pair>) -> Result<(), KeyValueError> {
        for (key, value) in &pairs {
            check_key(key)?;
            check_value(value)?;
        }
        self.write(bucket, Write::Set(pairs)).await.map(drop)
    }

    /// Takes keys away, all or none. One that is not there is no error.
    ///
    /// # Errors
    /// The storage failed.
    pub async fn delete(&self, bucket: &str, keys: Vec<String>) -> Result<(), KeyValueError> {
        self.write(bucket, Write::Delete(keys)).await.map(drop)
    }

    /// Adds to a number in decimal digits; a key that is not there counts as 0. Returns the sum.
    ///
    /// # Errors
    /// The value is no such number, the sum is beyond 64 bits, or the storage failed.
    pub async fn increment(&self, bucket: &str, key: &str, delta: i64) -> Result<i64, KeyValueError> {
        check_key(key)?;
        match self.write(bucket, Write::Increment { key: key.to_owned(), delta }).await? {
            Written::Sum(sum) => Ok(sum),
            Written::Done | Written::Lost(..) => unreachable!("an increment has a sum"),
        }
    }

    /// Sets a value if nobody has set it since [`get_version`](Self::get_version). Otherwise gives what is there now.
    ///
    /// # Errors
    /// Something is too large, or the storage failed.
    pub async fn swap(
        &self,
        bucket: &str,
        key: &str,
        seen: Version,
        value: Bytes,
    ) -> Result<Result<(), (Version, Option<Bytes>)>, KeyValueError> {
        check_key(key)?;
        check_value(&value)?;
        match self.write(bucket, Write::Swap { key: key.to_owned(), seen, value }).await? {
            Written::Done => Ok(Ok(())),
            Written::Lost(now, value) => Ok(Err((now, value))),
            Written::Sum(_) => unreachable!("a swap has no sum"),
        }
    }

    async fn write(&self, bucket: &str, write: Write) -> Result<Written, KeyValueError> {
        check_len("a bucket's name", bucket.len(), KEY_BYTES_MAX)?;
        let written = self.queue.push(&self.databases, &*self.executor, bucket.to_owned(), write);
        written.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Databases) -> Result<T, KeyValueError> + Send + 'static,
    ) -> Result<T, KeyValueError> {
        let (answer, answered) = oneshot::channel();
        let databases = self.databases.clone();
        self.executor.spawn_blocking(Box::new(move || {
            // A process that has ended does not hear the answer.
            let _ = answer.send(job(&databases));
        }));
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// The executor dropped the job: it only does when it ends.
fn stopped() -> KeyValueError {
    KeyValueError::Storage("the node stops".to_owned())
}
