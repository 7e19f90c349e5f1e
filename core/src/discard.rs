use crate::task::panic_message;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops what somebody else made. When its destructor panics, people are told, and whoever drops it goes on.
pub(crate) fn discard<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(move || drop(value))) {
        tracing::error!("a destructor panicked: {}", panic_message(panic.as_ref()));
    }
}
