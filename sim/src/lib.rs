//! The seeded simulator: everything above the machine runs on one thread, in virtual time, on a network and on disks
//! that fail, and one seed decides all of it. The same seed and binary give the same event log, byte for byte.
//!
//! A run is a [`Sim`]. Its [hosts](Sim::seams) have simulated halves of the seams of [`rusm_core::seam`]; nodes and
//! whatever runs on them are the unchanged code.

#[cfg(feature = "guests")]
pub mod app;
mod clock;
mod delivery;
mod disk;
mod entropy;
mod executor;
mod hasher;
mod network;
mod profile;
mod recorder;
mod seed;
mod sim;
mod tracer;

pub use disk::{CrashLoss, Disk, DiskFaults};
pub use network::{ConnectionInfo, Network};
pub use profile::{Policy, Profile};
pub use recorder::Recorder;
pub use sim::{RunError, Sim, SimHandle, SimOptions};
