//! What a courier was told of another node.

use rusm_sdk::{NodeEvent, NodeInfo, NodeStatus};
use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Seen {
    #[serde(skip)]
    status: Option<NodeStatus>,
    connected: bool,
    incarnation: u32,
    nodeups: u64,
    nodedowns: u64,
    /// How often it was silent.
    suspected: u64,
    /// Why the last connection ended.
    lost: String,
}

impl Seen {
    /// What was known when the monitor began.
    pub(crate) fn known(node: &NodeInfo) -> Self {
        let connected = node.status.is_connected();
        Self { status: Some(node.status), connected, incarnation: node.incarnation, ..Self::default() }
    }

    /// An event has come.
    ///
    /// # Errors
    /// It does not fit to what came before.
    pub(crate) fn tell(&mut self, event: &NodeEvent) -> Result<(), String> {
        let NodeInfo { name, status, incarnation, reason, .. } = &event.node;
        let before = self.status.replace(*status);
        let was_suspect = before == Some(NodeStatus::Suspect);
        let earlier = std::mem::replace(&mut self.incarnation, *incarnation);
        self.connected = status.is_connected();
        self.nodeups += u64::from(event.is_nodeup());
        self.nodedowns += u64::from(event.is_nodedown());
        self.suspected += u64::from(*status == NodeStatus::Suspect && !was_suspect);
        if event.is_nodedown() {
            self.lost.clone_from(reason);
        }
        if before != event.before {
            return Err(format!(
                "{name} was seen as {before:?}, and then it is told of as if it was {:?}",
                event.before
            ));
        }
        if *incarnation < earlier {
            return Err(format!("{name} was in its life {earlier}, and is in {incarnation} then"));
        }
        if event.is_nodedown() && reason == "net_tick_timeout" && !was_suspect {
            return Err(format!("{name} was lost for its silence and never suspected"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NodeStatus::{Suspect, Unreachable, Up};
    use rusm_sdk::Reference;

    fn event(before: Option<NodeStatus>, status: NodeStatus, incarnation: u32, reason: &str) -> NodeEvent {
        let monitor = Reference { node: 1, incarnation: 1, index: 1, serial: 1, random: 1 };
        let node = NodeInfo { id: 2, name: "b".into(), incarnation, status, reason: reason.into(), member: None };
        NodeEvent { monitor, before, node }
    }

    #[test]
    fn news_begin_where_the_last_ended_and_no_life_comes_back() {
        let mut seen = Seen::default();
        let mut check = |event: NodeEvent, sound: bool| assert_eq!(seen.tell(&event).is_ok(), sound, "{event:?}");
        check(event(None, Up, 1, "heard"), true);
        check(event(Some(Up), Suspect, 1, "silent"), true);
        check(event(Some(Suspect), Unreachable, 1, "net_tick_timeout"), true);
        check(event(Some(Unreachable), Up, 2, "heard"), true);
        check(event(Some(Suspect), Up, 2, "heard"), false);
        check(event(Some(Up), Suspect, 1, "silent"), false);
        check(event(Some(Suspect), Up, 2, "heard"), true);
        check(event(Some(Up), Unreachable, 2, "net_tick_timeout"), false);
        assert_eq!((seen.nodeups, seen.nodedowns, seen.suspected), (2, 2, 2));
        assert_eq!((seen.connected, seen.lost.as_str()), (false, "net_tick_timeout"));
    }
}
