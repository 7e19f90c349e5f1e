//! WebAssembly components as supervised processes: Wasmtime, capabilities, serving.
//!
//! A [`Host`] holds the components of an app, each with its grants. A component's instance is a process like any other:
//! [`callback_body`] and [`command_body`] make bodies for it, [`Host::register`] lets supervisors start them, and
//! [`CallbackProcess`] is what a process stands on that serves a connection as well.

mod actor;
pub mod app;
mod callbacks;
mod command;
mod component;
pub mod engine;
mod exit;
mod factory;
mod faults;
mod foreign;
mod grants;
mod host;
mod instance;
pub mod key_value;
pub mod limits;
pub mod manifest;
mod mark;
mod state;
mod wasi;
mod watched;

pub use callbacks::{CallbackProcess, callback_body};
pub use command::{command_body, exit_status};
pub use component::{Component, Exports, World, WrongWorld};
pub use engine::{CompileError, Engine, Profile};
pub use exit::{DENIED, EXIT_STATUS, MEMORY_LIMIT, START_FAILED, SYSTEM_LIMIT, TRAP};
pub use faults::{GuestFault, GuestFaults};
pub use grants::Denied;
pub use host::{Host, HostOptions, LinkerExtension, LoadError};
pub use instance::{InstanceOptions, ProcessInstance, Stdio};
pub use mark::Mark;
pub use state::ProcessState;
pub mod serve;
