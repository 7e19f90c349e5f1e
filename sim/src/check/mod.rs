//! What must hold, as values that watch a run while it happens.
//!
//! A checker sees each thing when it happens and ends the run at the first that must not be. What it looks at is a
//! closure that picks, of what is [`Seen`], what the property is about:
//!
//! ```
//! use rusm_sim::check::{always, exactly_once};
//! use rusm_sim::{Seen, SeenEvent};
//!
//! fn paid(seen: &Seen<'_>) -> Option<u64> {
//!     match seen.event {
//!         SeenEvent::Recorded { kind: "paid", text } => text.parse().ok(),
//!         _ => None,
//!     }
//! }
//! let once = exactly_once("an order is paid once", paid);
//! let positive = always("orders are numbered from 1", |seen| match paid(seen) {
//!     Some(0) => Err("order 0 was paid".to_owned()),
//!     _ => Ok(()),
//! });
//! ```

mod history;
mod linearizable;
mod runtime;
mod values;

pub use history::{History, Invocation, Model, Operation, Returned};
pub use linearizable::linearizable;
pub use runtime::{incarnations_grow, names_have_one_owner, signals_keep_their_order};
pub use values::{Always, EventuallyWithin, ExactlyOnce, ModelComparison, OrderedByKey};
pub use values::{always, eventually_within, exactly_once, model, ordered_by_key};

use crate::Seen;
use rusm_core::Timestamp;

/// A property, and what has been seen of it so far.
pub trait Checker: Send {
    /// What it is called in a report.
    fn property(&self) -> &str;

    /// Something has happened.
    ///
    /// # Errors
    /// It must not have: why.
    fn see(&mut self, seen: &Seen<'_>) -> Result<(), String>;

    /// The run is over.
    ///
    /// # Errors
    /// Something is missing.
    fn end(&mut self, _at: Timestamp) -> Result<(), String> {
        Ok(())
    }
}
