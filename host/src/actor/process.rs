//! `rusm:actor/process`: every call acts in the name of the calling process.

use super::bindings::rusm::actor::process as wit;
use super::bindings::rusm::actor::types;
use crate::app::COMPONENT_KIND;
use crate::exit::{ProcessExit, START_FAILED};
use crate::grants::Denied;
use crate::limits::NAME_BYTES_MAX;
use crate::state::ProcessState;
use rusm_core::{
    Badarg, CallError, Destination, ExitReason, Monitored, NodeId, Payload, Pid, ProcessSpec, Reference, SpawnOptions,
    Started, Term,
};
use std::collections::BTreeMap;
use std::time::Duration;
use types::Refusal;

/// Bytes of one log message; the rest is cut off.
const LOG_BYTES_MAX: usize = 4096;

impl From<Badarg> for Refusal {
    fn from(badarg: Badarg) -> Self {
        Self::Badarg(badarg.0)
    }
}

impl ProcessState {
    pub(super) fn refuse(&self, denied: &Denied) -> Refusal {
        Refusal::Denied(self.denied(denied))
    }

    /// A pid and an alias are capabilities: who has one may use it. A name is granted.
    fn reach(&self, name: &str) -> Result<(), Refusal> {
        self.component.allow_reach(name).map_err(|denied| self.refuse(&denied))
    }

    fn reach_at(&self, remote: &types::RemoteName) -> Result<(), Refusal> {
        let allowed = self.component.allow_reach_at(&remote.name, &remote.node);
        allowed.map_err(|denied| self.refuse(&denied))
    }

    fn destination(&self, to: types::Destination) -> Result<Destination, Refusal> {
        match &to {
            types::Destination::Name(name) => self.reach(name)?,
            types::Destination::NameAt(remote) => self.reach_at(remote)?,
            types::Destination::ClusterName(name) => self.reach_cluster(name)?,
            types::Destination::Pid(_) | types::Destination::Alias(_) => {}
        }
        Ok(to.into())
    }

    /// What a monitor watches, as the process that made it has named it.
    pub(crate) fn monitored(&self, object: Monitored) -> types::Monitored {
        match object {
            Monitored::Pid(pid) => types::Monitored::Pid(pid.into()),
            Monitored::Name(name) => types::Monitored::Name(name),
            Monitored::ClusterName(name) => types::Monitored::ClusterName(name),
            Monitored::NameAt { name, node } => {
                let node = self.node_names.get(&node).cloned().unwrap_or_else(|| node.as_u32().to_string());
                types::Monitored::NameAt(types::RemoteName { name, node })
            }
        }
    }
}

fn options(component: String, relations: wit::Relations) -> SpawnOptions {
    SpawnOptions {
        link: relations.contains(wit::Relations::LINK),
        monitor: relations.contains(wit::Relations::MONITOR),
        label: component,
        ..SpawnOptions::default()
    }
}

fn spawned((started, monitor): (Started, Option<Reference>)) -> Result<wit::Spawned, wit::StartError> {
    match started {
        Started::Up(pid) => Ok(wit::Spawned { pid: pid.into(), monitor: monitor.map(Into::into) }),
        Started::Ignored => Err(wit::StartError::Failed(ExitReason::new("ignore").into())),
        Started::Failed(reason) => Err(wit::StartError::Failed(reason.into())),
    }
}

impl ProcessState {
    /// The name of the node that is meant.
    fn node_of(&self, place: wit::Place) -> String {
        let own = self.context.node();
        let key = match place {
            wit::Place::Node(name) => return name,
            wit::Place::Key(key) => key,
        };
        let mut nodes: BTreeMap<NodeId, String> = own.nodes().into_iter().map(|node| (node.id, node.name)).collect();
        nodes.insert(own.id(), own.name().to_owned());
        let ids: Vec<NodeId> = nodes.keys().copied().collect();
        let chosen = NodeId::of_key(&key, &ids).and_then(|chosen| nodes.remove(&chosen));
        chosen.unwrap_or_else(|| own.name().to_owned())
    }

    /// What the node that is meant is asked to start.
    fn spec_for(
        &self,
        place: wit::Place,
        component: &str,
        args: Term,
    ) -> Result<(NodeId, ProcessSpec), wit::StartError> {
        let name = self.node_of(place);
        let own = name == self.context.node().name();
        let allowed =
            if own { self.component.allow_spawn(component) } else { self.component.allow_spawn_at(component, &name) };
        allowed.map_err(|denied| wit::StartError::Refused(self.refuse(&denied)))?;
        let target = self.host.component(component).ok_or_else(|| {
            let why = format!("there is no component {component} on this node");
            wit::StartError::Failed(ExitReason::new(START_FAILED).with_detail(why).into())
        })?;
        let spec = ProcessSpec {
            kind: COMPONENT_KIND.to_owned(),
            target: component.to_owned(),
            digest: Some(*target.digest()),
            args,
            grants: Some(target.grants().to_term()),
        };
        Ok((NodeId::of_name(&name), spec))
    }
}

impl types::Host for ProcessState {}

impl wit::Host for ProcessState {
    fn self_(&mut self) -> types::Pid {
        self.context.pid().into()
    }

    async fn spawn(
        &mut self,
        component: String,
        args: types::Term,
        relations: wit::Relations,
    ) -> wasmtime::Result<Result<wit::Spawned, wit::StartError>> {
        if let Err(denied) = self.component.allow_spawn(&component) {
            return Ok(Err(wit::StartError::Refused(self.refuse(&denied))));
        }
        let body = match self.host.body(&component, args.into()) {
            Ok(body) => body,
            Err(reason) => return Ok(Err(wit::StartError::Failed(reason.into()))),
        };
        Ok(spawned(self.context.start(options(component, relations), body).await))
    }

