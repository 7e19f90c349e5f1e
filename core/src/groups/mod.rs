//! Processes under names that several may share: OTP's `pg`, and Elixir's `Registry` with duplicate keys.

mod key_registry;
mod membership;
#[cfg(test)]
mod model_tests;
mod pg;
mod watched;

pub use key_registry::{KeyRegistry, KeyRegistryRef, Keys, RegistryError};
pub use pg::{GroupChange, GroupEvent, GroupsRef, LeaveError, ProcessGroups};
