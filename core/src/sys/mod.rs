//! Looks into live processes and holds them: OTP's `sys`.
//!
//! A server, a state machine and a supervisor answer here, in the order of their mailbox and between two callbacks. A plain
//! process has no loop that could, and each call says so at once, with [`SysError::Plain`]; what the runtime knows of any
//! process is [`Node::process_info`](crate::Node::process_info).
//!
//! ```
//! # use rusm_core::{CallFrom, Called, Context, Init, Next, Node, NodeOptions, Server, ServerRef, SpawnOptions, Started};
//! # use rusm_core::seam::Seams;
//! use rusm_core::sys;
//! # struct Counter(u64);
//! # impl Server for Counter {
//! #     type Args = (); type Call = (); type Reply = u64; type Cast = (); type Continue = ();
//! #     async fn init(_: &Context, (): ()) -> Init<Self> { Init::Up(Counter(1), Next::Receive) }
//! #     async fn handle_call(&mut self, _: &Context, (): (), _: CallFrom<u64>) -> Called<Self> {
//! #         Called::Reply(self.0, Next::Receive)
//! #     }
//! #     fn format_status(&self) -> String { format!("at {}", self.0) }
//! # }
//! # const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
//! # let Started::Up(pid) = node.start_process(SpawnOptions::default(), Counter::body(())).await else { panic!() };
//! sys::suspend(&node, pid, SECOND).await?;
//! sys::replace_state(&node, pid, SECOND, |counter: &mut Counter| counter.0 = 42).await?;
//! assert_eq!(sys::state(&node, pid, SECOND, |counter: &Counter| counter.0).await?, 42);
//! assert_eq!(sys::status(&node, pid, SECOND).await?.state, "at 42");
//! sys::resume(&node, pid, SECOND).await?;
//! # Ok::<(), sys::SysError>(()) }).unwrap();
//! ```

mod handle;
mod request;

pub(crate) use handle::{Observed, handle};
pub(crate) use request::SystemRequest;
pub use request::{Status, SysError};

use crate::{Behaviour, Calls, ClusterNames, Destination, ExitReason, Payload};
use request::{Answer, Look};
use std::any::{Any, type_name};
use std::time::Duration;

/// What a process is and does, and its state in the words of its behaviour. Source: OTP `sys:get_status/2`.
///
/// # Errors
/// See [`SysError`].
pub async fn status(
    caller: &impl Calls,
    process: impl Into<Destination>,
    timeout: Duration,
) -> Result<Status, SysError> {
    match ask(caller, process, SystemRequest::Status, timeout).await? {
        Answer::Status(status) => Ok(*status),
        other => unreachable!("a status was asked for: {other:?}"),
    }
}

/// Has the process handle nothing but what this module asks it, until [`resume`]; its messages wait. To suspend twice is
/// no error. Source: OTP `sys:suspend/2`.
///
/// # Errors
/// See [`SysError`].
pub async fn suspend(caller: &impl Calls, process: impl Into<Destination>, timeout: Duration) -> Result<(), SysError> {
    ask(caller, process, SystemRequest::Suspend, timeout).await.map(|_| ())
}

/// Ends a [`suspend`]; of a process that is not suspended it is no error. Source: OTP `sys:resume/2`.
///
/// # Errors
/// See [`SysError`].
pub async fn resume(caller: &impl Calls, process: impl Into<Destination>, timeout: Duration) -> Result<(), SysError> {
    ask(caller, process, SystemRequest::Resume, timeout).await.map(|_| ())
}

/// Has the process end with that reason, after its `terminate`, also while it is suspended. Source: OTP `sys:terminate/3`.
///
/// # Errors
/// See [`SysError`].
pub async fn terminate(
    caller: &impl Calls,
    process: impl Into<Destination>,
    reason: ExitReason,
    timeout: Duration,
) -> Result<(), SysError> {
    ask(caller, process, SystemRequest::Terminate(reason), timeout).await.map(|_| ())
}

/// What `look` makes of the process's state. It runs in that process: of a server `T` is the server, of a state machine
/// [`Standing`](crate::Standing). Source: OTP `sys:get_state/2`.
///
/// # Errors
/// See [`SysError`].
pub async fn state<T: Any, R: Send + 'static>(
    caller: &impl Calls,
    process: impl Into<Destination>,
    timeout: Duration,
    look: impl FnOnce(&T) -> R + Send + 'static,
) -> Result<R, SysError> {
    replace_state(caller, process, timeout, |state: &mut T| look(state)).await
}

/// Has `change` change the process's state, in that process. What it returns comes back. A panic in it is an error here,
/// and harms the process no more than it has changed. Source: OTP `sys:replace_state/3`.
///
/// # Errors
/// See [`SysError`].
pub async fn replace_state<T: Any, R: Send + 'static>(
    caller: &impl Calls,
    process: impl Into<Destination>,
    timeout: Duration,
    change: impl FnOnce(&mut T) -> R + Send + 'static,
) -> Result<R, SysError> {
    let look: Look = Box::new(|state| state.downcast_mut::<T>().map(|state| Payload::local(change(state))));
    match ask(caller, process, SystemRequest::State(look, type_name::<T>()), timeout).await? {
        Answer::Looked(result) => Ok(result.downcast().unwrap_or_else(|_| unreachable!("look returns an R"))),
        other => unreachable!("a state was asked for: {other:?}"),
    }
}

async fn ask(
    caller: &impl Calls,
    process: impl Into<Destination>,
    request: SystemRequest,
    timeout: Duration,
) -> Result<Answer, SysError> {
    let process = process.into();
    let pid = match &process {
        Destination::Pid(pid) => Some(*pid),
        Destination::Name(name) => caller.own_node().whereis(name),
        Destination::ClusterName(name) => ClusterNames::whereis(caller.own_node(), name),
        Destination::NameAt { .. } | Destination::Alias(_) => None,
    };
    let info = pid.and_then(|pid| caller.own_node().process_info(pid));
    if let Some(info) = info
        && info.behaviour == Behaviour::Plain
    {
        return Err(SysError::Plain { pid: info.pid, function: info.function });
    }
    let reply = caller.call_process(process, Payload::local(request), timeout).await?;
    reply.downcast::<Result<Answer, SysError>>().unwrap_or_else(|_| unreachable!("behaviours answer with an Answer"))
}
