//! An app on a node: its components, its supervision tree and its routes, started and stopped as one.
//!
//! [`App::load`] compiles the components of a [`Manifest`](crate::manifest::Manifest), [`App::start`] runs them on a node:
//! in production and in the simulator alike, as everything goes through the node's seams.

mod application;
mod incarnation;
mod load;
mod processes;
mod running;
mod tree;

pub use crate::serve::ListenError;
pub use incarnation::next_incarnation;
pub use load::{App, AppError, LoadProgress};
pub use processes::{AppProcess, Supervised};
pub use running::{RunningApp, StartError};
pub use tree::{COMPONENT_KIND, supervisor_name};
