use super::event::{EndReason, NodeNews};
use super::silence::Trust;
use rusm_core::{MemberStatus, NodeId, NodeInfo, NodeReason, NodeStatus};
use std::collections::{BTreeMap, VecDeque};

/// How the other nodes are seen from here: what this node's own associations show counts, and beside it stands what the members
/// say. [`poll_news`](Self::poll_news) after each of the others, until it gives nothing.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    nodes: BTreeMap<String, Seen>,
    news: VecDeque<NodeNews>,
}

#[derive(Debug)]
struct Seen {
    association: Option<Trust>,
    /// This node was told to join it: it is known, whatever others say.
    sought: bool,
    /// Of the last association.
    incarnation: u32,
    /// Why the last association ended.
    ended: NodeReason,
    /// The life that the members speak of, and what they say.
    member: Option<(u32, MemberStatus)>,
    told: Option<NodeInfo>,
}

impl Nodes {
    /// This node is to join it.
    pub(super) fn seek(&mut self, node: &str) {
        self.change(node, |seen| seen.sought = true);
    }

    /// An association with that life has begun.
    pub(super) fn up(&mut self, node: &str, incarnation: u32) {
        self.change(node, |seen| {
            seen.incarnation = incarnation;
            seen.association = Some(Trust::Trusted);
        });
    }

    pub(super) fn trust(&mut self, node: &str, trust: Trust) {
        self.change(node, |seen| {
            if let Some(association) = &mut seen.association {
                *association = trust;
            }
        });
    }

    /// An association is over, or could not begin: that makes no node known. A dial may end after the node was forgotten.
    pub(super) fn ended(&mut self, node: &str, reason: &EndReason) {
        if !self.knows(node) {
            return;
        }
        let reason = match reason {
            EndReason::Unreachable | EndReason::Refused(_) => NodeReason::ConnectionSetupFailed,
            EndReason::Lost => NodeReason::ConnectionClosed,
            EndReason::Silent => NodeReason::NetTickTimeout,
            EndReason::Replaced => NodeReason::Replaced,
            EndReason::Left => NodeReason::Shutdown,
            EndReason::Overload | EndReason::Protocol(_) | EndReason::Stopped => NodeReason::Disconnect,
        };
        self.change(node, |seen| {
            let was_connected = seen.association.take().is_some();
            // That it cannot be reached either does not say why it went.
            if was_connected || seen.ended == NodeReason::Told {
                seen.ended = reason;
            }
        });
    }

    /// The members say something of it.
    pub(super) fn member(&mut self, node: &str, incarnation: u32, status: MemberStatus) {
        self.change(node, |seen| {
            seen.member = Some((incarnation, status));
            if seen.association.is_none() && incarnation > seen.incarnation {
                seen.incarnation = incarnation;
                seen.ended = NodeReason::Told;
            }
        });
    }

    /// The members say nothing of it any more.
    pub(super) fn forgotten(&mut self, node: &str) {
        match self.nodes.get(node) {
            Some(seen) if seen.association.is_some() || seen.sought => self.change(node, |seen| seen.member = None),
            Some(_) => {
                self.nodes.remove(node);
                self.news.push_back(NodeNews::Forgotten(NodeId::of_name(node)));
            }
            None => {}
        }
    }

    /// Whether anything is known of it.
    pub(super) fn knows(&self, node: &str) -> bool {
        self.nodes.contains_key(node)
    }

    pub(super) fn poll_news(&mut self) -> Option<NodeNews> {
        self.news.pop_front()
    }

    fn change(&mut self, node: &str, change: impl FnOnce(&mut Seen)) {
        let seen = self.nodes.entry(node.to_owned()).or_insert_with(|| Seen {
            association: None,
            sought: false,
            incarnation: 0,
            ended: NodeReason::Told,
            member: None,
            told: None,
        });
        change(seen);
        let info = seen.info(node);
        if seen.told.as_ref() != Some(&info) {
            seen.told = Some(info.clone());
            self.news.push_back(NodeNews::Changed(info));
        }
    }
}

impl Seen {
    fn info(&self, node: &str) -> NodeInfo {
        let member = self.member.map(|(_, status)| status);
        let (status, reason) = match (self.association, member) {
            (Some(Trust::Trusted), _) => (NodeStatus::Up, NodeReason::Heard),
            (Some(Trust::Suspected), _) => (NodeStatus::Suspect, NodeReason::Silent),
            (None, _) if self.ended == NodeReason::Shutdown => (NodeStatus::Down, NodeReason::Shutdown),
            (None, Some(MemberStatus::Down)) => (NodeStatus::Down, NodeReason::GivenUp),
            (None, _) => (NodeStatus::Unreachable, self.ended),
        };
        NodeInfo {
            id: NodeId::of_name(node),
            name: node.to_owned(),
            incarnation: self.incarnation,
            status,
            reason,
            member,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says what `change` makes known of the node "b", which was in an association before.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Nodes), expected: &[(NodeStatus, NodeReason, Option<MemberStatus>)]) {
        let mut nodes = Nodes::default();
        nodes.up("b", 1);
        assert!(matches!(nodes.poll_news(), Some(NodeNews::Changed(info)) if info.status == NodeStatus::Up));
        change(&mut nodes);
        let news: Vec<_> = std::iter::from_fn(|| nodes.poll_news())
            .map(|news| match news {
                NodeNews::Changed(info) => (info.status, info.reason, info.member),
                NodeNews::Forgotten(_) => panic!("forgotten"),
            })
            .collect();
        assert_eq!(news, expected);
    }

