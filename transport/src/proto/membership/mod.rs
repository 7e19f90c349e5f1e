//! Who is a member of the cluster, by gossip: SWIM, as the library `foca` has it.

mod config;
mod machine;
mod member;
mod packet;
mod schedule;
#[cfg(test)]
mod tests;

pub use config::MembershipConfig;
pub use machine::{MemberChange, Membership};
pub use member::{MemberId, MemberName};
pub use packet::{GossipError, GossipPacket};
