//! Real nodes: `rusm node` as processes of their own, killed, stopped and started again, over a network that loses, delays,
//! duplicates and cuts. Each runs a courier (`tests/nodes/app`), which writes to all others and checks what they write: in order,
//! each once, missing only behind a `DOWN`, and one `DOWN` for each monitor.
//!
//! `RUSM_SEED=N` draws other faults; `RUSM_ROUNDS=N` makes the random test longer. Nothing waits for a time, but for what it says.

#![expect(clippy::disallowed_methods, reason = "looks at nodes from outside: it runs in no simulator")]

mod chat;
mod cluster;
mod faults;
mod namespaces;
mod network;
mod news;
mod processes;
mod relay;
mod singletons;
mod soak;
#[path = "../serve/support/mod.rs"]
mod support;
mod weather;
