//! The cluster over QUIC with TLS 1.3: both sides of a connection present a certificate of the cluster's own authority.
//!
//! This is the production half of what [`cluster::Wire`](crate::cluster::Wire) says; the simulator has links of its own.

#![expect(
    clippy::disallowed_methods,
    reason = "the production half of the wire: sockets and tasks are quinn's and tokio's"
)]

mod authority;
mod connection;
mod credentials;
mod inspect;
mod join;
mod kept;
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
pub use member::{MemberError, MemberOptions, QuicMember, RenewError};
pub use revocations::{REVOCATIONS_LEN_MAX, Revocations, RevocationsError, Serial};
