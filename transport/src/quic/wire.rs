use super::connection::{Live, certificate};
use super::kept::Kept;
use super::refused::{refusal, why};
use super::revocations::Revocations;
use super::tls::{Named, holder, name_in_certificate};
use super::trust::Trust;
use crate::cluster::{Cluster, Input, Wire};
use crate::proto::{ConnectionId, Identity, Role, StreamId};
use bytes::Bytes;
use parking_lot::Mutex;
use quinn::{ClientConfig, Endpoint, Incoming};
use rusm_core::seam::{Clock, Executor, Seams, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;

/// How long a node whose certificate is revoked is not dialled. It may dial itself when it has a new one.
const REVOKED_PAUSE: Duration = Duration::from_secs(60);

/// The wire of one member.
pub(super) struct QuicWire(pub(super) Arc<Table>);

/// The connections of one member, and where the others are.
pub(super) struct Table {
    pub(super) endpoint: Endpoint,
    pub(super) trust: Arc<Trust>,
    client: ClientConfig,
    kept: Arc<Kept>,
    executor: Arc<dyn Executor>,
    pub(super) clock: Arc<dyn Clock>,
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
    /// Nodes whose certificates are revoked, and until when they are not dialled.
    revoked: BTreeMap<String, Timestamp>,
}

enum Slot {
    /// It is being made.
    Opening,
    Live(Live),
}

impl Table {
    pub(super) fn new(
        endpoint: Endpoint,
        trust: Arc<Trust>,
        client: ClientConfig,
        kept: Kept,
        seams: &Seams,
    ) -> Arc<Self> {
        let (cluster, state, moved) = (OnceLock::new(), Mutex::default(), Notify::new());
        let (executor, clock) = (seams.executor.clone(), seams.clock.clone());
        Arc::new(Self { endpoint, trust, client, kept: Arc::new(kept), executor, clock, cluster, state, moved })
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(Box::pin(task));
    }

    /// The node of that name is at that address.
    pub(super) fn locate(&self, node: &str, address: SocketAddr) {
        let before = self.state.lock().addresses.insert(node.to_owned(), address);
        if before != Some(address) {
            self.moved.notify_waiters();
        }
    }

    pub(super) fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        self.state.lock().addresses.clone()
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
            self.spawn(self.clone().accept_one(incoming));
        }
    }

    async fn accept_one(self: Arc<Self>, incoming: Incoming) {
        let address = incoming.remote_address();
        let quic = match incoming.await {
            Ok(quic) => quic,
            Err(error) => return tracing::warn!(%address, "a connection was refused: {}", why(&error)),
        };
        let Some(identity) = identity(&quic) else {
            quic.close(quinn::VarInt::from_u32(1), b"your certificate names no node");
            return tracing::warn!(%address, "a connection was refused: its certificate names no node of a cluster");
        };
        if identity.role == Role::Node {
            // Nodes dial from where they listen.
            self.locate(&identity.name, address);
        }
        let id = {
            let state = &mut self.state.lock();
            state.revoked.remove(&identity.name);
            state.accepted += 1;
            let id = ConnectionId::Accepted(state.accepted);
            state.connections.insert(id, Slot::Opening);
            id
        };
        self.enter(id, quic, Input::Accepted(id, identity));
    }

    async fn dial(self: Arc<Self>, id: ConnectionId, node: String) {
        match self.try_dial(&node).await {
            Ok(quic) => self.enter(id, quic, Input::Connected(id, Identity { name: node, role: Role::Node })),
            Err(why) => {
                tracing::debug!(node, "a node cannot be reached: {why}");
                self.gone(id);
            }
        }
    }

    /// A connection is there, unless the cluster has closed it meanwhile.
    fn enter(self: &Arc<Self>, id: ConnectionId, quic: quinn::Connection, input: Input) {
        let state = &mut *self.state.lock();
        let Some(slot) = state.connections.get_mut(&id) else { return };
        if certificate(&quic).is_none_or(|certificate| self.trust.is_revoked(&certificate)) {
            // Since the handshake has looked.
            state.connections.remove(&id);
            return self.input(Input::Closed(id));
        }
        self.input(input);
        let live = Live::start(self, id, quic);
        if let Some(list) = self.trust.revocations() {
            live.tell(self, &list);
        }
        *slot = Slot::Live(live);
    }

    /// From now on this list of revoked certificates counts: whoever it names is thrown out, and everybody else is handed it.
    /// False when the one that counts is as new.
    pub(super) fn install(&self, list: Revocations) -> bool {
        if !self.trust.install(list.clone()) {
            return false;
        }
        tracing::info!(
            number = list.number(),
            certificates = list.serials().len(),
            "a new list of revoked certificates"
        );
        let state = &mut *self.state.lock();
        let is_revoked = |live: &Live| live.certificate().is_none_or(|certificate| self.trust.is_revoked(&certificate));
        let revoked = |_: &ConnectionId, slot: &mut Slot| matches!(slot, Slot::Live(live) if is_revoked(live));
        let until = self.clock.now() + REVOKED_PAUSE;
        for (id, slot) in state.connections.extract_if(.., revoked) {
            if let Slot::Live(live) = slot {
                let node = live.certificate().and_then(|certificate| holder(&certificate)).map(|holder| holder.name);
                tracing::warn!(node, "a node is thrown out: its certificate is revoked");
                state.revoked.extend(node.map(|node| (node, until)));
                live.cut();
            }
            self.input(Input::Closed(id));
        }
        for slot in state.connections.values() {
            if let Slot::Live(live) = slot {
                live.tell(self, &list);
            }
        }
        let kept = self.kept.clone();
        self.executor.spawn_blocking(Box::new(move || {
            if let Err(error) = kept.store(&list) {
                tracing::error!(%error, "a list of revoked certificates could not be stored: it counts until the node stops");
            }
        }));
        true
    }

    /// Dials a node where it is; somewhere else when it turns out meanwhile to have moved there.
    async fn try_dial(&self, node: &str) -> Result<quinn::Connection, String> {
        let Named(name) = name_in_certificate(&Identity { name: node.to_owned(), role: Role::Node })
            .ok_or("no certificate can carry its name")?;
        if self.state.lock().revoked.get(node).is_some_and(|until| self.clock.now() < *until) {
            return Err("its certificate is revoked".to_owned());
        }
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
                dialled = dialling => {
                    return dialled.map_err(|error| {
                        if let Some(refusal) = refusal(&error) {
                            tracing::warn!(node, %address, "no connection is made: {refusal}");
                        }
                        if self.trust.has_refused(node) {
                            self.state.lock().revoked.insert(node.to_owned(), self.clock.now() + REVOKED_PAUSE);
                        }
                        at(why(&error))
                    });
                }
                () = moved => {}
            }
        }
    }
}

impl Wire for QuicWire {
    fn dial(&self, connection: ConnectionId, node: &str) {
        self.0.state.lock().connections.insert(connection, Slot::Opening);
        self.0.spawn(self.0.clone().dial(connection, node.to_owned()));
    }

    fn locate(&self, node: &str, address: &str) {
        match address.parse() {
            Ok(address) => self.0.locate(node, address),
            Err(_) => tracing::warn!(node, address, "a node says that it is where no address is"),
        }
    }

    fn forget(&self, node: &str) {
        self.0.state.lock().addresses.remove(node);
    }

    fn transmit(&self, connection: ConnectionId, stream: StreamId, bytes: Bytes) {
        let mut state = self.0.state.lock();
        if let Some(Slot::Live(live)) = state.connections.get_mut(&connection) {
            live.transmit(&self.0, connection, stream, bytes);
        }
    }

    fn close(&self, connection: ConnectionId) {
        if let Some(Slot::Live(live)) = self.0.state.lock().connections.remove(&connection) {
            live.close(&self.0);
        }
    }
}

/// Who is on the other side: TLS has checked the certificate.
pub(super) fn identity(quic: &quinn::Connection) -> Option<Identity> {
    holder(&certificate(quic)?)
}
