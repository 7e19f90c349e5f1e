//! Components on the simulated nodes of a cluster: what holds for their processes, over many seeds, while nodes and networks fail.
//!
//! `RUSM_SEED=42 cargo test --features sim,apps --test guests NAME` replays one seed of one scenario; `RUSM_SEEDS=1000` runs that many
//! of each. The other variables are those of [`rusm_sim::suite::Suite`].

#[path = "../serve/support/build.rs"]
#[allow(dead_code, reason = "the suites over real sockets need more of it")]
mod build;
mod groups;
mod nodes;
mod remote_pids;
mod spawn;
mod spawn_refused;
mod world;
