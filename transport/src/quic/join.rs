//! Joining: an address is asked who is there.

use super::refused::why;
use super::wire::{Table, identity};
use crate::proto::Role;
use quinn::ClientConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before an address that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Asks an address who is there until a node answers, then brings it into the cluster.
pub(super) async fn join(table: Arc<Table>, introduction: ClientConfig, address: SocketAddr) {
    let clock = table.clock.clone();
    let mut complained = false;
    loop {
        match ask(&table, introduction.clone(), address).await {
            Ok(node) => {
                table.locate(&node, address);
                if let Some(cluster) = table.cluster.get()
                    && !cluster.join(&node)
                {
                    tracing::warn!(%address, node, "the node there has this node's own name, or one that is in use");
                }
                return;
            }
            Err(reason) if !complained => {
                tracing::warn!(%address, "nobody to join there yet: {reason}");
                complained = true;
            }
            Err(_) => {}
        }
        clock.sleep_until(clock.now() + AGAIN).await;
    }
}

async fn ask(table: &Table, introduction: ClientConfig, address: SocketAddr) -> Result<String, String> {
    // Any name: the certificate says who answers.
    let connecting = table.endpoint.connect_with(introduction, address, "any.node.rusm");
    let quic = connecting.map_err(|error| error.to_string())?.await.map_err(|error| why(&error))?;
    let found = identity(&quic).filter(|identity| identity.role == Role::Node).map(|identity| identity.name);
    quic.close(quinn::VarInt::from_u32(0), b"thank you");
    found.ok_or_else(|| "whoever answers is no node".to_owned())
}
