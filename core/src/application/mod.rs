//! Applications: OTP's way to start and stop whole supervision trees that depend on each other.

mod controller;
mod master;
mod plan;
mod reference;
mod spec;

pub use reference::{ApplicationError, Applications, ApplicationsRef, RunningApplication};
pub use spec::{ApplicationSpec, Moment, StartType};
