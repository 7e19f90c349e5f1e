//! From the error that a call into a guest ends with to the exit reason that others see.

use crate::limits::MemoryLimit;
use crate::mark::Mark;
use crate::state::ProcessState;
use rusm_core::ExitReason;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// The guest called `exit`: not a trap, though it leaves the guest like one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process exits: {0}")]
pub(crate) struct ProcessExit(pub(crate) ExitReason);

/// The word for a guest that trapped: the detail is the trap's message, a Rust panic's before it.
pub const TRAP: &str = "trap";
/// The word for a guest that wanted more memory than is granted.
pub const MEMORY_LIMIT: &str = "memory_limit";
/// The word for a start that did not come to a process.
pub const START_FAILED: &str = "start_failed";
/// The word for a start that the node does not allow.
pub const DENIED: &str = "denied";
/// The word for a start that the machine has no room for.
pub const SYSTEM_LIMIT: &str = "system_limit";
/// The word for a process whose `wasi:cli/exit` status was not 0: the detail is the number.
pub const EXIT_STATUS: &str = "exit_status";

/// Why the process ends whose guest ended with `error`.
pub(crate) fn exit_reason(error: &wasmtime::Error, state: &ProcessState) -> ExitReason {
    if let Some(ProcessExit(reason)) = error.downcast_ref() {
        return reason.clone();
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return status_reason(*status);
    }
    let (mark, reason) = match error.downcast_ref::<MemoryLimit>() {
        Some(MemoryLimit { limit, wanted }) => {
            let component = state.component.name();
            let detail =
                format!("it wanted {wanted} bytes of memory; grants.memory of component {component} allows {limit}");
            (Mark::MemoryLimit, ExitReason::new(MEMORY_LIMIT).with_detail(detail))
        }
        None => (Mark::Trapped, ExitReason::new(TRAP).with_detail(trap_message(error, &state.last_words.take()))),
    };
    mark.reached(state.context.node());
    match error.downcast_ref::<WasmBacktrace>() {
        Some(backtrace) => reason.with_backtrace(backtrace.to_string()),
        None => reason,
    }
}

/// `normal` for 0, as the shell sees it.
pub(crate) fn status_reason(status: i32) -> ExitReason {
    match status {
        0 => ExitReason::NORMAL,
        status => ExitReason::new(EXIT_STATUS).with_detail(status.to_string()),
    }
}

/// A Rust panic is an `unreachable` for Wasm; what it says it has written or logged just before.
fn trap_message(error: &wasmtime::Error, last_words: &str) -> String {
    let trap = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let said = matches!(error.downcast_ref(), Some(Trap::UnreachableCodeReached)) && !last_words.is_empty();
    if said { format!("{last_words}\n{trap}") } else { trap }
}