    #[test]
    fn a_node_that_is_silent_is_suspect_and_trusted_again() {
        check(
            |nodes| {
                nodes.trust("b", Trust::Suspected);
                nodes.trust("b", Trust::Suspected);
                nodes.trust("b", Trust::Trusted);
            },
            &[(NodeStatus::Suspect, NodeReason::Silent, None), (NodeStatus::Up, NodeReason::Heard, None)],
        );
    }

    #[test]
    fn a_lost_node_is_unreachable_until_the_members_give_it_up() {
        let (up, down) = (Some(MemberStatus::Up), Some(MemberStatus::Down));
        check(
            |nodes| {
                nodes.member("b", 1, MemberStatus::Up);
                nodes.ended("b", &EndReason::Silent);
                nodes.ended("b", &EndReason::Unreachable);
                nodes.member("b", 1, MemberStatus::Down);
            },
            &[
                (NodeStatus::Up, NodeReason::Heard, up),
                (NodeStatus::Unreachable, NodeReason::NetTickTimeout, up),
                (NodeStatus::Down, NodeReason::GivenUp, down),
            ],
        );
    }

    #[test]
    fn what_the_members_say_does_not_end_an_association() {
        let down = Some(MemberStatus::Down);
        check(|nodes| nodes.member("b", 1, MemberStatus::Down), &[(NodeStatus::Up, NodeReason::Heard, down)]);
    }

    #[test]
    fn a_node_that_leaves_is_down_until_a_later_life_is_told_of() {
        let (up, down) = (Some(MemberStatus::Up), Some(MemberStatus::Down));
        check(
            |nodes| {
                nodes.ended("b", &EndReason::Left);
                nodes.member("b", 1, MemberStatus::Down);
                nodes.member("b", 2, MemberStatus::Up);
            },
            &[
                (NodeStatus::Down, NodeReason::Shutdown, None),
                (NodeStatus::Down, NodeReason::Shutdown, down),
                (NodeStatus::Unreachable, NodeReason::Told, up),
            ],
        );
    }

    #[test]
    fn a_node_that_nobody_tells_of_is_forgotten_when_there_is_no_association_with_it() {
        let mut nodes = Nodes::default();
        nodes.up("b", 1);
        nodes.forgotten("b");
        nodes.ended("b", &EndReason::Lost);
        nodes.forgotten("b");
        nodes.forgotten("b");
        let news: Vec<_> = std::iter::from_fn(|| nodes.poll_news()).collect();
        assert_eq!(news.len(), 3, "{news:?}");
        assert_eq!(news.last(), Some(&NodeNews::Forgotten(NodeId::of_name("b"))));
    }

    #[test]
    fn a_dial_that_fails_makes_no_node_known() {
        let mut nodes = Nodes::default();
        nodes.member("b", 1, MemberStatus::Down);
        nodes.forgotten("b");
        nodes.ended("b", &EndReason::Unreachable);
        let news: Vec<_> = std::iter::from_fn(|| nodes.poll_news()).collect();
        assert_eq!(news.len(), 2, "{news:?}");
        assert_eq!(news.last(), Some(&NodeNews::Forgotten(NodeId::of_name("b"))));
    }

    #[test]
    fn a_node_that_is_sought_is_known_whatever_the_members_say() {
        let mut nodes = Nodes::default();
        nodes.seek("b");
        nodes.ended("b", &EndReason::Unreachable);
        nodes.member("b", 1, MemberStatus::Down);
        nodes.forgotten("b");
        let reasons: Vec<_> = std::iter::from_fn(|| nodes.poll_news())
            .map(|news| match news {
                NodeNews::Changed(info) => (info.reason, info.member),
                NodeNews::Forgotten(_) => panic!("forgotten"),
            })
            .collect();
        let told = |reason| (reason, None);
        let down = (NodeReason::GivenUp, Some(MemberStatus::Down));
        let failed = NodeReason::ConnectionSetupFailed;
        assert_eq!(reasons, [told(NodeReason::Told), told(failed), down, told(NodeReason::Told)]);
    }
}
