//! What a RUSM component in Rust imports.
//!
//! A component is a process: it has a pid and a mailbox, it can be linked, monitored and supervised, and it dies alone.
//! Which process it is, its exports say:
//!
//! | write | export with | and it is |
//! |---|---|---|
//! | [`Actor`] | [`export_actor!`] | a long-lived process made of callbacks |
//! | [`Actor`] and [`WebSocket`] | [`export_websocket!`] | one process per WebSocket |
//! | [`Actor`] and [`EventStream`] | [`export_event_stream!`] | one process per listener of server-sent events |
//! | [`Http`] | [`export_http!`] | one process per HTTP request |
//! | `fn main` | nothing | a process that runs and ends (`wasi:cli/run`) |
//!
//! ```no_run
//! use rusm_sdk::{Actor, Term, export_actor};
//!
//! struct Counter(u64);
//!
//! impl Actor for Counter {
//!     fn init(_args: Term) -> Result<Self, String> {
//!         rusm_sdk::process::register("counter").map_err(|refusal| refusal.to_string())?;
//!         Ok(Counter(0))
//!     }
//!
//!     fn call(&mut self, _request: Term, _caller: rusm_sdk::Caller) -> Option<Term> {
//!         self.0 += 1;
//!         Some(Term::json(&self.0))
//!     }
//! }
//!
//! export_actor!(Counter);
//! ```
//!
//! The export macros export nothing on other targets than Wasm, so that a component's own logic can have unit tests.
//!
//! The manifest grants what a component may do; a call that it does not grant comes back as [`Refusal::Denied`] with the
//! name of the missing grant. The words and the rules are Erlang/OTP's.

#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub use wasip2;

mod actor;
pub mod cluster;
mod event_stream;
pub mod groups;
mod http;
pub mod key_value;
pub mod log;
mod pid;
pub mod process;
pub mod scenario;
pub mod supervisor;
mod term;
pub mod unique;
mod websocket;

pub use actor::Actor;
#[doc(hidden)]
pub use actor::Exported;
pub use bindings::actor::rusm::actor::types::{
    Caller, Destination, DownEvent, Encoding, Event, ExitEvent, ExitReason, GroupChange, GroupEvent, MemberStatus,
    Monitored, NodeEvent, NodeInfo, NodeStatus, Pid, Reference, Refusal, RemoteName, Term,
};
pub use bindings::websocket::rusm::serve::types::Request as OpeningRequest;
pub use cluster::ClusterName;
pub use event_stream::{EventStream, ServerEvent, events};
#[doc(hidden)]
pub use http::ExportedHttp;
pub use http::{Http, Request, Response};
pub use term::TermError;
pub use websocket::{Close, Frame, WebSocket, socket};
