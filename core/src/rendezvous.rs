use crate::NodeId;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

impl NodeId {
    /// The node that is responsible for a key: the same wherever it is asked, whatever the order of the nodes. When one comes
    /// or goes, only the keys move that it takes or had. `None` without nodes.
    ///
    /// Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (rendezvous hashing), with SipHash-1-3
    /// and a key of zeros.
    pub fn of_key(key: &str, nodes: &[Self]) -> Option<Self> {
        let weight = |node: &Self| {
            let mut hasher = SipHasher13::new_with_keys(0, 0);
            hasher.write(key.as_bytes());
            hasher.write_u32(node.as_u32().to_le());
            (hasher.finish(), *node)
        };
        nodes.iter().copied().max_by_key(weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn nodes(count: usize) -> Vec<NodeId> {
        (0..count).map(|number| NodeId::of_name(&format!("node-{number}"))).collect()
    }

    #[test]
    fn a_key_has_one_node_whatever_their_order() {
        let mut all = nodes(5);
        let before: Vec<_> = (0..100).map(|key| NodeId::of_key(&key.to_string(), &all)).collect();
        all.reverse();
        let after: Vec<_> = (0..100).map(|key| NodeId::of_key(&key.to_string(), &all)).collect();
        assert_eq!(before, after);
        assert_eq!(NodeId::of_key("x", &[]), None);
        // Of all times: a cluster whose nodes disagree would have two of what shall be one.
        assert_eq!(NodeId::of_key("chat", &all), Some(NodeId::of_name("node-2")));
    }

    #[test]
    fn only_the_keys_of_a_node_that_goes_move_and_each_node_has_its_share() {
        let all = nodes(5);
        let mut shares: BTreeMap<NodeId, u32> = BTreeMap::new();
        for key in 0..2000 {
            let key = key.to_string();
            let owner = NodeId::of_key(&key, &all).expect("there are nodes");
            *shares.entry(owner).or_default() += 1;
            if owner != all[2] {
                let left = [&all[..2], &all[3..]].concat();
                assert_eq!(NodeId::of_key(&key, &left), Some(owner));
            }
        }
        assert!(shares.values().all(|share| (300..500).contains(share)), "{shares:?}");
    }
}
