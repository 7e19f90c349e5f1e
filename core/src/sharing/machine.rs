use super::part::{Change, Part};
use crate::{NodeId, Pid};
use std::collections::{BTreeMap, VecDeque};

/// How many processes under keys one node can share: what it can make the others keep.
const PART_LEN_MAX: usize = 1 << 20;

/// One node's side of the sharing, without I/O.
///
/// This node asks each other one when there is an association with it: the answer is that node's part, and its changes follow.
/// The other asks in the same way. What happens comes in by the `handle_` methods and [`share`](Self::share); afterwards
/// [`poll_request`](Self::poll_request) and [`poll_change`](Self::poll_change) until they give nothing.
#[derive(Debug)]
pub(super) struct Sharing {
    here: NodeId,
    own: Part,
    part_len_max: usize,
    peers: BTreeMap<NodeId, Peer>,
    /// Who has asked, and what to say with what they are told.
    askers: BTreeMap<NodeId, (Pid, u64)>,
    requests: VecDeque<Request>,
    changes: VecDeque<Change>,
}

#[derive(Debug)]
struct Peer {
    /// What it says with what it tells; it has it from this node's question.
    token: u64,
    /// Who answered.
    pid: Option<Pid>,
    part: Part,
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// To whoever shares the same there, as a call.
    Ask { node: NodeId, token: u64 },
    /// To one who has asked.
    Tell { pid: Pid, token: u64, changes_before: u64, changes: Vec<Change> },
}

/// Why something that another node said does not count. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("nobody was asked for it")]
    NotAsked,
    #[error("a node speaks only for its own processes")]
    Foreign,
    #[error("changes are missing before it")]
    Gap,
    #[error("a node shares too much")]
    TooMuch,
}

impl Sharing {
    pub(super) fn new(here: NodeId, incarnation: u32, started: u64) -> Self {
        Self {
            here,
            own: Part::new(incarnation, started),
            part_len_max: PART_LEN_MAX,
            peers: BTreeMap::new(),
            askers: BTreeMap::new(),
            requests: VecDeque::new(),
            changes: VecDeque::new(),
        }
    }

    /// Lets another node share so much.
    #[cfg(test)]
    pub(super) fn limit(&mut self, part_len_max: usize) {
        self.part_len_max = part_len_max;
    }

    /// Changes what this node shares, and tells all who have asked.
    pub(super) fn share(&mut self, changes: Vec<Change>) {
        debug_assert!(changes.iter().all(|change| change.pid.node == self.here), "a node speaks for its own processes");
        if changes.is_empty() {
            return;
        }
        let changes_before = self.own.version.changes;
        changes.iter().for_each(|change| self.own.apply(change));
        self.own.version.changes += 1;
        for (pid, token) in self.askers.values() {
            let changes = changes.clone();
            self.requests.push_back(Request::Tell { pid: *pid, token: *token, changes_before, changes });
        }
    }

    /// Asks that node from the beginning: there is an association with it, or what it said has a gap. `token` is one that nobody
    /// can guess.
    pub(super) fn ask(&mut self, node: NodeId, token: u64) {
        self.forget(node);
        self.peers.insert(node, Peer { token, pid: None, part: Part::default() });
        self.requests.push_back(Request::Ask { node, token });
    }

    /// That process has asked this node. Returns the answer, and whether it is to be asked as well: this node has not heard of
    /// it.
    pub(super) fn handle_ask(&mut self, pid: Pid, token: u64) -> (&Part, bool) {
        self.askers.insert(pid.node, (pid, token));
        let known = self.peers.get(&pid.node).is_some_and(|peer| peer.pid.is_none_or(|known| known == pid));
        (&self.own, !known)
    }

    /// The answer to the question with that token, and who gave it.
    pub(super) fn handle_answer(&mut self, token: u64, pid: Pid, part: Part) -> Result<(), Refused> {
        let asked = self.peers.iter_mut().find(|(_, peer)| peer.token == token);
        let (node, peer) = asked.ok_or(Refused::NotAsked)?;
        if pid.node != *node || part.iter().any(|(_, pid, _)| pid.node != *node) {
            return Err(Refused::Foreign);
        }
        if part.len > self.part_len_max {
            return Err(Refused::TooMuch);
        }
        peer.pid = Some(pid);
        let before = peer.part.clone();
        peer.part.merge(part);
        self.changes.extend(peer.part.changes_since(&before));
        Ok(())
    }

