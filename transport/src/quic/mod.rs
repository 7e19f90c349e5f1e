//! The cluster over QUIC with TLS 1.3: both sides of a connection present a certificate of the cluster's own authority.
//!
//! This is the production half of what [`cluster::Wire`](crate::cluster::Wire) says. The simulator has faster links of its own, and
//! runs this too: what is not of the node's seams comes from a [`Machine`].

mod authority;
mod connection;
mod credentials;
mod endpoint;
mod inspect;
mod join;
mod kept;
mod machine;
mod member;
mod own;
mod refused;
mod revocations;
mod spread;
mod tls;
mod trust;
mod wire;

pub use authority::{Authority, AuthorityError, Issued};
pub use credentials::{Credentials, CredentialsError};
pub use inspect::Inspected;
pub use machine::{Machine, TokioMachine};
pub use member::{MemberError, MemberOptions, QuicMember, RenewError};
pub use revocations::{REVOCATIONS_LEN_MAX, Revocations, RevocationsError, Serial};
pub use tls::is_node_name;
