//! Machines that say things to each other over connections that break: what each sees comes to be what all share. And the laws
//! of merging.

use super::machine::{Refused, Request, Sharing};
use super::part::{Change, Part};
use crate::{NodeId, Pid};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

const NODES: u32 = 3;

/// What is under way from one node to another. It is gone when the connection breaks.
enum Said {
    Ask { pid: Pid, token: u64 },
    Answer { token: u64, pid: Pid, part: Part },
    NoAnswer { token: u64 },
    Tell { to: Pid, token: u64, before: u64, changes: Vec<Change> },
}

/// Processes by key and how often, with the stamp.
type View = BTreeMap<(String, Pid), (u32, u64)>;

struct Node {
    pid: Pid,
    machine: Sharing,
    view: View,
    own: View,
    started: u64,
}

struct World {
    nodes: Vec<Node>,
    connected: [[bool; NODES as usize]; NODES as usize],
    under_way: BTreeMap<(usize, usize), VecDeque<Said>>,
    token: u64,
}

#[derive(Clone, Debug)]
enum Operation {
    Share { node: usize, key: u8, process: u32, join: bool },
    Toggle { one: usize, other: usize },
    Deliver { from: usize, to: usize },
    Restart { node: usize },
}

fn process(node: usize, index: u32) -> Pid {
    Pid { node: NodeId::from_u32(node as u32), incarnation: 1, index, serial: 0, random: 0 }
}

fn node_of(id: NodeId) -> usize {
    id.as_u32() as usize
}

fn apply(view: &mut View, change: &Change) {
    let Change { key, pid, count, stamp } = change.clone();
    let entry = view.entry((key, pid)).or_insert((0, stamp.unwrap_or_default()));
    entry.0 =
        if stamp.is_some() { entry.0 + count } else { entry.0.checked_sub(count).expect("no more than there is") };
    if entry.0 == 0 {
        view.retain(|_, (count, _)| *count > 0);
    }
}

impl World {
    fn new() -> Self {
        let node = |number| Node {
            pid: process(number, 1000),
            machine: Sharing::new(NodeId::from_u32(number as u32), 1, 0),
            view: View::new(),
            own: View::new(),
            started: 0,
        };
        let nodes = (0..NODES as usize).map(node).collect();
        Self { nodes, connected: Default::default(), under_way: BTreeMap::new(), token: 0 }
    }

    fn act(&mut self, operation: &Operation) {
        match *operation {
            Operation::Share { node, key, process: index, join } => {
                let key = format!("k{key}");
                let (pid, own) = (process(node, index), &mut self.nodes[node].own);
                let there = own.get(&(key.clone(), pid)).copied();
                if !join && there.is_none() {
                    return;
                }
                let stamp = join.then(|| there.map_or(index.into(), |(_, stamp)| stamp));
                let change = Change { key, pid, count: 1, stamp };
                apply(own, &change);
                self.nodes[node].machine.share(vec![change]);
            }
            Operation::Toggle { one, other } if one != other => {
                let connect = !self.connected[one][other];
                self.connect(one, other, connect);
            }
            Operation::Toggle { .. } => {}
            Operation::Deliver { from, to } => self.deliver(from, to),
            Operation::Restart { node } => self.restart(node),
        }
        self.settle();
    }

    fn connect(&mut self, one: usize, other: usize, connect: bool) {
        for (own, there) in [(one, other), (other, one)] {
            self.connected[own][there] = connect;
            self.under_way.remove(&(own, there));
            if connect {
                self.ask(own, there);
            } else {
                let pid = self.nodes[there].pid;
                self.nodes[own].machine.handle_down(pid);
                self.nodes[own].machine.forget(pid.node);
            }
        }
    }

    fn ask(&mut self, own: usize, there: usize) {
        self.token += 1;
        self.nodes[own].machine.ask(NodeId::from_u32(there as u32), self.token);
    }

