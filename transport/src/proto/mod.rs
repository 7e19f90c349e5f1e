//! The protocol between two nodes, without I/O.
//!
//! A *connection* is a set of ordered streams of bytes between two nodes whose certificates were checked: stream 0 for
//! control, the others for signals. Over it the nodes shake hands ([`Hello`]) and then have an *association*: within it
//! every signal arrives once, and those of one sender in order. All signals of one sender take one [`Lane`], a lane takes one
//! stream. [`Endpoint`] is the machine of a whole node; everything else here is a part of it.

mod assembly;
mod config;
mod connection;
mod credit;
mod endpoint;
mod envelope;
mod event;
mod features;
mod frame;
mod handshake;
mod lane;
mod lanes;
mod membership;
mod nodes;
mod pairing;
mod silence;
mod timeouts;
mod wire;
mod wire_spawn;

pub use config::{Config, ConfigError, Identity, Role};
pub use endpoint::Endpoint;
pub use envelope::{Envelope, EnvelopeError, TraceContext};
pub use event::{Action, ConnectionId, EndReason, Event, NodeNews, SendOutcome};
pub use features::Features;
pub use frame::{FRAME_LEN_MAX, Frame, FrameError, FrameReader};
pub use handshake::{Hello, Refusal};
pub use lane::{LANE_STREAMS, Lane, StreamId};
pub use lanes::FRAGMENT_LEN;
pub use membership::{GossipError, GossipPacket, MemberChange, MemberId, MemberName, Membership, MembershipConfig};
pub use silence::Trust;
