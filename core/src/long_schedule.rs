use crate::node::WeakNode;
use crate::{Node, Pid};
use std::collections::BTreeMap;
use std::time::Duration;

/// The turns that were under way when somebody looked last, and whether that was told.
type Running = BTreeMap<Pid, (u32, bool)>;

/// Looks every `limit` which processes are in the same turn as the last time, and names them in the log, each turn once.
/// Ends with the node.
pub(crate) async fn watch(node: WeakNode, limit: Duration) {
    let mut running = Running::new();
    while let Some(clock) = node.upgrade().map(|node| node.seams().clock.clone()) {
        clock.sleep_until(clock.now() + limit).await;
        let Some(node) = node.upgrade() else { return };
        running = look(&node, &running, limit);
    }
}

fn look(node: &Node, before: &Running, limit: Duration) -> Running {
    let live = node.table().pids().into_iter().filter_map(|pid| node.table().living(pid));
    let running = live.filter_map(|process| {
        let turn = process.turn()?;
        let known = before.get(&process.pid).filter(|(known, _)| *known == turn);
        if let Some((_, false)) = known {
            let label = process.state.lock().label.clone();
            tracing::warn!(
                pid = %process.pid,
                process = label,
                limit_ms = limit.as_millis() as u64,
                "long schedule: a process has not yielded for longer than the limit"
            );
        }
        Some((process.pid, (turn, known.is_some())))
    });
    running.collect()
}
