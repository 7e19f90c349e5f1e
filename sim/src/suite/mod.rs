//! Scenarios over many seeds: nodes, scripts that use them, faults, and what must hold.

mod case;
mod conduct;
mod divergence;
mod explore;
mod native;
mod scenario;
mod settings;
mod shrink;

pub use case::{Case, CaseError};
pub use divergence::MemoryLog;
pub use explore::{Suite, run_test};
pub use scenario::Test;
pub use shrink::{Shrunk, shrink, shrink_with};

pub(crate) use conduct::run_case;
