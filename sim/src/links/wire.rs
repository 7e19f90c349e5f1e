use super::Inner;
use crate::executor::Life;
use bytes::Bytes;
use rusm_transport::cluster::Wire;
use rusm_transport::proto::{ConnectionId, StreamId};
use std::sync::Arc;

/// The links as one node's cluster sees them.
pub(super) struct SimWire {
    pub(super) links: Arc<Inner>,
    pub(super) host: String,
    pub(super) life: Arc<Life>,
}

impl SimWire {
    /// Destructors of what a crash has ended reach nobody.
    fn links(&self) -> Option<&Arc<Inner>> {
        Some(&self.links).filter(|_| self.life.is_alive())
    }
}

impl Wire for SimWire {
    fn dial(&self, connection: ConnectionId, node: &str) {
        if let Some(links) = self.links() {
            links.dial(self.host.clone(), self.life.clone(), connection, node.to_owned());
        }
    }

    /// In the simulator a name is enough.
    fn locate(&self, _node: &str, _address: &str) {}

    fn forget(&self, _node: &str) {}

    fn transmit(&self, connection: ConnectionId, stream: StreamId, bytes: Bytes) {
        if let Some(links) = self.links() {
            links.transmit(&self.life, connection, stream, bytes);
        }
    }

    fn close(&self, connection: ConnectionId) {
        if let Some(links) = self.links() {
            links.close(&self.host, &self.life, connection);
        }
    }
}
