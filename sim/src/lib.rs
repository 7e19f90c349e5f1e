//! The seeded simulator: everything above the machine runs on one thread, in virtual time, on a network and on disks
//! that fail, and one seed decides all of it. The same seed and binary give the same event log, byte for byte.
//!
//! A [`test`] is a scenario that is run for many seeds: nodes, scripts that use them, faults, and what must hold. A
//! single run of anything is a [`Sim`]: its [hosts](SimHandle::seams) have simulated halves of the seams of
//! [`rusm_core::seam`]; nodes and whatever runs on them are the unchanged code.

#[cfg(feature = "guests")]
pub mod app;
pub mod check;
mod clock;
mod cluster_wire;
mod delivery;
mod disk;
mod entropy;
mod executor;
mod hasher;
mod links;
mod network;
mod outcome;
mod plan;
mod profile;
#[cfg(feature = "quic")]
mod quic;
mod recorder;
mod report;
mod seed;
mod seen;
mod sim;
pub mod suite;
mod sync;
mod tenant;
pub mod timeline;
mod tracer;
mod version;

pub use cluster_wire::ClusterWire;
pub use disk::{CrashLoss, Disk, DiskFaults};
pub use network::{ConnectionInfo, Network};
pub use outcome::Outcome;
pub use plan::{Fault, FaultKind, Field, Plan, PlanError, PlannedFault};
pub use profile::{Policy, Profile};
pub use recorder::{EventLog, Recorder};
pub use report::Report;
pub use rusm_sim_macros::test;
pub use seen::{Seen, SeenEvent};
pub use sim::{RunError, Sim, SimHandle, SimOptions};
pub use suite::{Case, CaseError, Test};
pub use version::version;
