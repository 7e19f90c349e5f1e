//! Process groups: a scope, and what its monitors are told, compared with lists of names.

use crate::{run, script_ending_with};
use proptest::prelude::*;
use rusm_core::{
    Context, ExitReason, GroupChange, GroupEvent, GroupsRef, LeaveError, Message, Pid, ProcessGroups, Reference,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const PROCESSES: usize = 4;
const GROUPS: [&str; 3] = ["a", "b", "c"];

/// Processes and groups by their number; monitors in the order in which they were made.
#[derive(Clone, Debug)]
enum Step {
    Join(usize, Vec<usize>),
    Leave(usize, Vec<usize>),
    /// Another takes its place, which is in no group.
    Kill(usize),
    Monitor(usize),
    MonitorScope,
    Demonitor(usize),
    /// Takes what a monitor was told so far.
    Look,
}

struct Monitor {
    reference: Reference,
    /// All of them without one.
    group: Option<usize>,
    active: bool,
    told: VecDeque<(usize, GroupChange, Vec<Pid>)>,
}

/// Members in the order in which they joined.
#[derive(Default)]
struct Model {
    groups: BTreeMap<usize, Vec<Pid>>,
    monitors: Vec<Monitor>,
}

impl Model {
    fn members(&self, group: usize) -> Vec<Pid> {
        let mut members = self.groups.get(&group).cloned().unwrap_or_default();
        members.sort();
        members
    }

    fn names(&self) -> Vec<String> {
        self.groups
            .iter()
            .filter(|(_, members)| !members.is_empty())
            .map(|(group, _)| GROUPS[*group].to_owned())
            .collect()
    }

    fn tell(&mut self, group: usize, change: GroupChange, pids: Vec<Pid>) {
        let hear = |monitor: &&mut Monitor| monitor.active && monitor.group.is_none_or(|watched| watched == group);
        for monitor in self.monitors.iter_mut().filter(hear).filter(|_| !pids.is_empty()) {
            monitor.told.push_back((group, change, pids.clone()));
        }
    }

    fn join(&mut self, group: usize, pids: &[Pid]) {
        self.groups.entry(group).or_default().extend(pids);
        self.tell(group, GroupChange::Join, pids.to_vec());
    }

    /// Those that were members.
    fn leave(&mut self, group: usize, pids: &[Pid]) -> Vec<Pid> {
        let members = self.groups.entry(group).or_default();
        let mut left = Vec::new();
        for pid in pids {
            if let Some(place) = members.iter().position(|member| member == pid) {
                left.push(members.remove(place));
            }
        }
        self.tell(group, GroupChange::Leave, left.clone());
        left
    }

    fn ended(&mut self, pid: Pid) {
        for group in 0..GROUPS.len() {
            let times = self.members(group).iter().filter(|member| **member == pid).count();
            self.leave(group, &vec![pid; times]);
        }
    }
}

fn idle(context: &Context) -> Pid {
    context.spawn(|context| async move {
        loop {
            context.receive().await;
        }
        #[expect(unreachable_code, reason = "says what the body returns")]
        ExitReason::NORMAL
    })
}

/// What lies in the mailbox, by monitor.
fn told(context: &Context) -> BTreeMap<Reference, VecDeque<(usize, GroupChange, Vec<Pid>)>> {
    let mut told: BTreeMap<_, VecDeque<_>> = BTreeMap::new();
    while let Some(message) = context.try_receive(|_| true) {
        let Message::Plain(payload) = message else { panic!("not from the scope: {message:?}") };
        let GroupEvent { monitor, group, change, members } = payload.downcast().expect("an event");
        let group = GROUPS.iter().position(|name| *name == group).expect("a group");
        told.entry(monitor).or_default().push_back((group, change, members));
    }
    told
}

async fn play(context: Context, script: Vec<Step>) {
    ProcessGroups::start_link(&context, "scope").await;
    let scope = GroupsRef::from("scope");
    let mut processes: Vec<Pid> = (0..PROCESSES).map(|_| idle(&context)).collect();
    let mut model = Model::default();
    for step in script {
        match step {
            Step::Join(group, which) => {
                let pids: Vec<Pid> = which.iter().map(|i| processes[*i]).collect();
                scope.join(&context, GROUPS[group], &pids).await.expect("joined");
                model.join(group, &pids);
            }
            Step::Leave(group, which) => {
                let pids: Vec<Pid> = which.iter().map(|i| processes[*i]).collect();
                let left = scope.leave(&context, GROUPS[group], &pids).await;
                let expected = if model.leave(group, &pids).is_empty() { Err(LeaveError::NotJoined) } else { Ok(()) };
                assert_eq!(left, expected);
            }
            Step::Kill(i) => {
                context.exit_signal(processes[i], ExitReason::KILL);
                // Until the scope has heard of it.
                context.sleep(Duration::from_millis(1)).await;
                model.ended(processes[i]);
                processes[i] = idle(&context);
            }
            Step::Monitor(group) => {
                let (reference, members) = scope.monitor(&context, GROUPS[group]).await.expect("a monitor");
                assert_eq!(members, model.members(group));
                model.monitors.push(Monitor { reference, group: Some(group), active: true, told: VecDeque::new() });
            }
            Step::MonitorScope => {
                let (reference, groups) = scope.monitor_scope(&context).await.expect("a monitor");
                let groups: Vec<(String, Vec<Pid>)> = groups.into_iter().collect();
                let of = |name: String| {
                    (name.clone(), model.members(GROUPS.iter().position(|of| *of == name).expect("one")))
                };
                assert_eq!(groups, model.names().into_iter().map(of).collect::<Vec<_>>());
                model.monitors.push(Monitor { reference, group: None, active: true, told: VecDeque::new() });
            }
            Step::Demonitor(i) => {
                let Some(monitor) = model.monitors.get_mut(i) else { continue };
                assert_eq!(scope.demonitor(&context, monitor.reference).await, Ok(monitor.active));
                monitor.active = false;
                monitor.told.clear();
            }
            Step::Look => {
                let mut told = told(&context);
                for monitor in &mut model.monitors {
                    let mut heard = told.remove(&monitor.reference).unwrap_or_default();
                    // What one end changes in several groups has no order among them.
                    heard.make_contiguous().sort_by_key(|(group, ..)| *group);
                    monitor.told.make_contiguous().sort_by_key(|(group, ..)| *group);
                    assert_eq!(heard, std::mem::take(&mut monitor.told));
                }
                assert!(told.is_empty(), "told of what nobody watches: {told:?}");
            }
        }
        for (group, name) in GROUPS.iter().enumerate() {
            assert_eq!(scope.members(&context, name).await, Ok(model.members(group)));
            assert_eq!(scope.local_members(&context, name).await, Ok(model.members(group)));
        }
        assert_eq!(scope.which_groups(&context).await, Ok(model.names()));
    }
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let group = || 0..GROUPS.len();
    let processes = || prop::collection::vec(0..PROCESSES, 1..4);
    let step = prop_oneof![
        5 => (group(), processes()).prop_map(|(group, which)| Step::Join(group, which)),
        3 => (group(), processes()).prop_map(|(group, which)| Step::Leave(group, which)),
        2 => (0..PROCESSES).prop_map(Step::Kill),
        2 => group().prop_map(Step::Monitor),
        1 => Just(Step::MonitorScope),
        2 => (0usize..5).prop_map(Step::Demonitor),
        3 => Just(Step::Look),
    ];
    script_ending_with(Step::Look, step)
}

proptest! {
    #[test]
    fn a_scope_has_the_members_that_the_model_has_and_tells_of_each_change(script in script(), seed: u64) {
        run(seed, move |context| play(context, script));
    }
}
