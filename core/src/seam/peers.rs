use crate::{NodeId, Pid, RemoteSignal};
use std::sync::Arc;

/// Associations with other nodes: how signals for their processes get there.
///
/// A node has them from [`Node::set_peers`](crate::Node::set_peers) on; without, processes of other nodes meet `noconnection`. Inward, an
/// implementation calls [`Node::associate`](crate::Node::associate) and what that returns, and says by
/// [`Node::node_changed`](crate::Node::node_changed) how the other nodes are seen.
///
/// Two nodes of one program, joined by queues:
///
/// ```
/// use rusm_core::seam::{Lanes, Peers, Pressure, Seams};
/// use rusm_core::{Context, ExitReason, Message, Node, NodeId, NodeOptions, Pid, RemoteSignal, Term};
/// use std::sync::Arc;
/// use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
///
/// /// The sending half of an association that never ends.
/// struct Queue(UnboundedSender<RemoteSignal>);
///
/// impl Lanes for Queue {
///     fn number(&self) -> u64 {
///         1
///     }
///
///     fn send(&self, signal: RemoteSignal) -> Pressure {
///         let _ = self.0.send(signal);
///         Pressure::None
///     }
///
///     fn holds(&self, _: Pid) -> bool {
///         false
///     }
/// }
///
/// /// The only other node, and the way there.
/// struct Neighbour(NodeId, Arc<Queue>);
///
/// impl Peers for Neighbour {
///     fn associate(&self, node: NodeId) -> Option<Arc<dyn Lanes>> {
///         (node == self.0).then(|| self.1.clone() as Arc<dyn Lanes>)
///     }
///
///     fn message_len_max(&self) -> usize {
///         1 << 20
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let [a, b] = ["a", "b"].map(|name| Node::start(NodeOptions::new(name, Seams::production(std::env::temp_dir()))));
/// let ((to_a, into_a), (to_b, into_b)) = (unbounded_channel(), unbounded_channel());
/// for (node, other, lanes, mut inward) in [(&a, &b, to_b, into_a), (&b, &a, to_a, into_b)] {
///     let (node, other, lanes) = (node.clone(), other.id(), Arc::new(Queue(lanes)));
///     node.set_peers(Arc::new(Neighbour(other, lanes.clone())));
///     tokio::spawn(async move {
///         let association = node.associate(other, lanes);
///         while let Some(signal) = inward.recv().await {
///             association.receive(&node, signal).expect("the other node speaks for its own processes");
///         }
///     });
/// }
/// let there = b.spawn(|context: Context| async move {
///     context.receive().await;
///     ExitReason::new("boom")
/// });
/// let here = a.spawn(move |context: Context| async move {
///     context.monitor(there);
///     context.send(there, Term::empty()).unwrap();
///     let Message::Down { reason, .. } = context.receive().await else { return ExitReason::new("unexpected") };
///     reason
/// });
/// assert_eq!(a.await_exit(here).await, ExitReason::new("boom"));
/// # });
/// ```
pub trait Peers: Send + Sync + 'static {
    /// The present association with that node, or the beginning of a new one: signals wait in it until there is a
    /// connection. `None` when no such node is known, or it could not be reached a moment ago.
    ///
    /// May not call the node.
    fn associate(&self, node: NodeId) -> Option<Arc<dyn Lanes>>;

    /// Bytes of the longest message that can be sent.
    fn message_len_max(&self) -> usize;
}

/// The sending half of one association; an example is at [`Peers`].
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
