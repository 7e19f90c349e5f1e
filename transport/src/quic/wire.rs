use super::connection::Live;
use super::tls::{Named, holder, name_in_certificate};
use crate::cluster::{Cluster, Input, Wire};
use crate::proto::{ConnectionId, Identity, Role, StreamId};
use bytes::Bytes;
use parking_lot::Mutex;
use quinn::{ClientConfig, Endpoint, Incoming};
use rustls::pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// The wire of one member.
pub(super) struct QuicWire(pub(super) Arc<Table>);

/// The connections of one member, and where the others are.
pub(super) struct Table {
    pub(super) endpoint: Endpoint,
    client: ClientConfig,
    /// Set before anything happens.
    pub(super) cluster: OnceLock<Cluster>,
    state: Mutex<State>,
    /// A node is somewhere else than it was.
    moved: Notify,
}

#[derive(Default)]
struct State {
    addresses: BTreeMap<String, SocketAddr>,
    connections: BTreeMap<ConnectionId, Slot>,
    accepted: u64,
}

enum Slot {
    /// It is being dialled.
    Dialling,
    Live(Live),
}

impl Table {
    pub(super) fn new(endpoint: Endpoint, client: ClientConfig) -> Arc<Self> {
        Arc::new(Self { endpoint, client, cluster: OnceLock::new(), state: Mutex::default(), moved: Notify::new() })
    }

    /// The node of that name is at that address.
    pub(super) fn locate(&self, node: &str, address: SocketAddr) {
        let before = self.state.lock().addresses.insert(node.to_owned(), address);
        if before != Some(address) {
            self.moved.notify_waiters();
        }
    }

    fn address(&self, node: &str) -> Option<SocketAddr> {
        self.state.lock().addresses.get(node).copied()
    }

    pub(super) fn input(&self, input: Input) {
        if let Some(cluster) = self.cluster.get() {
            cluster.input(input);
        }
    }

    /// Bytes of a connection that the cluster has not closed.
    pub(super) fn received(&self, id: ConnectionId, stream: StreamId, bytes: Bytes) {
        let state = self.state.lock();
        if state.connections.contains_key(&id) {
            self.input(Input::Received(id, stream, bytes));
        }
    }

    /// A connection has ended. Of one that the cluster has closed it hears no more.
    pub(super) fn gone(&self, id: ConnectionId) {
        if self.state.lock().connections.remove(&id).is_some() {
            self.input(Input::Closed(id));
        }
    }

    /// Accepts connections until the endpoint is closed.
    pub(super) async fn accept(self: Arc<Self>) {
        while let Some(incoming) = self.endpoint.accept().await {
            tokio::spawn(self.clone().accept_one(incoming));
        }
    }

    async fn accept_one(self: Arc<Self>, incoming: Incoming) {
        let address = incoming.remote_address();
        let quic = match incoming.await {
            Ok(quic) => quic,
            Err(error) => return tracing::warn!(%address, "a connection was refused: {error}"),
        };
        let Some(identity) = identity(&quic) else {
            quic.close(quinn::VarInt::from_u32(1), b"your certificate names no node");
            return tracing::warn!(%address, "a connection was refused: its certificate names no node of a cluster");
        };
        if identity.role == Role::Node {
            // Nodes dial from where they listen.
            self.locate(&identity.name, address);
        }
        let mut state = self.state.lock();
        state.accepted += 1;
        let id = ConnectionId::Accepted(state.accepted);
        self.input(Input::Accepted(id, identity));
        let live = Live::start(&self, id, quic);
        state.connections.insert(id, Slot::Live(live));
    }

    async fn dial(self: Arc<Self>, id: ConnectionId, node: String) {
        match self.try_dial(&node).await {
            Ok(quic) => {
                let mut state = self.state.lock();
                // The cluster may have closed it meanwhile.
                let Some(slot) = state.connections.get_mut(&id) else { return };
                self.input(Input::Connected(id, Identity { name: node, role: Role::Node }));
                *slot = Slot::Live(Live::start(&self, id, quic));
            }
            Err(why) => {
                tracing::debug!(node, "a node cannot be reached: {why}");
                self.gone(id);
            }
        }
    }

    /// Dials a node where it is; somewhere else when it turns out meanwhile to have moved there.
    async fn try_dial(&self, node: &str) -> Result<quinn::Connection, String> {
        let Named(name) = name_in_certificate(&Identity { name: node.to_owned(), role: Role::Node })
            .ok_or("no certificate can carry its name")?;
        loop {
            let moved = self.moved.notified();
            let address = self.address(node).ok_or("nobody knows its address")?;
            let at = |error: String| format!("{error} (at {address})");
            let dialling = self.endpoint.connect_with(self.client.clone(), address, &name);
            let dialling = dialling.map_err(|error| at(error.to_string()))?;
            let moved = async {
                moved.await;
                while self.address(node) == Some(address) {
                    self.moved.notified().await;
                }
            };
            tokio::select! {
                biased;
                dialled = dialling => return dialled.map_err(|error| at(error.to_string())),
                () = moved => {}
            }
        }
    }
}

impl Wire for QuicWire {
    fn dial(&self, connection: ConnectionId, node: &str) {
        self.0.state.lock().connections.insert(connection, Slot::Dialling);
        tokio::spawn(self.0.clone().dial(connection, node.to_owned()));
    }

    fn locate(&self, node: &str, address: &str) {
        match address.parse() {
            Ok(address) => self.0.locate(node, address),
            Err(_) => tracing::warn!(node, address, "a node says that it is where no address is"),
        }
    }

    fn transmit(&self, connection: ConnectionId, stream: StreamId, bytes: Bytes) {
        let mut state = self.0.state.lock();
        if let Some(Slot::Live(live)) = state.connections.get_mut(&connection) {
            live.transmit(&self.0, connection, stream, bytes);
        }
    }

    fn close(&self, connection: ConnectionId) {
        if let Some(Slot::Live(live)) = self.0.state.lock().connections.remove(&connection) {
            live.close();
        }
    }
}

/// Who is on the other side: TLS has checked the certificate.
pub(super) fn identity(quic: &quinn::Connection) -> Option<Identity> {
    let chain = quic.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    holder(chain.first()?)
}
