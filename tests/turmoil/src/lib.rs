//! The cluster as production runs it, over turmoil's network: tokio's runtime and timers, quinn, rustls with ring, and the files of
//! the machine. What the simulator's own executor replaces is real here; the price is that only the faults follow from the
//! seed, and not the run: TLS and quinn draw from the machine.

#![expect(clippy::disallowed_methods, reason = "the machine's time of day, by which certificates count")]

mod faults;
mod machine;
mod node;
mod talk;

pub use faults::{Faults, carry_out};
pub use node::{NAMES, World};
