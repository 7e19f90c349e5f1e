//! Processes join and leave groups, are put under keys, watch and die, one thing at a time: whenever all is at rest, groups and
//! registries have just those that plain lists say, whoever watches was told so, and nobody is watched for nothing.

use crate::support::below;
use rand_core::Rng;
use rusm_core::{
    Context, ExitReason, GroupChange, GroupEvent, GroupsRef, KeyRegistry, KeyRegistryRef, Keys, Message, Node, Payload,
    Pid, ProcessGroups, Reference, RegistryError, Started,
};
use rusm_sim::SimHandle;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const NAMES: [&str; 3] = ["g", "h", "i"];
const PROCESSES: usize = 4;
const STEPS: usize = 60;

/// Longer than anything takes that a step leads to.
const REST: Duration = Duration::from_secs(1);

enum Order {
    Register(Keys, &'static str, u64),
    Unregister(Keys, &'static str),
    Watch(Option<&'static str>),
    EndWatch(Reference),
    /// Says what it was told since it was asked the last time.
    Say,
}

#[derive(Debug)]
enum Told {
    /// Or whose the key is.
    Registered(Result<(), Pid>),
    Unregistered,
    Watches(Reference, BTreeMap<String, Vec<Pid>>),
    Ended(bool),
    Events(Vec<GroupEvent>),
}

async fn puppet(context: Context) {
    let groups = GroupsRef::from("groups");
    loop {
        let call = context.receive_match(|message| matches!(message, Message::Call { .. })).await;
        let Message::Call { from, payload } = call else { continue };
        let told = match payload.downcast::<Order>().expect("an order") {
            Order::Register(keys, key, value) => {
                Told::Registered(match registry(keys).register(&context, key, value).await {
                    Ok(()) => Ok(()),
                    Err(RegistryError::AlreadyRegistered(owner)) => Err(owner),
                    Err(error) => panic!("{error}"),
                })
            }
            Order::Unregister(keys, key) => {
                registry(keys).unregister(&context, key).await.expect("it runs");
                Told::Unregistered
            }
            Order::Watch(Some(group)) => {
                let (watch, members) = groups.monitor(&context, group).await.expect("it runs");
                let group = (!members.is_empty()).then(|| (group.to_owned(), members));
                Told::Watches(watch, group.into_iter().collect())
            }
            Order::Watch(None) => {
                let (watch, members) = groups.monitor_scope(&context).await.expect("it runs");
                Told::Watches(watch, members)
            }
            Order::EndWatch(watch) => Told::Ended(groups.demonitor(&context, watch).await.expect("it runs")),
            Order::Say => Told::Events(std::iter::from_fn(|| context.try_receive(|_| true)).map(event).collect()),
        };
        context.reply(from, Payload::local(told));
    }
}

fn event(message: Message) -> GroupEvent {
    match message {
        Message::Plain(payload) => payload.downcast().expect("an event"),
        other => panic!("not an event: {other:?}"),
    }
}

fn registry(keys: Keys) -> KeyRegistryRef<u64> {
    if keys == Keys::Unique { "unique".into() } else { "many".into() }
}

/// What there is, by the numbers of the processes.
#[derive(Default)]
struct Model {
    dead: Vec<bool>,
    /// One of each membership.
    members: Vec<(&'static str, usize)>,
    unique: Vec<(&'static str, usize, u64)>,
    many: Vec<(&'static str, usize, u64)>,
    watches: Vec<Watch>,
    /// What is to be told: by which watch, and what.
    events: Vec<(usize, String)>,
}

struct Watch {
    owner: usize,
    group: Option<&'static str>,
    reference: Reference,
    active: bool,
}

impl Model {
    fn alive(&self) -> Vec<usize> {
        (0..self.dead.len()).filter(|process| !self.dead[*process]).collect()
    }

    fn under(&mut self, keys: Keys) -> &mut Vec<(&'static str, usize, u64)> {
        if keys == Keys::Unique { &mut self.unique } else { &mut self.many }
    }

    fn join(&mut self, group: &'static str, processes: &[usize]) {
        self.members.extend(processes.iter().map(|process| (group, *process)));
        self.tell(group, GroupChange::Join, processes);
        let dead: BTreeSet<usize> = processes.iter().copied().filter(|process| self.dead[*process]).collect();
        dead.into_iter().for_each(|process| self.forget(process));
    }

    /// Whether any of them was a member.
    fn leave(&mut self, group: &'static str, processes: &[usize]) -> bool {
        let mut left = Vec::new();
        for process in processes {
            if let Some(at) = self.members.iter().position(|member| *member == (group, *process)) {
                self.members.remove(at);
                left.push(*process);
            }
        }
        self.tell(group, GroupChange::Leave, &left);
        !left.is_empty()
    }

    fn tell(&mut self, group: &str, change: GroupChange, processes: &[usize]) {
        let watches = self.watches.iter().enumerate().filter(|(_, watch)| watch.active && !processes.is_empty());
        let watches = watches.filter(|(_, watch)| watch.group.is_none_or(|watched| watched == group));
        self.events.extend(watches.map(|(at, _)| (at, format!("{group} {change:?} {processes:?}"))));
    }

    /// A dead process is nowhere any more.
    fn forget(&mut self, process: usize) {
        for group in NAMES {
            let times = self.members.iter().filter(|member| **member == (group, process)).count();
            self.members.retain(|member| *member != (group, process));
            self.tell(group, GroupChange::Leave, &vec![process; times]);
        }
    }

    fn kill(&mut self, process: usize) {
        self.dead[process] = true;
        self.watches.iter_mut().filter(|watch| watch.owner == process).for_each(|watch| watch.active = false);
        self.unique.retain(|(_, of, _)| *of != process);
        self.many.retain(|(_, of, _)| *of != process);
        self.forget(process);
    }

    /// How many watch a process: the scope once as a member and once for each of its watches, each registry once.
    fn watched(&self, process: usize) -> usize {
        usize::from(self.members.iter().any(|(_, of)| *of == process))
            + self.watches.iter().filter(|watch| watch.active && watch.owner == process).count()
            + usize::from(self.unique.iter().any(|(_, of, _)| *of == process))
            + usize::from(self.many.iter().any(|(_, of, _)| *of == process))
    }
}

#[rusm_sim::test(seeds = 150, sometimes = ["a key was taken", "the dead joined", "nobody left", "a watch was over"])]
async fn groups_and_registries_have_what_the_model_says(sim: SimHandle) {
    let mut rng = sim.random("operator");
    let node = Node::start(sim.node_options("a"));
    assert!(matches!(ProcessGroups::start(&node, "groups").await, Started::Up(_)));
    assert!(matches!(KeyRegistry::<u64>::start(&node, "unique", Keys::Unique).await, Started::Up(_)));
    assert!(matches!(KeyRegistry::<u64>::start(&node, "many", Keys::Duplicate).await, Started::Up(_)));
    let mut operator = Operator { sim, node, groups: "groups".into(), pids: Vec::new(), model: Model::default() };
    (0..PROCESSES).for_each(|_| operator.spawn());
    for number in 0..STEPS {
        if operator.model.alive().len() < PROCESSES / 2 {
            operator.spawn();
        }
        let step = operator.step(&mut rng, number as u64).await;
        operator.compare(&step).await;
    }
}

struct Operator {
    sim: SimHandle,
    node: Node,
    groups: GroupsRef,
    pids: Vec<Pid>,
    model: Model,
}

impl Operator {
    fn spawn(&mut self) {
        self.pids.push(self.node.spawn(puppet));
        self.model.dead.push(false);
    }

    async fn tell(&self, process: usize, order: Order) -> Told {
        let told = self.node.call(self.pids[process], Payload::local(order), Duration::from_secs(20)).await;
        told.expect("it lives").downcast().expect("what it was told")
    }

    fn some(&self, rng: &mut impl Rng) -> Vec<usize> {
        (0..=below(rng, 3)).map(|_| below(rng, self.pids.len() as u64) as usize).collect()
    }

    async fn step(&mut self, rng: &mut impl Rng, number: u64) -> String {
        let alive = self.model.alive();
        let by = alive[below(rng, alive.len() as u64) as usize];
        let name = NAMES[below(rng, NAMES.len() as u64) as usize];
        let keys = [Keys::Unique, Keys::Duplicate][below(rng, 2) as usize];
        match below(rng, 12) {
            0..3 => {
                let who = self.some(rng);
                if who.iter().any(|process| self.model.dead[*process]) {
                    self.sim.sometimes("the dead joined");
                }
                self.groups.join(&self.node, name, &self.pids_of(&who)).await.expect("it runs");
                self.model.join(name, &who);
                format!("{who:?} join {name}")
            }
            3 | 4 => {
                let who = self.some(rng);
                let left = self.groups.leave(&self.node, name, &self.pids_of(&who)).await.is_ok();
                if !left {
                    self.sim.sometimes("nobody left");
                }
                assert_eq!(left, self.model.leave(name, &who), "{who:?} leave {name}");
                format!("{who:?} leave {name}")
            }
            5..8 => self.register(by, keys, name, number).await,
            8 => {
                assert!(matches!(self.tell(by, Order::Unregister(keys, name)).await, Told::Unregistered));
                self.model.under(keys).retain(|(key, of, _)| (*key, *of) != (name, by));
                format!("{by} is not under {name} any more ({keys:?})")
            }
            9 => self.watch(by, (below(rng, 2) == 0).then_some(name)).await,
            10 => self.end_watch(rng, by).await,
            _ => {
                self.node.exit_signal(self.pids[by], ExitReason::KILL);
                self.model.kill(by);
                format!("{by} dies")
            }
        }
    }

    async fn register(&mut self, by: usize, keys: Keys, key: &'static str, value: u64) -> String {
        let step = format!("{by} is put under {key} ({keys:?})");
        let owner = self.model.unique.iter().find(|(taken, ..)| keys == Keys::Unique && *taken == key);
        let expected = owner.map_or(Ok(()), |(_, owner, _)| Err(self.pids[*owner]));
        let Told::Registered(told) = self.tell(by, Order::Register(keys, key, value)).await else { panic!("{step}") };
        assert_eq!(told, expected, "{step}");
        match told {
            Ok(()) => self.model.under(keys).push((key, by, value)),
            Err(_) => self.sim.sometimes("a key was taken"),
        }
        step
    }

    async fn watch(&mut self, by: usize, group: Option<&'static str>) -> String {
        let step = format!("{by} watches {group:?}");
        let Told::Watches(reference, members) = self.tell(by, Order::Watch(group)).await else { panic!("{step}") };
        assert_eq!(members, self.members(group), "{step}: the members");
        self.model.watches.push(Watch { owner: by, group, reference, active: true });
        step
    }

    async fn end_watch(&mut self, rng: &mut impl Rng, by: usize) -> String {
        if self.model.watches.is_empty() {
            return "nothing".to_owned();
        }
        let at = below(rng, self.model.watches.len() as u64) as usize;
        let watch = &mut self.model.watches[at];
        let (reference, active) = (watch.reference, std::mem::take(&mut watch.active));
        if !active {
            self.sim.sometimes("a watch was over");
        }
        let told = self.tell(by, Order::EndWatch(reference)).await;
        assert!(matches!(told, Told::Ended(was) if was == active), "watch {at} ends: {told:?}");
        format!("watch {at} ends")
    }

    fn pids_of(&self, processes: &[usize]) -> Vec<Pid> {
        processes.iter().map(|process| self.pids[*process]).collect()
    }

    /// The groups that have members, and which: all, or that one.
    fn members(&self, only: Option<&str>) -> BTreeMap<String, Vec<Pid>> {
        let mut members: BTreeMap<String, Vec<Pid>> = BTreeMap::new();
        for (group, process) in self.model.members.iter().filter(|(group, _)| only.is_none_or(|only| only == *group)) {
            members.entry((*group).to_owned()).or_default().push(self.pids[*process]);
        }
        members.values_mut().for_each(|pids| pids.sort_unstable());
        members
    }

    async fn compare(&mut self, step: &str) {
        self.sim.sleep(REST).await;
        let (node, expected) = (&self.node, self.members(None));
        let groups = self.groups.which_groups(node).await.expect("it runs");
        assert_eq!(groups, expected.keys().cloned().collect::<Vec<_>>(), "{step}: the groups");
        for name in NAMES {
            let members = self.groups.members(node, name).await.expect("it runs");
            assert_eq!(members, expected.get(name).cloned().unwrap_or_default(), "{step}: members of {name}");
            assert_eq!(self.groups.local_members(node, name).await, Ok(members), "{step}: of this node");
        }
        for (keys, entries) in [(Keys::Unique, &self.model.unique), (Keys::Duplicate, &self.model.many)] {
            self.compare_registry(step, keys, entries).await;
        }
        for process in self.model.alive() {
            let info = node.process_info(self.pids[process]).expect("it lives");
            assert_eq!(info.monitored_by, self.model.watched(process), "{step}: how many watch {process}");
        }
        self.compare_events(step).await;
    }

    async fn compare_registry(&self, step: &str, keys: Keys, entries: &[(&'static str, usize, u64)]) {
        for key in NAMES {
            let of_key = entries.iter().filter(|(of, ..)| *of == key);
            let mut expected: Vec<(Pid, u64)> =
                of_key.map(|(_, process, value)| (self.pids[*process], *value)).collect();
            expected.sort_by_key(|(pid, _)| *pid);
            assert_eq!(registry(keys).lookup(&self.node, key).await, Ok(expected), "{step}: under {key} ({keys:?})");
        }
        for (process, pid) in self.pids.iter().enumerate() {
            let of_process = entries.iter().filter(|(_, of, _)| *of == process);
            let expected: BTreeSet<String> = of_process.map(|(key, ..)| (*key).to_owned()).collect();
            let expected = expected.into_iter().collect();
            assert_eq!(
                registry(keys).keys(&self.node, *pid).await,
                Ok(expected),
                "{step}: keys of {process} ({keys:?})"
            );
        }
    }

    /// What was told is what is there now and was not before, in any order: the dead leave when the scope hears of them.
    async fn compare_events(&mut self, step: &str) {
        let mut found = Vec::new();
        for process in self.model.alive() {
            let Told::Events(events) = self.tell(process, Order::Say).await else { panic!("{step}") };
            for GroupEvent { monitor, group, change, members } in events {
                let watch = self.model.watches.iter().position(|watch| watch.reference == monitor).expect("a watch");
                assert_eq!(self.model.watches[watch].owner, process, "{step}: somebody else's event");
                let index = |pid: &Pid| self.pids.iter().position(|known| known == pid).expect("a process");
                let members: Vec<usize> = members.iter().map(index).collect();
                found.push((watch, format!("{group} {change:?} {members:?}")));
            }
        }
        let mut expected = std::mem::take(&mut self.model.events);
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{step}: what was told of the groups");
    }
}
