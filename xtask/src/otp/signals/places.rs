use super::operation::{Operation, Step};
use crate::otp::nodes::Nodes;
use rusm_core::{Context, Destination, Monitored, Node, Pid};
use std::collections::BTreeSet;

/// Which process of a program lives on which node. Names are those of the first node, and whoever gets one lives there.
pub(super) struct Places {
    nodes: Vec<Node>,
    named: BTreeSet<String>,
}

impl Places {
    pub(super) fn new(context: &Context, steps: &[Step]) -> Self {
        let operations = steps.iter().flat_map(|step| &step.operations);
        let named = operations.filter_map(|operation| match operation {
            Operation::Register { process, .. } => Some(process.clone()),
            _ => None,
        });
        Self { nodes: Nodes::of(context), named: named.collect() }
    }

    /// The node that has the names.
    pub(super) fn first(&self) -> &Node {
        &self.nodes[0]
    }

    /// Where a process of that name is to live.
    pub(super) fn of_process(&self, name: &str) -> &Node {
        if self.named.contains(name) {
            return self.first();
        }
        let number = usize::try_from(super::seen::number(name)).unwrap_or_default();
        &self.nodes[number % self.nodes.len()]
    }

    /// Where a process lives.
    pub(super) fn of_pid(&self, pid: Pid) -> &Node {
        self.nodes.iter().find(|node| node.id() == pid.node).unwrap_or(self.first())
    }

    /// A name, as a process on that node has to address it.
    pub(super) fn by_name(&self, from: &Node, name: &str) -> Destination {
        if from.id() == self.first().id() {
            return Destination::Name(name.to_owned());
        }
        Destination::NameAt { name: name.to_owned(), node: self.first().id() }
    }

    /// The same for a monitor.
    pub(super) fn monitored(&self, from: &Node, name: &str) -> Monitored {
        if from.id() == self.first().id() {
            return Monitored::Name(name.to_owned());
        }
        Monitored::NameAt { name: name.to_owned(), node: self.first().id() }
    }
}
