//! What every implementation of a seam must do: one suite a seam, for whoever writes one.
//!
//! Each suite takes an implementation and panics with the promise that it breaks. The production halves run them in the
//! tests of this crate, the simulated ones in those of `rusm-sim`. None waits for wall-clock time beyond a few
//! milliseconds, and none needs more than the seam says.

mod clock;
mod delivery;
mod entropy;
mod executor;
mod sockets;
mod storage;

pub use clock::clock;
pub use delivery::delivery;
pub use entropy::entropy;
pub use executor::executor;
pub use sockets::sockets;
pub use storage::storage;

#[cfg(test)]
mod tests;
