//! Clusters in the simulator: what holds while the network and the nodes fail, and by when everything is well again.

mod membership;
mod world;
