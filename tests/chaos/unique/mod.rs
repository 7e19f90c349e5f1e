//! Names that must be unique, while networks, nodes, clocks and disks fail.

mod agreement;
mod cut_off;
mod late_answer;
mod leases;
mod restarts;
mod singleton;
mod snapshot;
mod votes;
mod world;
