use crate::Pid;
use std::collections::BTreeMap;
use std::time::Duration;

/// Who claims which name, as one node has it, and whose it is: of several the one who claimed it first. Two nodes that know of the
/// same claims name the same owner, whatever they heard first.
#[derive(Debug, Default)]
pub(super) struct Names {
    claims: BTreeMap<String, BTreeMap<Pid, u64>>,
    last_stamp: u64,
}

impl Names {
    /// The stamp of a claim that is made now: after all that are known here, and near the time of day. Source: Kulkarni et al.,
    /// "Logical Physical Clocks".
    pub(super) fn stamp(&mut self, wall: Duration) -> u64 {
        let milliseconds = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        self.last_stamp = (self.last_stamp.saturating_add(1)).max(milliseconds.saturating_mul(1 << 16));
        self.last_stamp
    }

    pub(super) fn claim(&mut self, name: &str, pid: Pid, stamp: u64) {
        self.last_stamp = self.last_stamp.max(stamp);
        self.claims.entry(name.to_owned()).or_default().insert(pid, stamp);
    }

    /// False when there was no such claim.
    pub(super) fn give_up(&mut self, name: &str, pid: Pid) -> bool {
        let Some(claims) = self.claims.get_mut(name) else { return false };
        let was = claims.remove(&pid).is_some();
        if claims.is_empty() {
            self.claims.remove(name);
        }
        was
    }

    pub(super) fn owner(&self, name: &str) -> Option<Pid> {
        let claims = self.claims.get(name)?;
        claims.iter().min_by_key(|(pid, stamp)| (**stamp, **pid)).map(|(pid, _)| *pid)
    }

    /// Those who claim a name that is another's.
    pub(super) fn losers(&self, name: &str) -> Vec<Pid> {
        let owner = self.owner(name);
        let claims = self.claims.get(name).into_iter().flat_map(BTreeMap::keys);
        claims.copied().filter(|pid| Some(*pid) != owner).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, Pid)> {
        self.claims.keys().filter_map(|name| Some((name, self.owner(name)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;
    use proptest::prelude::*;

    fn pid(node: u32, index: u32) -> Pid {
        Pid { node: NodeId::from_u32(node), incarnation: 1, index, serial: 0, random: 0 }
    }

    #[test]
    fn a_claim_made_in_the_knowledge_of_another_is_the_later_one_whatever_the_time_of_day() {
        let mut names = Names::default();
        let first = names.stamp(Duration::from_secs(2_000_000_000));
        names.claim("x", pid(1, 1), first);
        let second = names.stamp(Duration::from_secs(1));
        names.claim("x", pid(2, 1), second);
        assert_eq!((first, second), (2_000_000_000_000 << 16, first + 1));
        assert_eq!((names.owner("x"), names.losers("x")), (Some(pid(1, 1)), vec![pid(2, 1)]));
        assert!(names.give_up("x", pid(1, 1)) && !names.give_up("x", pid(1, 1)));
        assert_eq!((names.owner("x"), names.losers("x")), (Some(pid(2, 1)), vec![]));
        assert!(names.give_up("x", pid(2, 1)));
        assert_eq!((names.owner("x"), names.iter().count()), (None, 0));
    }

    proptest! {
        #[test]
        fn the_owner_does_not_depend_on_the_order_of_the_claims(
            claims in prop::collection::vec((0u32..3, 0u32..3, 0u64..3), 1..8),
            swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..8),
        ) {
            // One process claims a name once.
            let claims: BTreeMap<Pid, u64> = claims.into_iter().map(|(node, index, at)| (pid(node, index), at)).collect();
            let mut shuffled: Vec<(Pid, u64)> = claims.iter().map(|(pid, at)| (*pid, *at)).collect();
            for (one, other) in swaps {
                let (one, other) = (one.index(shuffled.len()), other.index(shuffled.len()));
                shuffled.swap(one, other);
            }
            let mut names = Names::default();
            shuffled.iter().for_each(|(pid, at)| names.claim("x", *pid, *at));
            let first = claims.iter().map(|(pid, at)| (*at, *pid)).min().map(|(_, pid)| pid);
            prop_assert_eq!(names.owner("x"), first);
            prop_assert_eq!(names.losers("x").len(), claims.len() - 1);
        }
    }
}
