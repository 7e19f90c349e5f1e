use super::credentials::{Credentials, CredentialsError};
use super::endpoint;
use super::join::join;
use super::kept::Kept;
use super::machine::{Machine, TokioMachine};
use super::own::Own;
use super::revocations::{Revocations, RevocationsError};
use super::tls::{self, Ingredients};
use super::trust::{Answering, Trust};
use super::wire::{QuicWire, Table};
use crate::cluster::{Cluster, ClusterOptions};
use crate::proto::{Config, Identity, LANE_STREAMS, Role};
use quinn::{TransportConfig, VarInt};
use rusm_core::Node;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long [`QuicMember::stop`] waits for the other sides to hear of it.
const STOP_TIME: Duration = Duration::from_secs(2);

/// How a node becomes a member of a cluster over QUIC.
pub struct MemberOptions {
    /// The UDP address to listen on and to dial from; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What it proves itself with. The node has the certificate's name.
    pub credentials: Credentials,
    /// Where the others can dial this node. By default where it listens, when that is one address; a node that listens on all of
    /// its machine's is dialled only by those that it has dialled before.
    pub advertise: Option<SocketAddr>,
    /// Where other members may be: each is asked who is there, until it answers, and tells of the others. One is enough.
    pub join: Vec<SocketAddr>,
    /// Limits and times.
    pub config: Config,
}

/// A node's membership.
pub struct QuicMember {
    own: Arc<Own>,
    identity: Identity,
    table: Arc<Table>,
    cluster: Cluster,
}

/// Why a node could not become a member.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// The credentials are not usable.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// They are another's.
    #[error(
        "the certificate is for {certificate:?}, this node is {node:?}: start it with that name, or issue one for it"
    )]
    Name {
        /// Whom the certificate names.
        certificate: String,
        /// The node.
        node: String,
    },
    /// The address cannot be used.
    #[error("cannot listen on {address} (UDP): {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// It is a member already.
    #[error("the node is a member of a cluster already")]
    Already,
}

/// Why a member goes on with the certificate that it has.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewError {
    /// The new one is another's.
    #[error("the new certificate is for {0:?}: it must be for this node")]
    Name(String),
    /// The new one is of another authority.
    #[error("the new certificate is of another cluster's authority")]
    Authority,
    /// The new one cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl QuicMember {
    /// Makes the node a member; it needs a tokio runtime. It is one until [`stop`](Self::stop).
    ///
    /// # Errors
    /// See [`MemberError`].
    pub fn start(node: &Node, options: MemberOptions) -> Result<Self, MemberError> {
        Self::start_on(&TokioMachine, node, options)
    }

    /// The same, on another machine than tokio's.
    ///
    /// # Errors
    /// See [`MemberError`].
    pub fn start_on(machine: &dyn Machine, node: &Node, options: MemberOptions) -> Result<Self, MemberError> {
        let MemberOptions { listen, credentials, advertise, join: addresses, config } = options;
        let identity = credentials.identity();
        if identity.name != node.name() || identity.role != Role::Node {
            return Err(MemberError::Name { certificate: identity.name.clone(), node: node.name().to_owned() });
        }
        let identity = identity.clone();
        let (trust, own) = (Trust::new(&credentials)?, Own::new(&credentials)?);
        let seams = node.seams();
        let kept = Kept::new(seams.storage.clone());
        if let Some(list) = kept.load(trust.authority()) {
            trust.install(list);
        }
        let transport = Arc::new(transport(&config));
        let ingredients = Ingredients { crypto: machine.crypto(), clock: seams.clock.clone() };
        let mut server = tls::server(ingredients.clone(), trust.clone(), own.clone())?;
        server.transport_config(transport.clone());
        let client = |anyone| {
            let client = tls::client(ingredients.clone(), Answering { trust: trust.clone(), anyone }, own.clone());
            client.map(|client| endpoint::dialling(client, seams, transport.clone()))
        };
        let (client, introduction) = (client(false)?, client(true)?);
        let endpoint = endpoint::open(machine, seams, server, listen);
        let endpoint = endpoint.map_err(|error| MemberError::Listen { address: listen, error })?;
        let table = Table::new(endpoint, trust, client, kept, seams);
        let bound = table.endpoint.local_addr().ok().filter(|bound| !bound.ip().is_unspecified());
        let address = advertise.or(bound).map_or(String::new(), |address| address.to_string());
        let options = ClusterOptions { cluster: credentials.cluster(), nodes: Vec::new(), address, config };
        let cluster = Cluster::start(node, Arc::new(QuicWire(table.clone())), options).ok_or(MemberError::Already)?;
        assert!(table.cluster.set(cluster.clone()).is_ok(), "it is set once, here");
        table.spawn(table.clone().accept());
        for address in addresses {
            table.spawn(join(table.clone(), introduction.clone(), address));
        }
        Ok(Self { own, identity, table, cluster })
    }

    /// The UDP address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.table.endpoint.local_addr().expect("a bound socket has an address")
    }

    /// The protocol on it.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Shows others a new certificate from now on: in each connection that begins, while those that there are go on.
    ///
    /// # Errors
    /// See [`RenewError`]. Then nothing has changed.
    pub fn renew(&self, credentials: &Credentials) -> Result<(), RenewError> {
        if *credentials.identity() != self.identity {
            return Err(RenewError::Name(credentials.identity().name.clone()));
        }
        if credentials.authority != *self.table.trust.authority() {
            return Err(RenewError::Authority);
        }
        Ok(self.own.renew(credentials)?)
    }

    /// Takes in a list of revoked certificates, as PEM: the connections of whoever it names are closed, in all nodes that hear of
    /// it, and it is handed on to them. False when the list that counts is as new.
    ///
    /// # Errors
    /// See [`RevocationsError`]. Then nothing has changed.
    pub fn revoke(&self, list: &str) -> Result<bool, RevocationsError> {
        let list = Revocations::of_pem_and_der(list, self.table.trust.authority())?;
        Ok(self.table.install(list))
    }

    /// The number of the list of revoked certificates that counts, if there is one.
    pub fn revocations(&self) -> Option<u64> {
        self.table.trust.revocations().map(|list| list.number())
    }

    /// Where other nodes of the cluster listen, as far as is known.
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        self.table.addresses()
    }

    /// Leaves: the other nodes hear of it at once. Again it does nothing.
    pub async fn stop(&self) {
        self.cluster.stop();
        self.table.endpoint.set_server_config(None);
        let clock = &self.table.clock;
        tokio::select! {
            biased;
            () = self.table.endpoint.wait_idle() => {}
            () = clock.sleep_until(clock.now() + STOP_TIME) => {}
        }
        self.table.endpoint.close(VarInt::from_u32(0), b"the node stops");
    }
}

fn transport(config: &Config) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.max_concurrent_bidi_streams(VarInt::from_u32(0));
    // One for control, and one at a time for revoked certificates.
    transport.max_concurrent_uni_streams(VarInt::from_u32(u32::from(LANE_STREAMS) + 2));
    // The protocol has signs of life of its own, and decides when a silence is an end; QUIC only clears away.
    let idle = config.down_after.saturating_mul(2);
    transport.max_idle_timeout(Some(idle.try_into().unwrap_or(VarInt::MAX.into())));
    transport
}
