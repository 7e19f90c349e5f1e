use crate::run;
use proptest::prelude::*;
use rusm_core::{
    Behaviour, Context, ExitReason, Message, Monitored, Payload, Pid, ProcessInfo, Reference, SpawnOptions, Timestamp,
    process_body,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Copy, Debug)]
enum Why {
    Normal,
    Boom,
    Kill,
}

/// What the process of that number does, of those that were spawned so far; `usize` names another one of them.
#[derive(Clone, Debug)]
enum Operation {
    Spawn { link: bool, monitor: bool, name: Option<usize> },
    Link(usize),
    Unlink(usize),
    Monitor(usize),
    MonitorName(usize),
    Demonitor(usize),
    Send(usize),
    Receive,
    TrapExit(bool),
    ExitSignal(usize, Why),
    Exit(Why),
    Register(usize, usize),
    Unregister(usize),
    Label(usize),
}

type Script = Vec<(usize, Operation)>;

/// The process that has the others do all this: the parent of the first.
const DIRECTOR: usize = usize::MAX;

#[derive(Clone)]
struct Watch {
    number: usize,
    /// What was asked for, when that was a name.
    name: Option<usize>,
    target: usize,
}

/// A process as a list of what it has to do with others.
#[derive(Clone, Default)]
struct Known {
    dead: bool,
    parent: usize,
    name: Option<usize>,
    label: String,
    links: BTreeSet<usize>,
    monitors: Vec<Watch>,
    /// How many monitors it has made so far.
    made: usize,
    trap_exit: bool,
    mailbox: usize,
    /// After which operation.
    since: usize,
}

#[derive(Clone)]
struct Model {
    all: Vec<Known>,
}

impl Model {
    fn new() -> Self {
        Self { all: vec![Known { parent: DIRECTOR, ..Known::default() }] }
    }

    fn lives(&self, i: usize) -> bool {
        !self.all[i].dead
    }

    fn named(&self, name: usize) -> Option<usize> {
        (0..self.all.len()).find(|i| self.lives(*i) && self.all[*i].name == Some(name))
    }

    /// An exit signal that no link carries.
    fn exit_signal(&mut self, from: usize, to: usize, why: Why) {
        if !self.lives(to) {
            return;
        }
        match why {
            Why::Kill => self.ends(to, Why::Boom),
            _ if self.all[to].trap_exit => self.all[to].mailbox += 1,
            Why::Normal if from != to => {}
            Why::Normal | Why::Boom => self.ends(to, why),
        }
    }

    fn link_breaks(&mut self, of: usize, why: Why) {
        if self.all[of].trap_exit {
            self.all[of].mailbox += 1;
        } else if !matches!(why, Why::Normal) {
            self.ends(of, why);
        }
    }

    fn ends(&mut self, dead: usize, why: Why) {
        if self.all[dead].dead {
            return;
        }
        self.all[dead].dead = true;
        for other in 0..self.all.len() {
            if !self.lives(other) {
                continue;
            }
            let before = self.all[other].monitors.len();
            self.all[other].monitors.retain(|watch| watch.target != dead);
            self.all[other].mailbox += before - self.all[other].monitors.len();
            if self.all[other].links.remove(&dead) {
                self.link_breaks(other, why);
            }
        }
    }

    /// A monitor that this process makes; nothing comes of one of itself.
    fn watch(&mut self, own: usize, name: Option<usize>, target: Option<usize>) {
        let number = self.all[own].made;
        self.all[own].made += 1;
        match target {
            Some(target) if target == own => {}
            Some(target) if self.lives(target) => self.all[own].monitors.push(Watch { number, name, target }),
            _ => self.all[own].mailbox += 1,
        }
    }

