//! `rusm:actor/cluster`: names that are known in the whole cluster, and its nodes.

use super::bindings::rusm::actor::cluster as wit;
use super::bindings::rusm::actor::types::{self, Refusal};
use crate::state::ProcessState;
use rusm_core::{ClusterNameError, ClusterNames};

impl From<ClusterNameError> for Refusal {
    fn from(error: ClusterNameError) -> Self {
        Self::Badarg(error.to_string())
    }
}

impl ProcessState {
    pub(super) fn reach_cluster(&self, name: &str) -> Result<(), Refusal> {
        self.component.allow_reach_cluster(name).map_err(|denied| self.refuse(&denied))
    }

    fn register_cluster(&self, name: &str) -> Result<(), Refusal> {
        self.component.allow_register_cluster(name).map_err(|denied| self.refuse(&denied))
    }
}

impl wit::Host for ProcessState {
    async fn register(&mut self, name: String) -> wasmtime::Result<Result<(), Refusal>> {
        if let Err(refusal) = self.register_cluster(&name) {
            return Ok(Err(refusal));
        }
        Ok(ClusterNames::register(&*self.context, &name, self.context.pid()).await.map_err(Refusal::from))
    }

    async fn unregister(&mut self, name: String) -> wasmtime::Result<Result<(), Refusal>> {
        if let Err(refusal) = self.register_cluster(&name) {
            return Ok(Err(refusal));
        }
        if ClusterNames::whereis(self.context.node(), &name) != Some(self.context.pid()) {
            return Ok(Err(ClusterNameError::NotRegistered.into()));
        }
        Ok(ClusterNames::unregister(&*self.context, &name).await.map_err(Refusal::from))
    }

    fn whereis(&mut self, name: String) -> Result<Option<types::Pid>, Refusal> {
        self.reach_cluster(&name)?;
        Ok(ClusterNames::whereis(self.context.node(), &name).map(Into::into))
    }

    fn names(&mut self) -> Vec<String> {
        let mut names = ClusterNames::registered_names(self.context.node());
        names.retain(|name| self.component.allow_reach_cluster(name).is_ok());
        names
    }

    fn node(&mut self) -> String {
        self.context.node().name().to_owned()
    }

    fn nodes(&mut self) -> Vec<String> {
        let mut nodes: Vec<String> = self.context.node().nodes().into_iter().map(|node| node.name).collect();
        nodes.sort_unstable();
        nodes
    }
}
