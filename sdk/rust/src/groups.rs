//! Groups of processes that are known in the whole cluster: OTP's `pg`.
//!
//! Every node tells the others who of its own processes is a member. When the connection with a node ends, its members have left for
//! this one, and they come back with the next connection.
//!
//! ```no_run
//! use rusm_sdk::{Term, groups, process};
//!
//! groups::join("watchers")?;
//! // On any node:
//! for watcher in groups::members("watchers")? {
//!     process::send(watcher, Term::text("something happened"))?;
//! }
//! # Ok::<(), rusm_sdk::Refusal>(())
//! ```

use crate::bindings::actor::rusm::actor::groups as host;
use crate::{Pid, Reference, Refusal};

pub use host::Watched;

/// Makes the calling process a member of a group, whose name has at most 255 bytes. Who joins twice is a member twice; a process
/// leaves its groups when it ends. It has at most 1,024 memberships at a time. Grant: `join-groups`.
///
/// # Errors
/// The grant is missing, the name is too long, or the process has too many memberships.
pub fn join(group: &str) -> Result<(), Refusal> {
    host::join(group)
}

/// Takes one membership of this process away. Grant: `join-groups`.
///
/// # Errors
/// The grant is missing, or this process is no member.
pub fn leave(group: &str) -> Result<(), Refusal> {
    host::leave(group)
}

/// The members, as this node knows them, by pid, each as often as it joined. Grant: `reach-groups`.
///
/// # Errors
/// The grant is missing.
pub fn members(group: &str) -> Result<Vec<Pid>, Refusal> {
    host::members(group)
}

/// Those of the members that live on this node. Grant: `reach-groups`.
///
/// # Errors
/// The grant is missing.
pub fn local_members(group: &str) -> Result<Vec<Pid>, Refusal> {
    host::local_members(group)
}

/// The groups that have members and that this component may reach, sorted.
///
/// # Errors
/// The process of the groups is being started again: ask once more.
pub fn which_groups() -> Result<Vec<String>, Refusal> {
    host::which_groups()
}

/// Watches a group: an [`Event::Group`](crate::Event::Group) for whoever joins or leaves it from now on; the members that are
/// returned are those just before. Grant: `reach-groups`.
///
/// # Errors
/// The grant is missing.
pub fn monitor(group: &str) -> Result<Watched, Refusal> {
    host::monitor(group)
}

/// Ends a monitor of a group; none of its events comes any more.
pub fn demonitor(monitor: Reference) {
    host::demonitor(monitor);
}
