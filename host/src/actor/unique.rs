//! `rusm:actor/unique`: names that one process of the whole cluster has at a time.

use super::bindings::rusm::actor::types::Refusal;
use super::bindings::rusm::actor::unique as wit;
use crate::state::ProcessState;
use rusm_core::{UniqueError, UniqueHolder, UniqueLease};
use std::sync::Arc;
use std::time::Duration;

impl From<UniqueHolder> for wit::Holder {
    fn from(holder: UniqueHolder) -> Self {
        Self { pid: holder.pid.into(), token: holder.token }
    }
}

impl From<UniqueError> for wit::UniqueError {
    fn from(error: UniqueError) -> Self {
        match error {
            UniqueError::Taken(holder) => Self::Taken(holder.into()),
            UniqueError::NoMajority => Self::NoMajority,
            other => Self::Refused(Refusal::Badarg(other.to_string())),
        }
    }
}

fn millis(timeout_ms: u32) -> Duration {
    Duration::from_millis(timeout_ms.into())
}

impl ProcessState {
    fn register_unique(&self, name: &str) -> Result<(), wit::UniqueError> {
        let allowed = self.component.allow_register_unique(name);
        allowed.map_err(|denied| wit::UniqueError::Refused(self.refuse(&denied)))
    }

    fn reach_unique(&self, name: &str) -> Result<(), wit::UniqueError> {
        let allowed = self.component.allow_reach_unique(name);
        allowed.map_err(|denied| wit::UniqueError::Refused(self.refuse(&denied)))
    }

    fn lease(&self, name: &str) -> Option<Arc<dyn UniqueLease>> {
        self.leases.get(name).filter(|lease| lease.is_held()).cloned()
    }
}

impl wit::Host for ProcessState {
    async fn register(&mut self, name: String, timeout_ms: u32) -> wasmtime::Result<Result<u64, wit::UniqueError>> {
        if let Err(refusal) = self.register_unique(&name) {
            return Ok(Err(refusal));
        }
        let names = self.context.node().unique_names();
        Ok(match names.register(self.context.clone(), name.clone(), millis(timeout_ms)).await {
            Ok(lease) => {
                let token = lease.token();
                self.leases.insert(name, lease);
                Ok(token)
            }
            Err(error) => Err(error.into()),
        })
    }

    async fn unregister(&mut self, name: String, timeout_ms: u32) -> wasmtime::Result<Result<(), wit::UniqueError>> {
        if let Err(refusal) = self.register_unique(&name) {
            return Ok(Err(refusal));
        }
        let Some(lease) = self.lease(&name) else {
            let why = format!("this process does not have the unique name {name:?}");
            return Ok(Err(wit::UniqueError::Refused(Refusal::Badarg(why))));
        };
        self.leases.remove(&name);
        Ok(lease.release(self.context.clone(), millis(timeout_ms)).await.map_err(Into::into))
    }

    async fn whereis(
        &mut self,
        name: String,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<Option<wit::Holder>, wit::UniqueError>> {
        if let Err(refusal) = self.reach_unique(&name) {
            return Ok(Err(refusal));
        }
        let found = self.context.node().unique_names().whereis(self.context.clone(), name, millis(timeout_ms)).await;
        Ok(found.map(|holder| holder.map(Into::into)).map_err(Into::into))
    }

    fn held(&mut self, name: String) -> Option<u64> {
        self.lease(&name).map(|lease| lease.token())
    }
}
