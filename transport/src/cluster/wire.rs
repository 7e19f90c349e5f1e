use crate::proto::{ConnectionId, Identity, StreamId};
use bytes::Bytes;

/// Connections to other nodes. What happens on them goes to [`Cluster::input`](super::Cluster::input).
///
/// All methods return at once and may not call the cluster.
pub trait Wire: Send + Sync + 'static {
    /// Opens a connection to the node of that name: [`Input::Connected`] or [`Input::Closed`] follows.
    fn dial(&self, connection: ConnectionId, node: &str);

    /// Remembers where the node of that name can be dialled: as that node's own [`address`](super::ClusterOptions::address) says.
    fn locate(&self, node: &str, address: &str);

    /// Nobody speaks of that node any more: where it can be dialled is forgotten.
    fn forget(&self, node: &str);

    /// Writes to a stream; never more than the room that [`Input::Writable`] has given.
    fn transmit(&self, connection: ConnectionId, stream: StreamId, bytes: Bytes);

    /// Closes a connection when what was written to its control stream is out. Nothing of it is to come any more.
    fn close(&self, connection: ConnectionId);
}

/// What has happened on a connection.
#[derive(Debug)]
pub enum Input {
    /// One that this node dialled is there, with the certificate of the other side, which was checked.
    Connected(ConnectionId, Identity),
    /// Another node has opened one, with its certificate, which was checked. The wire names it:
    /// [`ConnectionId::Accepted`], never the same again.
    Accepted(ConnectionId, Identity),
    /// The next bytes of a stream.
    Received(ConnectionId, StreamId, Bytes),
    /// A stream takes so many more bytes.
    Writable(ConnectionId, StreamId, usize),
    /// It could not be opened, was closed by the other side, or broke.
    Closed(ConnectionId),
}
