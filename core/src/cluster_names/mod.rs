//! Names that are known in the whole cluster: OTP's `global`.

mod names;
mod server;

pub use server::{ClusterNameError, ClusterNames};
