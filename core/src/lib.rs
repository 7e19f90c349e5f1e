//! OTP for Rust, without WebAssembly, sockets or a clock of its own.

mod exit_reason;
mod message;
mod pid;

pub use exit_reason::{EXIT_REASON_DETAIL_MAX, ExitReason};
pub use message::{Caller, Destination, Encoding, Message, Monitored, Payload, Term};
pub use pid::{NodeId, Pid, Reference};
