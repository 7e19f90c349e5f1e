//! `rusm.toml`: the components of an app, its supervision tree, its routes, and what each component is granted.
//!
//! [`Manifest::load`] reads one and collects everything that is wrong with it, each [`Problem`] with file, line, column,
//! key, and what to do. Nothing of a manifest with a problem is used.

mod app;
mod component;
mod foreign_code;
mod grants;
mod limits;
mod load;
mod name;
mod narrow;
mod problem;
mod references;
mod route;
mod scalar;
mod section;
mod suggest;
mod supervisor;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files for the tests: no node runs here")]
mod tests;
mod tree;

pub use app::{AppSettings, DEFAULT_LISTEN, SimSettings};
pub use component::{Code, Component, Language};
pub use foreign_code::{DEFAULT_FOREIGN_BYTES, ForeignCode};
pub use grants::{DEFAULT_MEMORY_BYTES, FileGrant, Grants, NamePattern, RESERVED_PREFIX, SocketGrant};
pub use limits::Limits;
pub use load::{MANIFEST_FILE, Manifest};
pub use problem::{ManifestError, Problem};
pub use route::{Route, RoutePath, Segment, Target};
pub use scalar::{parse_duration, parse_size};
pub use supervisor::{Child, ChildName, Children, Supervisor};
