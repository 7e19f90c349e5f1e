use super::features::Features;
use super::membership::MembershipConfig;
use std::time::Duration;

/// Limits and times of a node's endpoint.
///
/// All nodes of a cluster have the same limits: a node that has others is refused in the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of one signal, encoded. A larger one is not sent. Default 64 MiB.
    pub signal_len_max: u32,
    /// Bytes of one lane that may be under way; the receiver hands credit back as they arrive. At least twice
    /// [`FRAGMENT_LEN`](super::FRAGMENT_LEN). Default 256 KiB.
    pub lane_window: u32,
    /// How many signals above [`FRAGMENT_LEN`](super::FRAGMENT_LEN) may be under way at once in one association: what a
    /// peer can make us keep is this many times [`signal_len_max`](Self::signal_len_max). Default 4.
    pub large_max: u16,
    /// Bytes that wait in one lane at which its sender's next turn is held until half of them are gone. Default 256 KiB.
    pub lane_queue_len: usize,
    /// Bytes that wait for one node at which every sender to it is held. Default 64 MiB.
    pub queue_len: usize,
    /// Bytes that wait for one node at which the association ends: the node reads too slowly. Default 1 GiB.
    pub queue_len_max: usize,
    /// After so long without anything to send a sign of life is sent. Default 1 s.
    pub ping_interval: Duration,
    /// After so long a silence a node is suspected; at least twice the interval. Default 3 s.
    pub suspect_after: Duration,
    /// After so long a silence the association ends; at least `suspect_after`. Default 8 s.
    pub down_after: Duration,
    /// A connection whose handshake is not done by then is closed. Default 5 s.
    pub handshake_timeout: Duration,
    /// How long a node that could not be reached is left alone: signals for it meanwhile meet `noconnection` at once.
    /// Default 1 s.
    pub dial_pause: Duration,
    /// How many connections may be in their handshake without anybody having said who they are. Default 64.
    pub handshakes_max: usize,
    /// How the members keep up to date about each other.
    pub membership: MembershipConfig,
    /// What this node offers beyond the first version of the protocol. Nodes with other features understand each other: what
    /// one of two does not know is not sent to it, and whoever wanted to hears `notsup`. Default [`Features::ALL`].
    pub features: Features,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signal_len_max: 64 << 20,
            lane_window: 256 << 10,
            large_max: 4,
            lane_queue_len: 256 << 10,
            queue_len: 64 << 20,
            queue_len_max: 1 << 30,
            ping_interval: Duration::from_secs(1),
            suspect_after: Duration::from_secs(3),
            down_after: Duration::from_secs(8),
            handshake_timeout: Duration::from_secs(5),
            dial_pause: Duration::from_secs(1),
            handshakes_max: 64,
            membership: MembershipConfig::default(),
            features: Features::ALL,
        }
    }
}

/// What a certificate lets its holder be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Role {
    /// A node of the cluster.
    Node,
    /// A person's or a script's command, which asks and never takes part.
    Operator,
}

/// Who a node is. Of the other side: what its certificate says, which the connection has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The node's name.
    pub name: String,
    /// What it may be.
    pub role: Role,
}
