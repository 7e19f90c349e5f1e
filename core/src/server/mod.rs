//! The server behaviour: OTP's `gen_server`, for native processes.

mod callbacks;
mod reference;
mod run;
#[cfg(test)]
mod tests;

pub use callbacks::{CallFrom, Called, Init, Next, Server};
pub use reference::{ServerRef, StopError};
