//! Processes of other nodes, over pipes in memory: what a rule says of a process it says of one on another node.

mod conformance;
mod pids;
mod races;
mod signals;
mod spawn;
mod support;
