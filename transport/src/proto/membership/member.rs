use crate::proto::handshake::NAME_LEN_MAX;
use serde::{Deserialize, Serialize};

/// Bytes of the place where a member can be reached.
const ADDRESS_LEN_MAX: usize = 255;

/// Who a member is, as gossip names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberId {
    /// The node's name.
    pub node: String,
    /// Which life of the node.
    pub incarnation: u32,
    /// How often in this life the others had given it up and it has come back.
    pub revival: u32,
    /// Where others can dial it, as its wire writes that; empty when it does not say.
    pub address: String,
}

impl MemberId {
    pub(super) fn is_valid(&self) -> bool {
        (1..=NAME_LEN_MAX).contains(&self.node.len()) && self.address.len() <= ADDRESS_LEN_MAX
    }
}

impl foca::Identity for MemberId {
    type Addr = String;

    fn renew(&self) -> Option<Self> {
        Some(Self { revival: self.revival.wrapping_add(1), ..self.clone() })
    }

    fn addr(&self) -> String {
        self.node.clone()
    }

    fn win_addr_conflict(&self, other: &Self) -> bool {
        (self.incarnation, self.revival) > (other.incarnation, other.revival)
    }
}
