//! What each node tells the others of its own processes: the names and the groups that they have across the cluster.
//!
//! Every node is the only one that speaks for its processes. It shares its [`Part`](part::Part) with the others, in order and each
//! change once; what a node sees is all parts together, so that whatever came in which order, two nodes that have the same parts
//! see the same. What is of a node is there for as long as there is an association with it, as in OTP's `pg` and `global`.

mod machine;
#[cfg(test)]
mod model_tests;
mod part;
mod sharer;
mod wire;

pub(crate) use part::{COUNT_MAX, Change};
pub(crate) use sharer::Sharer;
pub(crate) use wire::check_key;