    /// Who shares ends, and another one begins with what the processes of the node are.
    fn restart(&mut self, node: usize) {
        let Node { pid, own, started, .. } = &self.nodes[node];
        let (old, own, started) = (*pid, own.clone(), started + 1);
        let mut machine = Sharing::new(old.node, 1, started);
        let mut shared = |(key, pid): &(String, Pid), (count, stamp): (u32, u64)| {
            machine.share(vec![Change { key: key.clone(), pid: *pid, count, stamp: Some(stamp) }]);
        };
        own.iter().for_each(|(of, held)| shared(of, *held));
        let pid = Pid { serial: old.serial + 1, ..old };
        self.nodes[node] = Node { pid, machine, view: View::new(), own, started };
        let connected = self.connected[node];
        for other in (0..NODES as usize).filter(|other| *other != node && connected[*other]) {
            // What the dead had asked is answered to nobody, and who waits for its answer hears that.
            self.ask(node, other);
            self.nodes[other].machine.handle_down(old);
        }
    }

    fn settle(&mut self) {
        for own in 0..NODES as usize {
            while let Some(request) = self.nodes[own].machine.poll_request() {
                let pid = self.nodes[own].pid;
                let (there, said) = match request {
                    Request::Ask { node, token } => (node_of(node), Said::Ask { pid, token }),
                    Request::Tell { pid: to, token, changes_before: before, changes } => {
                        (node_of(to.node), Said::Tell { to, token, before, changes })
                    }
                };
                if self.connected[own][there] {
                    self.under_way.entry((own, there)).or_default().push_back(said);
                }
            }
            let node = &mut self.nodes[own];
            while let Some(change) = node.machine.poll_change() {
                apply(&mut node.view, &change);
            }
        }
    }

    fn deliver(&mut self, from: usize, to: usize) {
        let Some(said) = self.under_way.get_mut(&(from, to)).and_then(VecDeque::pop_front) else { return };
        let node = &mut self.nodes[to];
        match said {
            Said::Ask { pid, token } => {
                let (part, unknown) = node.machine.handle_ask(pid, token);
                let answer = Said::Answer { token, pid: node.pid, part: part.clone() };
                let answer = if pid == self.nodes[from].pid { answer } else { Said::NoAnswer { token } };
                self.under_way.entry((to, from)).or_default().push_back(answer);
                if unknown {
                    self.ask(to, from);
                }
            }
            Said::Answer { token, pid, part } => {
                let answered = node.machine.handle_answer(token, pid, part);
                assert!(matches!(answered, Ok(()) | Err(Refused::NotAsked)), "{answered:?}");
                // Who has ended by now is monitored too late, and that is said.
                if pid != self.nodes[from].pid {
                    self.nodes[to].machine.handle_down(pid);
                }
            }
            Said::NoAnswer { token } => {
                if node.machine.handle_no_answer(NodeId::from_u32(from as u32), token) {
                    self.ask(to, from);
                }
            }
            Said::Tell { to: pid, token, before, changes } if pid == node.pid => {
                match node.machine.handle_tell(token, before, changes) {
                    Ok(()) | Err((_, Refused::NotAsked)) => {}
                    Err((_, refused)) => panic!("{refused}"),
                }
            }
            Said::Tell { .. } => {}
        }
        self.settle();
    }

    /// Everybody is connected, and everything arrives.
    fn heal(&mut self) {
        for one in 0..NODES as usize {
            for other in (0..one).filter(|other| !self.connected[one][*other]).collect::<Vec<_>>() {
                self.connect(one, other, true);
            }
        }
        self.settle();
        for _ in 0..1000 {
            for from in 0..NODES as usize {
                (0..NODES as usize).for_each(|to| self.deliver(from, to));
            }
        }
    }
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let node = 0..NODES as usize;
    let share = (node.clone(), 0u8..3, 0u32..3, prop::bool::weighted(0.6));
    let pair = (node.clone(), node.clone());
    let operation = prop_oneof![
        6 => share.prop_map(|(node, key, process, join)| Operation::Share { node, key, process, join }),
        2 => pair.clone().prop_map(|(one, other)| Operation::Toggle { one, other }),
        12 => pair.prop_map(|(from, to)| Operation::Deliver { from, to }),
        1 => node.prop_map(|node| Operation::Restart { node }),
    ];
    prop::collection::vec(operation, 0..120)
}

