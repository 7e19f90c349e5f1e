//! `wasi:keyvalue`: a component's way to the store.

use super::operation::{KeyValueError, Pair, Version};
use super::store::KeyValue;
use crate::state::ProcessState;
use bindings::wasi::keyvalue::atomics::{self, CasError};
use bindings::wasi::keyvalue::batch;
use bindings::wasi::keyvalue::store::{self, Error, KeyResponse};
use bytes::Bytes;
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker, Resource};

pub(crate) mod bindings {
    //! What `wasmtime` makes of `wit/wasi-keyvalue`.
    #![allow(missing_docs, unreachable_pub, reason = "generated; the WIT files hold the documentation")]

    wasmtime::component::bindgen!({
        path: "../wit/wasi-keyvalue",
        world: "wasi:keyvalue/imports",
        imports: { default: async | trappable },
        require_store_data_send: true,
        with: {
            "wasi:keyvalue/store.bucket": super::Bucket,
            "wasi:keyvalue/atomics.cas": super::Cas,
        },
    });
}

/// An open bucket.
#[expect(unreachable_pub, reason = "the generated code exports it again")]
pub struct Bucket {
    name: String,
}

/// One attempt at a swap.
#[expect(unreachable_pub, reason = "the generated code exports it again")]
pub struct Cas {
    bucket: String,
    key: String,
    seen: Version,
}

/// Adds `wasi:keyvalue/store`, `atomics` and `batch`.
pub(crate) fn add_to_linker(linker: &mut Linker<ProcessState>) -> Result<()> {
    type State = ProcessState;
    store::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    atomics::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    batch::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Self {
        Self::Other(error.to_string())
    }
}

impl ProcessState {
    fn key_value(&self) -> KeyValue {
        self.host.key_value(self.context.node())
    }

    /// The store, and the name of an open bucket.
    fn open_bucket(&self, bucket: &Resource<Bucket>) -> Result<(KeyValue, String)> {
        Ok((self.key_value(), self.table.get(bucket)?.name.clone()))
    }

    fn new_cas(&mut self, bucket: String, key: String, seen: Version) -> Result<Resource<Cas>> {
        Ok(self.table.push(Cas { bucket, key, seen })?)
    }
}

fn guest_result<T>(result: std::result::Result<T, KeyValueError>) -> std::result::Result<T, Error> {
    result.map_err(Error::from)
}

fn to_vec(value: Bytes) -> Vec<u8> {
    Vec::from(value)
}

impl store::Host for ProcessState {
    async fn open(&mut self, identifier: String) -> Result<std::result::Result<Resource<Bucket>, Error>> {
        if let Err(denied) = self.component.allow_key_value(&identifier) {
            self.denied(&denied);
            return Ok(Err(Error::AccessDenied));
        }
        Ok(Ok(self.table.push(Bucket { name: identifier })?))
    }
}

impl store::HostBucket for ProcessState {
    async fn get(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<std::result::Result<Option<Vec<u8>>, Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        Ok(guest_result(values.get(&bucket, &key).await).map(|value| value.map(to_vec)))
    }

    async fn set(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Result<std::result::Result<(), Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        Ok(guest_result(values.set(&bucket, vec![(key, value.into())]).await))
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<std::result::Result<(), Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        Ok(guest_result(values.delete(&bucket, vec![key]).await))
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<std::result::Result<bool, Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        Ok(guest_result(values.get(&bucket, &key).await).map(|value| value.is_some()))
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Result<std::result::Result<KeyResponse, Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        let page = values.list_keys(&bucket, cursor).await;
        Ok(guest_result(page).map(|page| KeyResponse { keys: page.keys, cursor: page.cursor }))
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for ProcessState {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Result<std::result::Result<i64, Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        Ok(guest_result(values.increment(&bucket, &key, delta).await))
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Result<std::result::Result<(), CasError>> {
        let Cas { bucket, key, seen } = self.table.delete(cas)?;
        match self.key_value().swap(&bucket, &key, seen, value.into()).await {
            Ok(Ok(())) => Ok(Ok(())),
            Ok(Err((now, there))) => {
                let retry = self.new_cas(bucket, key, now)?;
                Ok(Err(CasError::CasFailed((retry, there.map(to_vec)))))
            }
            Err(error) => Ok(Err(CasError::StoreError(error.into()))),
        }
    }
}

impl atomics::HostCas for ProcessState {
    async fn new(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<std::result::Result<Resource<Cas>, Error>> {
        let made = atomics::HostCas::new_with_read(self, bucket, key).await?;
        Ok(made.map(|(cas, _)| cas))
    }

    async fn new_with_read(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<std::result::Result<(Resource<Cas>, Option<Vec<u8>>), Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        match values.get_version(&bucket, &key).await {
            Ok((seen, value)) => Ok(Ok((self.new_cas(bucket, key, seen)?, value.map(to_vec)))),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl batch::Host for ProcessState {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<std::result::Result<Vec<Option<(String, Vec<u8>)>>, Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        let pairs = guest_result(values.get_many(&bucket, keys).await);
        let to_guest = |(key, value): Pair| (key, to_vec(value));
        Ok(pairs.map(|pairs| pairs.into_iter().map(|pair| pair.map(to_guest)).collect()))
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        key_values: Vec<(String, Vec<u8>)>,
    ) -> Result<std::result::Result<(), Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        let pairs = key_values.into_iter().map(|(key, value)| (key, value.into())).collect();
        Ok(guest_result(values.set(&bucket, pairs).await))
    }

    async fn delete_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<std::result::Result<(), Error>> {
        let (values, bucket) = self.open_bucket(&bucket)?;
        Ok(guest_result(values.delete(&bucket, keys).await))
    }
}
