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
mod member;
mod tls;
mod wire;

pub use authority::{Authority, AuthorityError, Issued};
pub use credentials::{Credentials, CredentialsError};
pub use inspect::Inspected;
pub use member::{MemberError, MemberOptions, QuicMember};
