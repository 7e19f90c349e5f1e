//! An app on a node: its components, its supervision tree and its routes, started and stopped as one.

mod application;
mod incarnation;
mod processes;
mod tree;

pub use incarnation::next_incarnation;
pub use processes::{AppProcess, Supervised};
pub use tree::{COMPONENT_KIND, supervisor_name};
