//! Clusters in the simulator: what holds while the network and the nodes fail, and by when everything is well again.

mod groups;
mod membership;
mod names;
mod world;
