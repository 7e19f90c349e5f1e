//! The state machine behaviour: OTP's `gen_statem`, for native processes.

mod callbacks;
mod event_queue;
#[cfg(test)]
mod model_tests;
mod run;
mod step;
mod timeouts;

pub use callbacks::{Event, MachineInit, Standing, StateMachine, StateMachineRef};
pub use step::{Enter, Initial, Step, Transition};
pub use timeouts::TimeoutName;
