//! Names that must be unique: leases through consensus. [`UniqueNames`] is what processes use,
//! [`Singleton`] runs a process once in the cluster, [`Voter`] is who decides.

mod codec;
mod fence;
mod keeper;
mod lease;
mod leases;
mod names;
mod protocol;
mod raft;
mod registry;
mod singleton;
mod status;
mod voter;

pub use fence::{Fence, Stale};
pub use lease::Lease;
pub use leases::FencingToken;
pub use names::{UniqueNameChanged, UniqueNameError, UniqueNames};
#[doc(hidden)]
pub use protocol::read_again;
pub use raft::VOTER_FILE;
pub use singleton::Singleton;
pub use status::{HeldName, VoterStatus};
pub use voter::Voter;
