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
pub trait Delivery: Send + Sync + 'static {
    /// Takes a signal that was just sent, and hands it to [`Node::deliver`](crate::Node::deliver) of the receiver's
    /// node later: all signals of one sender to one receiver, each once, in the order sent. What a process sends itself
    /// does not come here.
    fn send(&self, node: &crate::Node, envelope: Envelope);
}