    /// Somebody tells of changes. On a [`Gap`](Refused::Gap) that node is to be asked again.
    pub(super) fn handle_tell(
        &mut self,
        token: u64,
        before: u64,
        changes: Vec<Change>,
    ) -> Result<(), (NodeId, Refused)> {
        let asked = self.peers.iter_mut().find(|(_, peer)| peer.token == token);
        let (node, peer) = asked.ok_or((self.here, Refused::NotAsked))?;
        if changes.iter().any(|change| change.pid.node != *node) {
            return Err((*node, Refused::Foreign));
        }
        if before > peer.part.version.changes {
            return Err((*node, Refused::Gap));
        }
        if peer.part.len + changes.len() > self.part_len_max {
            return Err((*node, Refused::TooMuch));
        }
        // What the answer had in it already is no news.
        if before == peer.part.version.changes {
            changes.iter().for_each(|change| peer.part.apply(change));
            peer.part.version.changes += 1;
            self.changes.extend(changes);
        }
        Ok(())
    }

    /// What that node shares is not there any more: the association with it has ended, or who shares it there.
    pub(super) fn forget(&mut self, node: NodeId) {
        if let Some(peer) = self.peers.remove(&node) {
            self.changes.extend(Part::default().changes_since(&peer.part));
        }
    }

    /// That process has ended, or cannot be reached.
    pub(super) fn handle_down(&mut self, pid: Pid) {
        if self.askers.get(&pid.node).is_some_and(|(asker, _)| *asker == pid) {
            self.askers.remove(&pid.node);
        }
        if self.peers.get(&pid.node).is_some_and(|peer| peer.pid == Some(pid)) {
            self.forget(pid.node);
        }
    }

    /// The question with that token came to nothing. Returns whether that node is to be asked again: somebody of it has asked in
    /// the meantime.
    pub(super) fn handle_no_answer(&mut self, node: NodeId, token: u64) -> bool {
        let latest = self.peers.get(&node).is_some_and(|peer| peer.token == token);
        if latest {
            self.forget(node);
        }
        latest && self.askers.contains_key(&node)
    }

    pub(super) fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// The next change of what other nodes share, as this node sees it.
    pub(super) fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: NodeId = NodeId::from_u32(1);

    fn machine() -> Sharing {
        Sharing::new(NodeId::from_u32(0), 1, 0)
    }

    fn process(node: NodeId, index: u32) -> Pid {
        Pid { node, incarnation: 1, index, serial: 0, random: 0 }
    }

    fn joins(pid: Pid) -> Change {
        Change { key: "key".to_owned(), pid, count: 1, stamp: Some(7) }
    }

    /// Whom it tells of the next change.
    fn told(sharing: &mut Sharing) -> Vec<Pid> {
        sharing.share(vec![joins(process(NodeId::from_u32(0), 9))]);
        let told = std::iter::from_fn(|| sharing.poll_request()).filter_map(|request| match request {
            Request::Tell { pid, .. } => Some(pid),
            Request::Ask { .. } => None,
        });
        told.collect()
    }

    #[test]
    fn who_asked_is_told_until_it_ends_whoever_else_does() {
        let (mut sharing, asker) = (machine(), process(THERE, 1));
        sharing.handle_ask(asker, 5);
        sharing.handle_down(process(THERE, 2));
        assert_eq!(told(&mut sharing), [asker]);
        sharing.handle_down(asker);
        assert_eq!(told(&mut sharing), []);
    }

    #[test]
    fn who_does_not_answer_is_asked_again_when_it_has_asked_since() {
        let mut sharing = machine();
        sharing.ask(THERE, 1);
        assert!(!sharing.handle_no_answer(THERE, 1), "it has not asked");
        sharing.ask(THERE, 2);
        sharing.handle_ask(process(THERE, 1), 5);
        assert!(!sharing.handle_no_answer(THERE, 1), "there is a later question");
        assert!(sharing.peers.contains_key(&THERE), "which waits for its answer");
        assert!(sharing.handle_no_answer(THERE, 2));
        assert!(!sharing.peers.contains_key(&THERE));
    }

    #[test]
    fn a_node_shares_as_much_as_the_limit() {
        let (mut sharing, sharer) = (machine(), process(THERE, 1));
        sharing.limit(2);
        let mut part = Part::new(1, 1);
        for (index, result) in [(2, Ok(())), (3, Ok(())), (4, Err(Refused::TooMuch))] {
            part.apply(&joins(process(THERE, index)));
            sharing.ask(THERE, index.into());
            assert_eq!(sharing.handle_answer(index.into(), sharer, part.clone()), result);
        }
    }
}
