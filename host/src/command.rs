use crate::component::{Component, World};
use crate::exit::{START_FAILED, status_reason};
use crate::host::Host;
use crate::instance::{InstanceOptions, ProcessInstance};
use crate::state::{Leases, ProcessState};
use rusm_core::{Context, ExitReason, ProcessBody, process_body};
use wasmtime_wasi::p2::bindings::CommandIndices;

/// The body of a process that runs a component's main: `wasi:cli/run`. It is up before its main begins, and ends with
/// it: `normal` for success, `exit_status` with the number as its detail for anything else.
pub fn command_body(host: &Host, component: &Component, options: InstanceOptions) -> ProcessBody {
    command_body_with(host, component, options, Leases::new())
}

/// The same, of a process that has unique names from its beginning.
pub(crate) fn command_body_with(
    host: &Host,
    component: &Component,
    options: InstanceOptions,
    leases: Leases,
) -> ProcessBody {
    let (host, component) = (host.clone(), component.clone());
    process_body(async move |context: Context| -> Result<(), ExitReason> {
        run(&host, &component, context, options, leases).await
    })
}

async fn run(
    host: &Host,
    component: &Component,
    context: Context,
    options: InstanceOptions,
    leases: Leases,
) -> Result<(), ExitReason> {
    let failed = |why: String| ExitReason::new(START_FAILED).with_detail(why);
    component.require(World::Command).map_err(|wrong| failed(wrong.to_string()))?;
    let ready = |state: &mut ProcessState| state.leases = leases;
    let mut process = ProcessInstance::new_with(host, component, context, options, ready).await?;
    process.context().init_ack();
    let exports = process.instance();
    let indices = CommandIndices::new(component.instance_pre()).map_err(|error| failed(format!("{error:#}")))?;
    let command = indices.load(process.store(), &exports).map_err(|error| failed(format!("{error:#}")))?;
    match process.enter("run", async |store| command.wasi_cli_run().call_run(store).await).await? {
        Ok(()) => Ok(()),
        Err(()) => Err(status_reason(1)),
    }
}

/// The status that a program ends with whose process ended so: 0, the guest's own, or 101 for a crash, as Rust
/// programs have it.
pub fn exit_status(reason: &ExitReason) -> u8 {
    const CRASHED: u8 = 101;
    match reason.word() {
        "normal" | "shutdown" => 0,
        crate::exit::EXIT_STATUS => reason.detail().and_then(|status| status.parse().ok()).unwrap_or(CRASHED),
        _ => CRASHED,
    }
}
