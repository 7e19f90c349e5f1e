use crate::{NodeId, Pid, RemoteSignal};
use std::sync::Arc;

/// Associations with other nodes: how signals for their processes get there.
///
/// A node has them from [`Node::set_peers`](crate::Node::set_peers) on; without, processes of other nodes meet `noconnection`. Inward, an
/// implementation calls [`Node::associate`](crate::Node::associate) and what that returns, and says by
/// [`Node::node_changed`](crate::Node::node_changed) how the other nodes are seen.
pub trait Peers: Send + Sync + 'static {
    /// The present association with that node, or the beginning of a new one: signals wait in it until there is a
    /// connection. `None` when no such node is known, or it could not be reached a moment ago.
    ///
    /// May not call the node.
    fn associate(&self, node: NodeId) -> Option<Arc<dyn Lanes>>;

    /// Bytes of the longest message that can be sent.
    fn message_len_max(&self) -> usize;
}

/// The sending half of one association.
pub trait Lanes: Send + Sync + 'static {
    /// Names the association on this node, from 1: a later one with the same node has a greater number.
    fn number(&self) -> u64;

    /// Takes a signal, at once: those of one sender arrive in the order in which they were taken, each once, until the
    /// association ends. Of an association that is over it is dropped.
    ///
    /// May not call the node.
    fn send(&self, signal: RemoteSignal) -> Pressure;

    /// Whether that sender still waits for its release. Asked when it has been held: it may have been released before that.
    fn holds(&self, sender: Pid) -> bool;
}

/// Whether a sender may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// It may.
    None,
    /// Too much of it waits: its next turn begins when [`Node::release`](crate::Node::release) is called for it.
    Hold,
}
