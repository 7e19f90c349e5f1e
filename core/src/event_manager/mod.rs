//! The event manager: OTP's `gen_event`, for native processes.

mod erased;
mod handler;
mod handlers;
mod reference;

pub use handler::{EventHandler, Handled, HandlerEnd, HandlerEnded};
pub use reference::{EventManager, EventManagerError, EventManagerRef};
