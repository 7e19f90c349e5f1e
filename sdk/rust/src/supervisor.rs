//! The supervisors that the manifest names.

use crate::bindings::actor::rusm::actor::supervisor as host;
use crate::{Pid, Term};

pub use host::{Child, StartChildError};

/// Starts one more child of a dynamic supervisor and waits for its `init`. Grant: `supervise`.
///
/// # Errors
/// The grant is missing, the child's `init` failed, or that supervisor does not run.
pub fn start_child(supervisor: &str, args: impl Into<Term>) -> Result<Pid, StartChildError> {
    host::start_child(supervisor, &args.into())
}

/// The children, in start order. Grant: `supervise`.
///
/// # Errors
/// The grant is missing, or that supervisor does not run.
pub fn which_children(supervisor: &str) -> Result<Vec<Child>, StartChildError> {
    host::which_children(supervisor)
}
