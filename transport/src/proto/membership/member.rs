use crate::proto::handshake::NAME_LEN_MAX;
use rusm_core::NodeId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes of the place where a member can be reached.
const ADDRESS_LEN_MAX: usize = 255;

/// The name of a member's node. Names are compared with each other all the time, and copied: its number is at hand, and all copies
/// share the text.
#[derive(Clone)]
pub struct MemberName {
    id: NodeId,
    name: Arc<str>,
}

impl MemberName {
    /// The node's number.
    pub fn id(&self) -> NodeId {
        self.id
    }
}

impl From<&str> for MemberName {
    fn from(name: &str) -> Self {
        Self { id: NodeId::of_name(name), name: name.into() }
    }
}

impl Deref for MemberName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl Borrow<str> for MemberName {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for MemberName {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.name == other.name
    }
}

impl Eq for MemberName {}

impl PartialOrd for MemberName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MemberName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl Serialize for MemberName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for MemberName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&str>::deserialize(deserializer).map(Self::from)
    }
}

/// Who a member is, as gossip names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberId {
    /// The node's name.
    pub node: MemberName,
    /// Which life of the node.
    pub incarnation: u32,
    /// How often in this life the others had given it up and it has come back.
    pub revival: u32,
    /// Where others can dial it, as its wire writes that; empty when it does not say.
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    pub address: Arc<str>,
}

fn write_text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn read_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    <&str>::deserialize(deserializer).map(Into::into)
}

impl MemberId {
    pub(super) fn is_valid(&self) -> bool {
        (1..=NAME_LEN_MAX).contains(&self.node.len()) && self.address.len() <= ADDRESS_LEN_MAX
    }
}

impl foca::Identity for MemberId {
    /// The library looks a member up by comparing this with that of all others: a number, which no two nodes of a cluster share.
    type Addr = NodeId;

    fn renew(&self) -> Option<Self> {
        Some(Self { revival: self.revival.wrapping_add(1), ..self.clone() })
    }

    fn addr(&self) -> NodeId {
        self.node.id
    }

    fn win_addr_conflict(&self, other: &Self) -> bool {
        (self.incarnation, self.revival) > (other.incarnation, other.revival)
    }
}
