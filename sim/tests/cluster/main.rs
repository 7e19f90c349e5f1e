//! Nodes that are connected by simulated links, over many seeds: delays, lost packets, streams that overtake each other,
//! one-way cuts, connections that break, nodes that crash and come back.
//!
//! `RUSM_SEED=42 cargo test -p rusm-sim --test cluster NAME` replays one seed of one scenario; `RUSM_SEEDS=1000` runs that
//! many of each.

mod explore;
mod flood;
mod links;
mod monitors;
mod order;
mod quiet;
mod restart;
mod world;