    async fn spawn_on(
        &mut self,
        place: wit::Place,
        component: String,
        args: types::Term,
        relations: wit::Relations,
    ) -> wasmtime::Result<Result<wit::Spawned, wit::StartError>> {
        let (node, spec) = match self.spec_for(place, &component, args.into()) {
            Ok(placed) => placed,
            Err(error) => return Ok(Err(error)),
        };
        Ok(spawned(self.context.start_on(node, spec, options(component, relations)).await))
    }

    fn send(&mut self, to: types::Destination, message: types::Term) -> Result<(), Refusal> {
        let to = self.destination(to)?;
        Ok(self.context.send(to, Term::from(message))?)
    }

    async fn call(
        &mut self,
        to: types::Destination,
        request: types::Term,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<types::Term, wit::CallError>> {
        let to = match self.destination(to) {
            Ok(to) => to,
            Err(refusal) => return Ok(Err(wit::CallError::Refused(refusal))),
        };
        let timeout = Duration::from_millis(timeout_ms.into());
        let answer = self.context.call(to, Term::from(request), timeout).await;
        Ok(match answer {
            Ok(Payload::Term(term)) => Ok(term.into()),
            Ok(Payload::Local(_)) => Err(wit::CallError::Refused(Refusal::Badarg(
                "the reply is a native value, which no guest can read".into(),
            ))),
            Err(CallError::Timeout) => Err(wit::CallError::Timeout),
            Err(CallError::Down(reason)) => Err(wit::CallError::Down(reason.into())),
            Err(error) => Err(wit::CallError::Refused(Refusal::Badarg(error.to_string()))),
        })
    }

    fn reply(&mut self, to: types::Caller, response: types::Term) {
        self.context.reply(to.into(), Term::from(response));
    }

    fn link(&mut self, to: types::Pid) {
        self.context.link(to.into());
    }

    fn unlink(&mut self, from: types::Pid) {
        self.context.unlink(from.into());
    }

    fn monitor(&mut self, object: types::Monitored) -> Result<types::Reference, Refusal> {
        Ok(match object {
            types::Monitored::Pid(pid) => self.context.monitor(Pid::from(pid)).into(),
            types::Monitored::Name(name) => {
                self.reach(&name)?;
                self.context.monitor(name.as_str()).into()
            }
            types::Monitored::ClusterName(name) => {
                self.reach_cluster(&name)?;
                self.context.monitor(Monitored::ClusterName(name)).into()
            }
            types::Monitored::NameAt(remote) => {
                self.reach_at(&remote)?;
                let types::RemoteName { name, node: node_name } = remote;
                let node = NodeId::of_name(&node_name);
                self.node_names.insert(node, node_name);
                self.context.monitor(Monitored::NameAt { name, node }).into()
            }
        })
    }

    fn demonitor(&mut self, monitor: types::Reference) {
        self.context.demonitor_flush(monitor.into());
    }

    fn exit(&mut self, reason: types::ExitReason) -> wasmtime::Result<()> {
        Err(ProcessExit(reason.into()).into())
    }

    fn exit_signal(&mut self, to: types::Pid, reason: types::ExitReason) {
        self.context.exit_signal(to.into(), reason.into());
    }

    async fn is_alive(&mut self, pid: types::Pid) -> wasmtime::Result<bool> {
        Ok(self.context.is_alive(pid.into()).await)
    }

    fn trap_exit(&mut self, on: bool) {
        self.context.trap_exit(on);
    }

    fn register(&mut self, name: String) -> Result<(), Refusal> {
        self.component.allow_register(&name).map_err(|denied| self.refuse(&denied))?;
        if name.len() > NAME_BYTES_MAX {
            return Err(Refusal::Badarg(format!("a name has at most {NAME_BYTES_MAX} bytes")));
        }
        Ok(self.context.register(&name, self.context.pid())?)
    }

    fn unregister(&mut self, name: String) -> Result<(), Refusal> {
        self.component.allow_register(&name).map_err(|denied| self.refuse(&denied))?;
        if self.context.whereis(&name) != Some(self.context.pid()) {
            return Err(Refusal::Badarg(format!("this process does not have the name {name:?}")));
        }
        Ok(self.context.unregister(&name)?)
    }

    fn whereis(&mut self, name: String) -> Result<Option<types::Pid>, Refusal> {
        self.reach(&name)?;
        Ok(self.context.whereis(&name).map(Into::into))
    }

    fn send_after(
        &mut self,
        delay_ms: u32,
        to: types::Destination,
        message: types::Term,
    ) -> Result<types::Reference, Refusal> {
        let to = self.destination(to)?;
        let delay = Duration::from_millis(delay_ms.into());
        Ok(self.context.send_after(delay, to, Term::from(message)).into())
    }

    fn cancel_timer(&mut self, timer: types::Reference) -> Option<u64> {
        let left = self.context.cancel_timer(timer.into())?;
        Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
    }

    fn log(&mut self, level: wit::LogLevel, mut message: String) {
        message.truncate(message.floor_char_boundary(LOG_BYTES_MAX));
        let pid = self.context.pid();
        let component = self.component.name();
        match level {
            wit::LogLevel::Debug => tracing::debug!(target: "guest", %pid, component, "{message}"),
            wit::LogLevel::Info => tracing::info!(target: "guest", %pid, component, "{message}"),
            wit::LogLevel::Warn => tracing::warn!(target: "guest", %pid, component, "{message}"),
            wit::LogLevel::Error => {
                tracing::error!(target: "guest", %pid, component, "{message}");
                self.last_words.push(message);
            }
        }
    }
}
