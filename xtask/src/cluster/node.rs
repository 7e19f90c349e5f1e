use rusm_core::{MemberStatus, NodeId, NodeInfo, NodeStatus, Timestamp};
use rusm_transport::proto::{Config, Endpoint, NodeNews};
use std::collections::BTreeMap;

/// One node: its endpoint, and how it sees the others.
pub(super) struct Node {
    pub(super) endpoint: Endpoint,
    pub(super) alive: bool,
    seen: BTreeMap<NodeId, NodeInfo>,
    /// Of those, how many are up, here and for the members.
    pub(super) well: usize,
}

impl Node {
    pub(super) fn new(number: usize, seed: u64, config: &Config, now: Timestamp) -> Self {
        let mut drawn = [0; 32];
        drawn[..8].copy_from_slice(&seed.to_le_bytes());
        drawn[8..16].copy_from_slice(&(number as u64).to_le_bytes());
        let address = format!("10.0.{}.{}:7400", number / 256, number % 256);
        let mut config = config.clone();
        // The limit of members is no part of what is measured.
        config.membership.members_max = 4096;
        let endpoint = Endpoint::new(&name(number), 1, 1, config).with_membership(now, &address, drawn);
        Self { endpoint, alive: true, seen: BTreeMap::new(), well: 0 }
    }

    pub(super) fn hear(&mut self, news: NodeNews) {
        let (gone, come) = match news {
            NodeNews::Changed(info) => {
                let well = is_well(&info);
                (self.seen.insert(info.id, info), well)
            }
            NodeNews::Forgotten(id) => (self.seen.remove(&id), false),
        };
        self.well -= usize::from(gone.as_ref().is_some_and(is_well));
        self.well += usize::from(come);
    }

    pub(super) fn sees(&self, other: usize) -> Option<&NodeInfo> {
        self.seen.get(&NodeId::of_name(&name(other)))
    }
}

fn is_well(info: &NodeInfo) -> bool {
    info.status == NodeStatus::Up && info.member == Some(MemberStatus::Up)
}

pub(super) fn name(number: usize) -> String {
    format!("node-{number:04}")
}