    /// What the operation says, if anything.
    fn step(&mut self, number: usize, own: usize, operation: &Operation) -> Option<bool> {
        if !self.lives(own) {
            return None;
        }
        match *operation {
            Operation::Spawn { link, monitor, name } => {
                let new = self.all.len();
                let is_taken = name.is_some_and(|name| self.named(name).is_some());
                let name = name.filter(|_| !is_taken);
                self.all.push(Known { parent: own, name, since: number, ..Known::default() });
                if link {
                    self.links(own, new);
                }
                if monitor {
                    self.watch(own, None, Some(new));
                }
                if is_taken {
                    self.ends(new, Why::Boom);
                }
            }
            Operation::Link(other) => match self.lives(other) {
                true => self.links(own, other),
                false => self.link_breaks(own, Why::Boom),
            },
            Operation::Unlink(other) => {
                self.all[own].links.remove(&other);
                self.all[other].links.remove(&own);
            }
            Operation::Monitor(other) => self.watch(own, None, Some(other)),
            Operation::MonitorName(name) => self.watch(own, Some(name), self.named(name)),
            Operation::Demonitor(which) => {
                let Known { monitors, made, .. } = &mut self.all[own];
                let number = which.checked_rem(*made)?;
                let before = monitors.len();
                monitors.retain(|watch| watch.number != number);
                return Some(monitors.len() < before);
            }
            Operation::Send(other) => self.all[other].mailbox += 1,
            Operation::Receive => {
                let mailbox = &mut self.all[own].mailbox;
                let found = *mailbox > 0;
                *mailbox -= usize::from(found);
                return Some(found);
            }
            Operation::TrapExit(on) => return Some(std::mem::replace(&mut self.all[own].trap_exit, on)),
            Operation::ExitSignal(other, why) => self.exit_signal(own, other, why),
            Operation::Exit(why) => self.ends(own, why),
            Operation::Register(name, other) => {
                let may = self.named(name).is_none() && self.lives(other) && self.all[other].name.is_none();
                if may {
                    self.all[other].name = Some(name);
                }
                return Some(may);
            }
            Operation::Unregister(name) => {
                let named = self.named(name);
                if let Some(other) = named {
                    self.all[other].name = None;
                }
                return Some(named.is_some());
            }
            Operation::Label(label) => self.all[own].label = format!("label {label}"),
        }
        None
    }

    fn links(&mut self, one: usize, other: usize) {
        if one != other {
            self.all[one].links.insert(other);
            self.all[other].links.insert(one);
        }
    }

    /// What is to be known of a process now, in words that name no pid.
    fn shown(&self, own: usize) -> Option<Shown> {
        let known = &self.all[own];
        if known.dead {
            return None;
        }
        let mut ancestors = Vec::new();
        let mut next = known.parent;
        loop {
            ancestors.push(next);
            if next == DIRECTOR || !self.lives(next) {
                break;
            }
            next = self.all[next].parent;
        }
        let watched = |watch: &Watch| match watch.name {
            Some(name) => format!("name {}", NAMES[name]),
            None => format!("process {}", watch.target),
        };
        let watches = |other: &Known| other.monitors.iter().filter(|watch| watch.target == own).count();
        Some(Shown {
            name: known.name.map(|name| NAMES[name].to_owned()),
            label: known.label.clone(),
            parent: known.parent,
            ancestors,
            links: known.links.iter().copied().collect(),
            monitors: known.monitors.iter().map(watched).collect(),
            monitored_by: self.all.iter().filter(|other| !other.dead).map(watches).sum(),
            trap_exit: known.trap_exit,
            mailbox_len: known.mailbox,
            step: known.since,
        })
    }
}

/// [`ProcessInfo`] with numbers in place of pids, and of times.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    name: Option<String>,
    label: String,
    parent: usize,
    ancestors: Vec<usize>,
    links: BTreeSet<usize>,
    monitors: Vec<String>,
    monitored_by: usize,
    trap_exit: bool,
    mailbox_len: usize,
    step: usize,
}

/// What is seen after each step: what the operation said, and what is known of each process.
type Seen = Vec<(Option<bool>, Vec<Option<Shown>>)>;

fn expected(script: &Script) -> Seen {
    let mut model = Model::new();
    let steps = script.iter().enumerate().map(|(number, (own, operation))| {
        let count = model.all.len();
        let said = model.step(number + 1, own % count, &operation.clone().among(count));
        (said, (0..model.all.len()).map(|i| model.shown(i)).collect())
    });
    steps.collect()
}

/// What a process is to do; all other messages stay where they are. What it returns ends it.
type Job = Box<dyn FnOnce(&Context, &mut Vec<Reference>) -> Option<ExitReason> + Send>;

