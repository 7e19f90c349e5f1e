//! The core under chaos, in the simulator: one file a behaviour, each over many seeds.
//!
//! `RUSM_SEED=42 cargo test --test chaos NAME` replays one seed of one scenario; `RUSM_SEEDS=10000` runs that many of
//! each. The other variables are those of [`rusm_sim::suite::Suite`].

mod bombs;
mod bounds;
mod calls;
mod canary;
mod cluster;
mod golden;
mod hash;
mod inventions;
mod keys;
mod links;
mod memory;
mod monitors;
mod names;
mod node_crash;
mod receives;
mod revocation;
mod soup;
mod supervisors;
mod support;
mod timers;
mod told_groups;
mod told_instances;
mod told_processes;
mod told_supervisor;
mod trace;
mod unique;