/// A part of one node, as far as so many of these changes.
fn part(changes: &[Change], version: usize) -> Part {
    let mut machine = Sharing::new(NodeId::from_u32(0), 1, 0);
    changes[..version].iter().for_each(|change| machine.share(vec![change.clone()]));
    machine.handle_ask(process(1, 0), 0).0.clone()
}

proptest! {
    #[test]
    fn whatever_breaks_in_the_end_everybody_sees_what_all_share(operations in operations()) {
        let mut world = World::new();
        operations.iter().for_each(|operation| world.act(operation));
        world.heal();
        prop_assert!(world.under_way.values().all(VecDeque::is_empty), "they never stop talking");
        for own in 0..NODES as usize {
            let others = world.nodes.iter().enumerate().filter(|(other, _)| *other != own);
            let expected: View = others.flat_map(|(_, node)| node.own.clone()).collect();
            prop_assert_eq!(&world.nodes[own].view, &expected);
        }
    }

    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        joins in prop::collection::vec((0u8..3, 0u32..3, any::<bool>()), 0..12),
        versions in prop::array::uniform3(any::<prop::sample::Index>()),
    ) {
        let change = |(key, index, join): &(u8, u32, bool)| Change {
            key: format!("k{key}"),
            pid: process(0, *index),
            count: 1,
            stamp: join.then_some(1),
        };
        let changes: Vec<Change> = joins.iter().map(change).collect();
        let [a, b, c] = versions.map(|version| part(&changes, version.index(changes.len() + 1)));
        let merged = |one: &Part, other: &Part| {
            let mut merged = one.clone();
            merged.merge(other.clone());
            merged
        };
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &a), a.clone());
        // What changes is what the difference says.
        let mut changed = a.clone();
        b.changes_since(&a).iter().for_each(|change| changed.apply(change));
        prop_assert_eq!(changed.entries, b.entries);
    }
}

#[test]
fn who_shares_for_others_or_too_much_is_refused() {
    let mut machine = Sharing::new(NodeId::from_u32(0), 1, 0);
    machine.limit(2);
    let there = NodeId::from_u32(1);
    machine.ask(there, 7);
    let join = |node: usize, index| Change { key: "k".to_owned(), pid: process(node, index), count: 1, stamp: Some(1) };
    let of = |changes: &[Change]| {
        let mut part = Part::new(1, 0);
        changes.iter().for_each(|change| part.apply(change));
        part.version.changes = changes.len() as u64;
        part
    };
    let pid = process(1, 1000);
    assert_eq!(machine.handle_answer(8, pid, of(&[])), Err(Refused::NotAsked));
    assert_eq!(machine.handle_answer(7, process(2, 1000), of(&[])), Err(Refused::Foreign));
    assert_eq!(machine.handle_answer(7, pid, of(&[join(2, 1)])), Err(Refused::Foreign));
    assert_eq!(machine.handle_answer(7, pid, of(&[join(1, 1), join(1, 2), join(1, 3)])), Err(Refused::TooMuch));
    assert_eq!(machine.handle_answer(7, pid, of(&[join(1, 1)])), Ok(()));
    assert_eq!(machine.handle_tell(7, 1, vec![join(0, 5)]), Err((there, Refused::Foreign)));
    assert_eq!(machine.handle_tell(7, 1, vec![join(1, 2), join(1, 3)]), Err((there, Refused::TooMuch)));
    assert_eq!(machine.handle_tell(7, 2, vec![join(1, 2)]), Err((there, Refused::Gap)));
    assert_eq!(machine.handle_tell(7, 0, vec![join(1, 1)]), Ok(()), "it was in the answer");
    assert_eq!(machine.handle_tell(7, 1, vec![join(1, 2)]), Ok(()));
    assert_eq!(std::iter::from_fn(|| machine.poll_change()).count(), 2);
    machine.handle_down(pid);
    assert_eq!(std::iter::from_fn(|| machine.poll_change()).filter(|change| change.stamp.is_none()).count(), 2);
}
