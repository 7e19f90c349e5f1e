//! Nodes of one cluster, over many seeds: delays, lost packets, streams that overtake each other, one-way cuts, connections
//! that break, nodes that stand still, crash and come back.
//!
//! `RUSM_SEED=42 cargo test -p rusm-sim --test cluster NAME` replays one seed of one scenario; `RUSM_SEEDS=1000` runs that
//! many of each. The other variables are those of [`rusm_sim::suite::Suite`].

mod flood;
mod liar;
mod links;
mod monitors;
mod news;
mod order;
mod quiet;
mod restart;
mod rights;
mod spawn;
mod storm;
mod versions;
mod world;
