use crate::component::Component;
use crate::engine::{Meter, Place, Profile};
use crate::exit::{START_FAILED, SYSTEM_LIMIT, TRAP, exit_reason};
use crate::faults::GuestFault;
use crate::host::Host;
use crate::limits::{HANDLES_MAX, HOSTCALL_BYTES_MAX, MemoryMeter};
use crate::state::ProcessState;
use crate::wasi::{GuestRandom, LastWords, SocketGate, environment, log_lines, preopen};
use rusm_core::{Context, ExitReason};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{Instance, ResourceTable};
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

/// A component's instance as the inside of one process: its store, and the way into its code.
///
/// Every entry goes through [`enter`](Self::enter), which preempts the guest, counts what it uses and turns the way in
/// which it fails into an exit reason. After an error the instance is dead: drop it and end the process.
pub struct ProcessInstance {
    store: Store<ProcessState>,
    instance: Instance,
}

/// Where a process's standard streams go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stdio {
    /// Lines of the node's log; nothing to read.
    #[default]
    Log,
    /// This program's own.
    Inherit,
}

/// How to instantiate a component for a process.
#[derive(Clone, Debug, Default)]
pub struct InstanceOptions {
    /// Default [`Stdio::Log`].
    pub stdio: Stdio,
    /// What a command sees as its arguments, its own name first. Default none.
    pub arguments: Vec<String>,
    /// Variables beside the granted ones. Default none.
    pub environment: Vec<(String, String)>,
    /// For a process that lives for a moment: an instance of the engine's pool, when one is free. Default false.
    pub pooled: bool,
}

impl ProcessInstance {
    /// Instantiates a component as the inside of the process of that context.
    ///
    /// # Errors
    /// Why the process must end.
    pub async fn new(
        host: &Host,
        component: &Component,
        context: Context,
        options: InstanceOptions,
    ) -> Result<Self, ExitReason> {
        Self::new_with(host, component, context, options, |_| ()).await
    }

    /// The same; `ready` sees the state before any guest code runs.
    ///
    /// # Errors
    /// Why the process must end.
    pub async fn new_with(
        host: &Host,
        component: &Component,
        context: Context,
        options: InstanceOptions,
        ready: impl FnOnce(&mut ProcessState),
    ) -> Result<Self, ExitReason> {
        let place = host.engine().take_place(options.pooled && component.is_pooled());
        let place = place.map_err(|why| ExitReason::new(SYSTEM_LIMIT).with_detail(why))?;
        let pre = component.linked(&place).pre.clone();
        let state = new_state(host, component, context, options, place)?;
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(HANDLES_MAX);
        ready(store.data_mut());
        let prepared = host.engine().prepare(&mut store);
        prepared.map_err(|error| ExitReason::new(START_FAILED).with_detail(format!("{error:#}")))?;
        let instance = enter_store(&mut store, "instantiate", async move |store: &mut Store<ProcessState>| {
            pre.instantiate_async(store).await
        });
        let instance = instance.await?;
        Ok(Self { store, instance })
    }

    /// The process.
    pub fn context(&self) -> &Arc<Context> {
        &self.store.data().context
    }

    /// What the host functions see.
    pub fn state(&mut self) -> &mut ProcessState {
        self.store.data_mut()
    }

    /// The instance, to find its exports.
    pub fn instance(&self) -> Instance {
        self.instance
    }

    /// The store, for what does not run guest code.
    pub fn store(&mut self) -> StoreContextMut<'_, ProcessState> {
        wasmtime::AsContextMut::as_context_mut(&mut self.store)
    }

    /// Runs guest code. `entry` names the export, for faults and messages.
    ///
    /// # Errors
    /// Why the process must end; no guest code can be entered any more.
    pub async fn enter<T>(
        &mut self,
        entry: &'static str,
        code: impl AsyncFnOnce(&mut Store<ProcessState>) -> wasmtime::Result<T>,
    ) -> Result<T, ExitReason> {
        enter_store(&mut self.store, entry, code).await
    }
}

async fn enter_store<T>(
    store: &mut Store<ProcessState>,
    entry: &'static str,
    code: impl AsyncFnOnce(&mut Store<ProcessState>) -> wasmtime::Result<T>,
) -> Result<T, ExitReason> {
    let host = store.data().host.clone();
    if let Some(faults) = host.faults() {
        let state = store.data();
        let fault = faults.before_entry(&state.context, state.component.name(), entry);
        match fault {
            GuestFault::None => {}
            GuestFault::Trap => return Err(ExitReason::new(TRAP).with_detail("a fault of the simulator")),
            GuestFault::Loop => std::future::pending().await,
            GuestFault::MemoryAtLimit => store.data_mut().memory.fill(),
        }
    }
    let _inside = host.engine().enter(store);
    let result = match host.engine().profile() {
        Profile::Production => code(store).await,
        Profile::Simulation => {
            let meter = Meter::new(store.data());
            let before = store.get_fuel().unwrap_or_default();
            let result = meter.run(code(store)).await;
            meter.settle(before.saturating_sub(store.get_fuel().unwrap_or_default())).await;
            result
        }
    };
    result.map_err(|error| exit_reason(&error, store.data()))
}

fn new_state(
    host: &Host,
    component: &Component,
    context: Context,
    options: InstanceOptions,
    place: Place,
) -> Result<ProcessState, ExitReason> {
    let last_words = LastWords::default();
    let (wasi, socket_gate) = wasi_context(host, component, &context, options.stdio, &last_words)
        .map_err(|why| ExitReason::new(START_FAILED).with_detail(why))?;
    let mut variables = environment(component, host.environment());
    variables.extend(options.environment);
    Ok(ProcessState {
        random: GuestRandom::new(context.node().seams().entropy.clone(), component.name()),
        memory: MemoryMeter::new(component.grants().memory_bytes, context.memory_gauge()),
        context: Arc::new(context),
        host: host.clone(),
        component: component.clone(),
        wasi,
        http: wasmtime_wasi_http::WasiHttpCtx::new(),
        table: resource_table(),
        last_words,
        environment: variables,
        arguments: options.arguments,
        node_names: BTreeMap::new(),
        memberships: 0,
        node_monitors: 0,
        leases: BTreeMap::new(),
        socket_gate,
        extension: None,
        withheld: Vec::new(),
        place,
    })
}

fn resource_table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES_MAX);
    table
}

fn wasi_context(
    host: &Host,
    component: &Component,
    context: &Context,
    stdio: Stdio,
    last_words: &LastWords,
) -> Result<(WasiCtx, Option<Arc<SocketGate>>), String> {
    let mut wasi = WasiCtxBuilder::new();
    match stdio {
        Stdio::Log => {
            let (out, err) = log_lines(context.pid(), component.name(), last_words);
            wasi.stdout(out).stderr(err);
        }
        Stdio::Inherit => {
            wasi.inherit_stdio();
        }
    }
    let files = &component.grants().files;
    if host.engine().profile() == Profile::Simulation && !files.is_empty() {
        return Err(format!("files are not simulated: take grants.files from component {}", component.name()));
    }
    preopen(&mut wasi, host.directory(), files)?;
    let socket_gate = SocketGate::open(&mut wasi, component, context);
    Ok((wasi.build(), socket_gate))
}
