//! Supervisors: OTP's `supervisor`, as a state machine and an ordinary process that drives it.
//!
//! [`SupervisorSpec`] says what to supervise, [`Supervisor`] starts it, [`SupervisorRef`] asks it. The rules are those
//! of OTP's `supervisor.erl`; where this one differs, the item's documentation says so.

mod calls;
mod child_spec;
mod children;
mod driver;
mod flags;
#[cfg(test)]
mod model_tests;
mod reference;
mod report;
mod request;
mod restart_window;
mod spec;
mod state;
#[cfg(test)]
mod test_world;
#[cfg(test)]
mod tests;

pub use child_spec::{ChildArgs, ChildKind, ChildSpec, ChildStart, Restart, Shutdown, SpecError};
pub use driver::Supervisor;
pub use flags::{AutoShutdown, Strategy, SupervisorFlags};
pub use reference::SupervisorRef;
pub use report::{Decision, SupervisorReport};
pub use request::{ChildCounts, ChildInfo, ChildRef, SupervisorError};
pub use spec::SupervisorSpec;
