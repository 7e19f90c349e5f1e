//! Supervisors.

mod report;

pub use report::SupervisorReport;
