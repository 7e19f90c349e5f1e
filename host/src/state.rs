use crate::component::Component;
use crate::engine::Place;
use crate::grants::Denied;
use crate::host::Host;
use crate::limits::MemoryMeter;
use crate::wasi::{GuestRandom, LastWords, SocketGate};
use rusm_core::{Context, Node, NodeId, Pid, TraceEvent, UniqueLease};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;
use wasmtime_wasi_io::IoView;

/// Unique names, each as its holder has it.
pub(crate) type Leases = BTreeMap<String, Arc<dyn UniqueLease>>;

/// What a store holds beside its instance: the process that the instance is, and what the host functions need of it.
///
/// It has room for one more thing of whoever runs the process: the connection that it serves, a scenario's client.
/// Host functions of their own reach it through [`extension_mut`](Self::extension_mut).
pub struct ProcessState {
    pub(crate) context: Arc<Context>,
    pub(crate) host: Host,
    pub(crate) component: Component,
    pub(crate) wasi: WasiCtx,
    pub(crate) http: WasiHttpCtx,
    pub(crate) table: ResourceTable,
    pub(crate) random: GuestRandom,
    pub(crate) memory: MemoryMeter,
    pub(crate) last_words: LastWords,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) arguments: Vec<String>,
    /// Names of other nodes that it has monitors on.
    pub(crate) node_names: BTreeMap<NodeId, String>,
    /// How often it is a member of groups.
    pub(crate) memberships: usize,
    /// How many monitors of nodes it has.
    pub(crate) node_monitors: usize,
    /// The unique names that it has, or had.
    pub(crate) leases: Leases,
    pub(crate) socket_gate: Option<Arc<SocketGate>>,
    pub(crate) extension: Option<Box<dyn Any + Send>>,
    /// Grants whose absence was noted already.
    pub(crate) withheld: Vec<&'static str>,
    pub(crate) place: Place,
}

impl ProcessState {
    /// The process.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The host that runs it.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The component it is an instance of.
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// The instance's resources.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Sets what whoever runs the process wants to find again in its host functions.
    pub fn set_extension<T: Any + Send>(&mut self, extension: T) {
        self.extension = Some(Box::new(extension));
    }

    /// What was set, when it is of that type.
    pub fn extension_mut<T: Any + Send>(&mut self) -> Option<&mut T> {
        self.extension.as_mut()?.downcast_mut()
    }

    /// Says in the log and to the tracer that the process was refused something, and gives the text back.
    pub fn denied(&self, denied: &Denied) -> String {
        let text = denied.to_string();
        note_denied(self.context.node(), self.context.pid(), &self.component, &text);
        text
    }

    /// The same where the guest hears no more than a code: the text also stands in its exit reason, when it traps.
    pub(crate) fn note_denied(&self, text: &str) {
        note_denied(self.context.node(), self.context.pid(), &self.component, text);
        self.last_words.push(format!("denied: {text}"));
    }

    /// The same for what a guest's language runtime asks for by itself: once a process, and quietly.
    pub(crate) fn note_withheld(&mut self, what: &str, grant: &'static str) {
        if self.withheld.contains(&grant) {
            return;
        }
        self.withheld.push(grant);
        let name = self.component.name();
        let text = format!("it sees no {what}: grants.{grant} of component {name} is empty");
        tracing::debug!(pid = %self.context.pid(), component = name, "denied: {text}");
        self.context.node().trace_event(&TraceEvent::Note { pid: self.context.pid(), text: &text });
    }
}

/// Says in the log and to the tracer that a process was refused something.
pub(crate) fn note_denied(node: &Node, pid: Pid, component: &Component, text: &str) {
    tracing::warn!(%pid, component = component.name(), "denied: {text}");
    node.trace_event(&TraceEvent::Note { pid, text });
}

impl WasiView for ProcessState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl IoView for ProcessState {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}