fn is_job(message: &Message) -> bool {
    matches!(message, Message::Plain(payload) if payload.downcast_ref::<Job>().is_some())
}

/// A process that does as it is told.
async fn puppet(context: Context) -> ExitReason {
    let mut monitors = Vec::new();
    loop {
        let Message::Plain(payload) = context.receive_match(is_job).await else { unreachable!("only jobs match") };
        if let Some(reason) = payload.downcast::<Job>().expect("a job")(&context, &mut monitors) {
            return reason;
        }
    }
}

/// The processes so far, and what the last operation said.
#[derive(Default)]
struct World {
    all: Vec<Pid>,
    said: Option<bool>,
}

impl Why {
    fn reason(self) -> ExitReason {
        match self {
            Self::Normal => ExitReason::NORMAL,
            Self::Boom => ExitReason::new("boom"),
            Self::Kill => ExitReason::KILL,
        }
    }
}

/// Does it, in the process whose turn it is.
fn perform(
    operation: Operation,
    world: &mut World,
    context: &Context,
    monitors: &mut Vec<Reference>,
) -> Option<ExitReason> {
    let all = &world.all;
    world.said = match operation {
        Operation::Spawn { link, monitor, name } => {
            let name = name.map(|name| NAMES[name].to_owned());
            let options = SpawnOptions { link, monitor, name, ..SpawnOptions::default() };
            let spawned = context.spawn_with(options, process_body(puppet));
            world.all.push(spawned.pid);
            monitors.extend(spawned.monitor);
            None
        }
        Operation::Link(other) => {
            context.link(all[other]);
            None
        }
        Operation::Unlink(other) => {
            context.unlink(all[other]);
            None
        }
        Operation::Monitor(other) => {
            monitors.push(context.monitor(all[other]));
            None
        }
        Operation::MonitorName(name) => {
            monitors.push(context.monitor(NAMES[name]));
            None
        }
        Operation::Demonitor(which) => {
            (!monitors.is_empty()).then(|| context.demonitor(monitors[which % monitors.len()]))
        }
        Operation::Send(other) => {
            context.send(all[other], Payload::local(())).expect("a pid");
            None
        }
        Operation::Receive => Some(context.try_receive(|message| !is_job(message)).is_some()),
        Operation::TrapExit(on) => Some(context.trap_exit(on)),
        Operation::ExitSignal(other, why) => {
            context.exit_signal(all[other], why.reason());
            None
        }
        Operation::Exit(why) => return Some(why.reason()),
        Operation::Register(name, other) => Some(context.register(NAMES[name], all[other]).is_ok()),
        Operation::Unregister(name) => Some(context.unregister(NAMES[name]).is_ok()),
        Operation::Label(label) => {
            context.set_label(format!("label {label}"));
            None
        }
    };
    None
}

/// How long after one operation the next one comes: all is at rest by then.
const STEP: Duration = Duration::from_millis(5);

/// Has real processes do all of it.
async fn play(context: Context, script: Script, seen: Arc<Mutex<Seen>>) {
    let origin = context.now();
    let first = context.spawn_with(SpawnOptions::default(), process_body(puppet)).pid;
    let world = Arc::new(Mutex::new(World { all: vec![first], said: None }));
    for (number, (own, operation)) in script.into_iter().enumerate() {
        let number = u32::try_from(number).expect("few steps") + 1;
        context.sleep((origin + STEP * number).since(context.now())).await;
        let (own, job): (Pid, Job) = {
            let (mut now, world) = (world.lock().unwrap(), world.clone());
            now.said = None;
            let operation = operation.among(now.all.len());
            let does = move |context: &Context, monitors: &mut Vec<Reference>| {
                perform(operation, &mut world.lock().unwrap(), context, monitors)
            };
            (now.all[own % now.all.len()], Box::new(does))
        };
        context.send(own, Payload::local(job)).expect("a pid");
        context.sleep(STEP / 2).await;
        let (all, said) = {
            let world = world.lock().unwrap();
            (world.all.clone(), world.said)
        };
        let mut shown = Vec::new();
        for pid in &all {
            let info = context.process_info(*pid).await;
            assert_eq!(context.is_alive(*pid).await, info.is_some());
            assert_eq!(context.node().processes().contains(pid), info.is_some());
            shown.push(info.map(|info| show(&context, origin, &all, info)));
        }
        seen.lock().unwrap().push((said, shown));
    }
    world.lock().unwrap().all.iter().for_each(|pid| context.exit_signal(*pid, ExitReason::KILL));
}

