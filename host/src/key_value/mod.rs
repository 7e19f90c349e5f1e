//! Key-value: one embedded store for each node, shared by all its processes, durable before a write returns.
//!
//! [`KeyValue`] is the store, `wasi:keyvalue` is how a component uses it. Buckets need no making: each is granted by
//! name in the manifest.

mod database;
mod guest;
mod operation;
mod queue;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use guest::add_to_linker;
pub use operation::{KEY_BYTES_MAX, KEYS_PER_PAGE, KeyPage, KeyValueError, Pair, VALUE_BYTES_MAX, Version};
pub use store::{KEY_VALUE_FILE, KeyValue};
