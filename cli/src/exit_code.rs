//! What `rusm` exits with, beside 0. A wrong flag exits with clap's 2, `rusm run` with its component's own code.

/// The command could not do what it was asked to.
pub(crate) const FAILED: u8 = 1;
/// The root supervisor of a served app gave up.
pub(crate) const ROOT_GAVE_UP: u8 = 3;
/// A property of a simulated app is broken.
pub(crate) const PROPERTY_BROKEN: u8 = 4;
/// A simulated app stalled.
pub(crate) const STALLED: u8 = 5;
/// A simulated app did not start, its scenario failed or a task panicked.
pub(crate) const CRASHED: u8 = 6;
/// No majority of the voters on unique names answers.
pub(crate) const NO_MAJORITY: u8 = 7;
/// Ctrl-C, as a shell says it.
pub(crate) const INTERRUPTED: u8 = 130;
