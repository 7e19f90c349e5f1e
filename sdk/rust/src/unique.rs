//! Names that one process of the whole cluster has at a time, also while nodes do not reach each other.
//!
//! A majority of the cluster's voters (`rusm node --voters a,b,c`) grants a name for a time and renews it for as long as its holder
//! lives. So a call waits for them, and without a majority there is no new name and the holders lose theirs. A name that may have two
//! owners for a while costs less: see [`cluster`](crate::cluster).
//!
//! ```no_run
//! use rusm_sdk::{Term, process, unique};
//! use std::time::Duration;
//!
//! let token = unique::register("ledger", Duration::from_secs(10))?;
//! // Right before what must not be done twice, and with it, so that whoever keeps the books refuses a former holder's:
//! if unique::held("ledger") == Some(token) {
//!     process::send("books", Term::json(&(token, "an entry")))?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The process of a singleton (`singleton = "ledger"` in the manifest) has its name from its beginning: [`held`] says by which token.

use std::fmt;
use std::time::Duration;

use crate::bindings::actor::rusm::actor::unique as host;
use crate::{Pid, Refusal};

/// Who has a unique name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: Pid,
    /// Which lease of all it is: it grows with each, of whatever name.
    pub token: u64,
}

impl From<host::Holder> for Holder {
    fn from(holder: host::Holder) -> Self {
        Self { pid: holder.pid, token: holder.token }
    }
}

/// Why a unique name was not registered, given back or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UniqueError {
    /// The grant is missing, the name is none, or this node knows nobody who grants one. Nothing has changed.
    Refused(Refusal),
    /// It is that process's. Nothing has changed.
    Taken(Holder),
    /// No majority of the voters has answered in time. What was asked for may have happened, or may happen yet.
    NoMajority,
}

impl fmt::Display for UniqueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => f.write_str(refusal.text()),
            Self::Taken(holder) => write!(f, "the name is {}'s, by token {}", holder.pid, holder.token),
            Self::NoMajority => f.write_str("no majority of the voters has answered in time"),
        }
    }
}

impl std::error::Error for UniqueError {}

impl From<host::UniqueError> for UniqueError {
    fn from(error: host::UniqueError) -> Self {
        match error {
            host::UniqueError::Refused(refusal) => Self::Refused(refusal),
            host::UniqueError::Taken(holder) => Self::Taken(holder.into()),
            host::UniqueError::NoMajority => Self::NoMajority,
        }
    }
}

/// Gives the calling process a name of 1 to 255 bytes, and says by which token: it grows with each lease, and whoever keeps what this
/// process changes refuses a lesser one than it has seen. The name is free again when the process ends. When it is lost, because no
/// majority of the voters could be reached in time, the process gets the exit signal `unique_name_lost`, whose detail is the name.
/// Grant: `register-unique`.
///
/// # Errors
/// See [`UniqueError`].
pub fn register(name: &str, timeout: Duration) -> Result<u64, UniqueError> {
    Ok(host::register(name, millis(timeout))?)
}

/// Gives a unique name of this process back. Grant: `register-unique`.
///
/// # Errors
/// No majority has said in time that it is free: it is not held any more, and will be free when its time is over. Or the process does
/// not have it.
pub fn unregister(name: &str, timeout: Duration) -> Result<(), UniqueError> {
    Ok(host::unregister(name, millis(timeout))?)
}

/// Who has that name now, as a majority of the voters says. Grant: `reach-unique`.
///
/// # Errors
/// See [`UniqueError`].
pub fn whereis(name: &str, timeout: Duration) -> Result<Option<Holder>, UniqueError> {
    Ok(host::whereis(name, millis(timeout))?.map(Holder::from))
}

/// By which token this process has that name at this moment; nothing when it has not, or not any more. It asks nobody.
pub fn held(name: &str) -> Option<u64> {
    host::held(name)
}

fn millis(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)
}
