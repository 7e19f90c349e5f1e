use crate::{Pid, Signal};

/// A signal under way.
pub struct Envelope {
    /// Who sent it.
    pub from: Pid,
    /// Whom it goes to.
    pub to: Pid,
    /// What it is.
    pub signal: Signal,
}

/// Hand this signal over.
///
/// Production has none of these: a signal goes straight into the receiver's queue. The simulator keeps a first-in
/// first-out line for each pair of processes and draws from the seed which line moves next.
///
/// ```
/// use rusm_core::seam::{Delivery, Envelope, Seams};
/// use rusm_core::{Context, Node, NodeOptions, Term};
/// use std::sync::Arc;
/// use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
///
/// /// One line for all signals of a node.
/// struct Line(UnboundedSender<(Node, Envelope)>);
///
/// impl Delivery for Line {
///     fn send(&self, node: &Node, envelope: Envelope) {
///         let _ = self.0.send((node.clone(), envelope));
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let (line, mut under_way) = unbounded_channel();
/// let seams = Seams { delivery: Some(Arc::new(Line(line))), ..Seams::production(std::env::temp_dir()) };
/// let node = Node::start(NodeOptions::new("a", seams));
/// let (done, heard) = tokio::sync::oneshot::channel();
/// let receiver = node.spawn(|context: Context| async move {
///     context.receive().await;
///     done.send(()).unwrap();
/// });
/// node.send(receiver, Term::empty()).unwrap();
/// let (node, envelope) = under_way.recv().await.unwrap();
/// assert_eq!(envelope.to, receiver);
/// node.deliver(envelope);
/// heard.await.unwrap();
/// # });
/// ```
pub trait Delivery: Send + Sync + 'static {
    /// Takes a signal that was just sent, and hands it to [`Node::deliver`](crate::Node::deliver) of the receiver's
    /// node later: all signals of one sender to one receiver, each once, in the order sent. What a process sends itself
    /// does not come here.
    fn send(&self, node: &crate::Node, envelope: Envelope);
}
