//! Children and supervisors are killed: whatever is meant to live is back, and nothing outlives its supervisor.

use crate::support::{below, clear, idle, storm};
use rusm_core::{ChildSpec, ExitReason, Node, Pid, Started, Strategy, Supervisor, SupervisorRef, SupervisorSpec};
use rusm_sim::SimHandle;
use std::time::Duration;

const WORKERS: u64 = 5;

fn worker(id: &str) -> ChildSpec {
    ChildSpec::worker(id, |context, _| idle(context)).name(id)
}

fn strategy(sim: &SimHandle) -> Strategy {
    match below(&mut sim.random("strategy"), 3) {
        0 => Strategy::OneForOne,
        1 => Strategy::OneForAll,
        _ => Strategy::RestForOne,
    }
}

fn names() -> Vec<String> {
    (0..WORKERS).map(|number| format!("worker-{number}")).collect()
}

async fn start(node: &Node, spec: SupervisorSpec) -> Pid {
    match Supervisor::start(node, spec).await {
        Started::Up(pid) => pid,
        other => panic!("the supervisor did not start: {other:?}"),
    }
}

#[rusm_sim::test(seeds = 200)]
async fn children_come_back(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let mut spec = SupervisorSpec::new(strategy(&sim)).intensity(1000, Duration::from_secs(1));
    for name in names() {
        spec = spec.child(worker(&name));
    }
    let supervisor = start(&node, spec).await;
    let names = names();
    let whereis = node.clone();
    storm(&sim, &node, 20, |random| whereis.whereis(&names[(random % WORKERS) as usize])).await;
    sim.sleep(Duration::from_secs(5)).await;

    let children = SupervisorRef::from(supervisor).which_children(&node).await.expect("the supervisor lives");
    let mut ids: Vec<&str> = children.iter().map(|child| child.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, names, "a child was forgotten or doubled");
    for child in &children {
        let pid = child.pid.unwrap_or_else(|| panic!("{} is not running", child.id));
        assert_eq!(node.whereis(&child.id), Some(pid), "{} runs and has not its name", child.id);
        assert!(node.process_info(pid).is_some(), "{} is dead and its supervisor does not know", child.id);
    }
    assert_eq!(node.process_count(), 1 + WORKERS as usize, "a child was left behind by a restart");
    clear(&sim, &node).await;
}

#[rusm_sim::test(
    seeds = 200,
    sometimes = ["a supervisor gave up", "a supervisor was killed", "the tree lived on"]
)]
async fn nothing_outlives_its_supervisor(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let mut branch = SupervisorSpec::new(strategy(&sim)).name("branch").intensity(3, Duration::from_secs(1));
    for name in names() {
        branch = branch.child(worker(&name));
    }
    let root = SupervisorSpec::new(Strategy::OneForOne).intensity(1, Duration::from_secs(60));
    let root = start(&node, root.child(ChildSpec::supervisor("branch", branch))).await;

    let names = names();
    let whereis = node.clone();
    storm(&sim, &node, 8, |random| whereis.whereis(&names[(random % WORKERS) as usize])).await;
    if below(&mut sim.random("who"), 2) == 0
        && let Some(branch) = node.whereis("branch")
    {
        node.exit_signal(branch, ExitReason::KILL);
        sim.sometimes("a supervisor was killed");
    }
    sim.sleep(Duration::from_secs(30)).await;

    if node.process_info(root).is_none() {
        sim.sometimes("a supervisor gave up");
        assert_eq!(node.process_count(), 0, "the root is gone and left {:?}", node.processes());
        return;
    }
    sim.sometimes("the tree lived on");
    let branch = node.whereis("branch").expect("the root lives, so its branch does");
    for name in &names {
        let pid = node.whereis(name).unwrap_or_else(|| panic!("{name} is not back"));
        let parent = node.process_info(pid).and_then(|info| info.parent);
        assert_eq!(parent, Some(branch), "{name} belongs to a supervisor that is gone");
    }
    assert_eq!(node.process_count(), 2 + WORKERS as usize, "somebody was left behind: {:?}", node.processes());
    clear(&sim, &node).await;
}
