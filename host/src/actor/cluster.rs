//! `rusm:actor/cluster`: names that are known in the whole cluster, and its nodes.

use super::bindings::rusm::actor::cluster as wit;
use super::bindings::rusm::actor::types::{self, Refusal};
use crate::limits::NODE_MONITORS_MAX;
use crate::state::ProcessState;
use rusm_core::{ClusterNameError, ClusterNames, MemberStatus, Message, NodeEvent, NodeInfo, NodeStatus, Reference};

impl From<ClusterNameError> for Refusal {
    fn from(error: ClusterNameError) -> Self {
        Self::Badarg(error.to_string())
    }
}

impl From<NodeStatus> for types::NodeStatus {
    fn from(status: NodeStatus) -> Self {
        match status {
            NodeStatus::Up => Self::Up,
            NodeStatus::Suspect => Self::Suspect,
            NodeStatus::Unreachable => Self::Unreachable,
            NodeStatus::Down => Self::Down,
        }
    }
}

impl From<MemberStatus> for types::MemberStatus {
    fn from(status: MemberStatus) -> Self {
        match status {
            MemberStatus::Up => Self::Up,
            MemberStatus::Suspect => Self::Suspect,
            MemberStatus::Down => Self::Down,
        }
    }
}

impl From<NodeInfo> for types::NodeInfo {
    fn from(info: NodeInfo) -> Self {
        let NodeInfo { id, name, incarnation, status, reason, member } = info;
        let (status, reason) = (status.into(), reason.word().to_owned());
        Self { id: id.as_u32(), name, incarnation, status, reason, member: member.map(Into::into) }
    }
}

impl From<NodeEvent> for types::NodeEvent {
    fn from(event: NodeEvent) -> Self {
        let NodeEvent { monitor, before, node } = event;
        Self { monitor: monitor.into(), before: before.map(Into::into), node: node.into() }
    }
}

/// By name.
fn infos(mut nodes: Vec<NodeInfo>) -> Vec<types::NodeInfo> {
    nodes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    nodes.into_iter().map(Into::into).collect()
}

fn is_event_of(message: &Message, monitor: Reference) -> bool {
    let Message::Plain(payload) = message else { return false };
    payload.downcast_ref::<NodeEvent>().is_some_and(|event| event.monitor == monitor)
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

    fn known_nodes(&mut self) -> Vec<types::NodeInfo> {
        infos(self.context.node().known_nodes())
    }

    fn monitor_nodes(&mut self) -> Result<wit::WatchedNodes, Refusal> {
        if self.node_monitors == NODE_MONITORS_MAX {
            return Err(Refusal::Badarg(format!("a process has at most {NODE_MONITORS_MAX} monitors of nodes")));
        }
        self.node_monitors += 1;
        let (monitor, nodes) = self.context.monitor_nodes();
        Ok(wit::WatchedNodes { monitor: monitor.into(), nodes: infos(nodes) })
    }

    fn demonitor_nodes(&mut self, monitor: types::Reference) {
        let monitor = Reference::from(monitor);
        if self.context.demonitor_nodes(monitor) {
            self.node_monitors -= 1;
        }
        while self.context.try_receive(|message| is_event_of(message, monitor)).is_some() {}
    }
}
