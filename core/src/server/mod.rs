//! The server behaviour: OTP's `gen_server`, for native processes.

mod callbacks;
mod run;
#[cfg(test)]
mod tests;

pub use callbacks::{Called, Init, Next, Server, ServerRef};
