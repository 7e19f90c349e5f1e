//! What `rusm` exits with, beside 0. A wrong flag exits with clap's 2, `rusm run` with its component's own code.

/// The command could not do what it was asked to.
pub(crate) const FAILED: u8 = 1;
