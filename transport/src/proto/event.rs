use super::envelope::Envelope;
use super::handshake::Refusal;
use super::lane::{Lane, StreamId};
use super::silence::Trust;
use bytes::Bytes;
use rusm_core::{NodeId, NodeInfo};

/// Names a connection of one endpoint, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionId {
    /// One that this node dialled: the endpoint counts them.
    Dialled(u64),
    /// One that another node dialled: the driver counts them.
    Accepted(u64),
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a connection to that node. Then [`Endpoint::handle_connected`] or [`Endpoint::handle_closed`].
    Dial {
        /// What to call it.
        connection: ConnectionId,
        /// The node's name.
        node: String,
    },
    /// Remember where that node can be dialled.
    Locate {
        /// The node's name.
        node: String,
        /// As the other's wire has written it.
        address: String,
    },
    /// Forget where that node can be dialled: nobody speaks of it any more.
    Forget {
        /// The node's name.
        node: String,
    },
    /// Write these bytes to a stream. They are within the room that the driver has given.
    Transmit {
        /// Of which connection.
        connection: ConnectionId,
        /// Which stream.
        stream: StreamId,
        /// What.
        bytes: Bytes,
    },
    /// Close a connection, after what was to be written to its control stream. The endpoint has forgotten it.
    Close {
        /// Which.
        connection: ConnectionId,
    },
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The other side has begun an association: nothing was sent to it before.
    Begun {
        /// With whom.
        peer: NodeId,
        /// Names the association on this node; later ones have greater numbers.
        association: u64,
    },
    /// An association's connection is there.
    Up {
        /// Which.
        association: u64,
        /// The other node's name.
        node: String,
        /// Which life of it.
        incarnation: u32,
    },
    /// A signal came.
    Signal {
        /// By which association.
        association: u64,
        /// The signal.
        envelope: Envelope,
    },
    /// A node is suspected, or trusted again.
    Trust {
        /// Of which association.
        association: u64,
        /// What it is now.
        trust: Trust,
    },
    /// A signal was not sent, as the other node does not know its kind.
    Unsupported {
        /// By which association.
        association: u64,
        /// The encoded [`Envelope`].
        signal: Bytes,
    },
    /// A lane that was full has room again.
    Open {
        /// Of which association.
        association: u64,
        /// Which.
        lane: Lane,
    },
    /// An association is over: nothing comes of it any more.
    Ended {
        /// With whom.
        peer: NodeId,
        /// Which.
        association: u64,
        /// Why.
        reason: EndReason,
    },
    /// Something about another node has changed: how it is seen from here, or what the members say.
    Node(NodeNews),
    /// Somebody was refused.
    Refused {
        /// The name in the certificate.
        certificate: String,
        /// Why.
        refusal: Refusal,
    },
}

/// What has changed about another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeNews {
    /// This is known of it now.
    Changed(NodeInfo),
    /// Nothing is known of it any more.
    Forgotten(NodeId),
}

/// Why an association ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndReason {
    /// No connection could be made.
    #[error("the node cannot be reached")]
    Unreachable,
    /// The other side refuses, or what it says does not fit.
    #[error("the handshake was refused: {0}")]
    Refused(Refusal),
    /// The connection was closed or broke.
    #[error("the connection is gone")]
    Lost,
    /// Nothing was heard for [`Config::down_after`].
    #[error("the node was silent for too long")]
    Silent,
    /// The other side has begun a new one.
    #[error("the node has begun a new association")]
    Replaced,
    /// More than [`Config::queue_len_max`] waits to be sent.
    #[error("the node reads too slowly")]
    Overload,
    /// The other side broke the protocol.
    #[error("the node broke the protocol: {0}")]
    Protocol(String),
    /// The other side has said that it leaves the cluster.
    #[error("the node leaves")]
    Left,
    /// This node ends it.
    #[error("this node stops")]
    Stopped,
}

/// What became of a signal that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is under way.
    Taken,
    /// It is under way, and its lane is full: the sender's next turn waits for [`Event::Open`].
    Full,
    /// The association is over: the signal is part of the tail that is lost.
    Ended,
}
