//! Names that must be unique, while networks, nodes, clocks and disks fail.

mod agreement;
mod late_answer;
mod leases;
mod singleton;
mod snapshot;
mod world;