fn show(context: &Context, origin: Timestamp, all: &[Pid], info: ProcessInfo) -> Shown {
    let number = |pid: Pid| match pid == context.pid() {
        true => DIRECTOR,
        false => all.iter().position(|other| *other == pid).expect("one of them"),
    };
    assert!(all.contains(&info.pid) && info.behaviour == Behaviour::Plain && info.status == "waiting", "{info:?}");
    assert!(info.function.contains("puppet"), "{info:?}");
    assert!(info.links.is_sorted(), "{info:?}");
    let watched = |monitored: Monitored| match monitored {
        Monitored::Pid(pid) => format!("process {}", number(pid)),
        Monitored::Name(name) => format!("name {name}"),
        other => panic!("nothing else is watched: {other:?}"),
    };
    Shown {
        name: info.name,
        label: info.label,
        parent: number(info.parent.expect("a parent")),
        ancestors: info.ancestors.into_iter().map(number).collect(),
        links: info.links.into_iter().map(number).collect(),
        monitors: info.monitors.into_iter().map(watched).collect(),
        monitored_by: info.monitored_by,
        trap_exit: info.trap_exit,
        mailbox_len: info.mailbox_len,
        step: usize::try_from(info.started_at.since(origin).as_nanos() / STEP.as_nanos()).expect("few steps"),
    }
}

impl Operation {
    /// The same, of that many processes.
    fn among(self, count: usize) -> Self {
        match self {
            Self::Link(other) => Self::Link(other % count),
            Self::Unlink(other) => Self::Unlink(other % count),
            Self::Monitor(other) => Self::Monitor(other % count),
            Self::Send(other) => Self::Send(other % count),
            Self::ExitSignal(other, why) => Self::ExitSignal(other % count, why),
            Self::Register(name, other) => Self::Register(name, other % count),
            _ => self,
        }
    }
}

/// How many processes there mostly are, at most.
const PROCESSES: usize = 6;

fn operation() -> impl Strategy<Value = Operation> {
    let why = || prop::sample::select(&[Why::Normal, Why::Boom, Why::Kill][..]);
    let name = || 0..NAMES.len();
    let other = || 0..PROCESSES;
    prop_oneof![
        6 => (any::<bool>(), any::<bool>(), prop::option::of(name()))
            .prop_map(|(link, monitor, name)| Operation::Spawn { link, monitor, name }),
        4 => other().prop_map(Operation::Link),
        2 => other().prop_map(Operation::Unlink),
        4 => other().prop_map(Operation::Monitor),
        2 => name().prop_map(Operation::MonitorName),
        2 => (0usize..8).prop_map(Operation::Demonitor),
        3 => other().prop_map(Operation::Send),
        3 => Just(Operation::Receive),
        4 => prop::bool::weighted(0.7).prop_map(Operation::TrapExit),
        2 => (other(), why()).prop_map(|(other, why)| Operation::ExitSignal(other, why)),
        1 => why().prop_map(Operation::Exit),
        3 => (name(), other()).prop_map(|(name, other)| Operation::Register(name, other)),
        2 => name().prop_map(Operation::Unregister),
        1 => (0usize..3).prop_map(Operation::Label),
    ]
}

proptest! {
    #[test]
    fn process_info_is_what_the_reference_knows(
        script in prop::collection::vec((0..PROCESSES, operation()), 0..40),
        seed in 0u64..1000,
    ) {
        let expected = expected(&script);
        let seen = Arc::new(Mutex::new(Seen::new()));
        run(seed, { let (seen, script) = (seen.clone(), script.clone()); move |context| play(context, script, seen) });
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        for (number, (seen, expected)) in seen.iter().zip(&expected).enumerate() {
            prop_assert_eq!(seen, expected, "after step {}: {:?}", number, script[number]);
        }
        prop_assert_eq!(seen.len(), expected.len());
    }
}
