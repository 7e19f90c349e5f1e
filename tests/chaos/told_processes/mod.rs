//! Processes on one node or several are told what to do to each other, one thing at a time: whenever all is at rest,
//! everybody has just the links, monitors, names, messages and ends that an obvious model says.

mod model;
mod puppet;

use crate::support::{below, micros};
use model::{Index, Model, Process};
use puppet::{KIND, Order, Said, Start, Told, number_of, numbered, puppet};
use rand_core::Rng;
use rusm_core::{
    AliasMode, Destination, ExitReason, Message, Monitored, Node, Payload, Pid, ProcessSpec, Reference, process_body,
};
use rusm_sim::SimHandle;
use rusm_transport::cluster::ClusterOptions;
use std::sync::Arc;
use std::time::Duration;

const NAMES: [&str; 3] = ["x", "y", "z"];
const NODES: [&str; 3] = ["a", "b", "c"];
const PROCESSES: usize = 5;
const STEPS: usize = 60;

/// Longer than anything takes that a step leads to.
const REST: Duration = Duration::from_secs(3);

#[rusm_sim::test(
    seeds = 150,
    sometimes = [
        "somebody else died", "a call timed out", "an alias took a message", "a spawn was refused its name",
        "a burst went several ways"
    ]
)]
async fn everybody_has_what_the_model_says(sim: SimHandle) {
    told(sim, 1).await;
}

#[rusm_sim::test(
    seeds = 100,
    sometimes = ["somebody else died", "a call timed out", "an alias took a message", "a spawn was given up"]
)]
async fn everybody_has_what_the_model_says_on_three_nodes(sim: SimHandle) {
    told(sim, 3).await;
}

async fn told(sim: SimHandle, nodes: usize) {
    let mut rng = sim.random("operator");
    let mut operator = Operator::start(sim, nodes);
    operator.sim.until_joined(&operator.nodes).await;
    operator.start_long_timers().await;
    for _ in 0..STEPS {
        if operator.model.alive().len() < 2 {
            operator.spawn(&mut rng);
        }
        let step = operator.step(&mut rng).await;
        operator.compare(&step).await;
    }
}

struct Operator {
    sim: SimHandle,
    nodes: Vec<Node>,
    model: Model,
    pids: Vec<Pid>,
    references: Vec<Reference>,
    /// What each of the references monitors.
    objects: Vec<Option<Monitored>>,
    /// The alias that was sent to the last time.
    used: Option<usize>,
    /// The last number that was sent.
    sent: u64,
}

/// Who is meant by a name, or by a pid.
struct Meant {
    process: Option<Index>,
    destination: Destination,
    monitored: Monitored,
    /// Whether it is a name of the own node, which must be somebody's to be sent to.
    is_local_name: bool,
}

impl Operator {
    fn start(sim: SimHandle, nodes: usize) -> Self {
        let names: Vec<String> = NODES[..nodes].iter().map(|name| (*name).to_owned()).collect();
        let start = |name: &String| {
            let node = Node::start(sim.node_options(name));
            node.register_factory(KIND, Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(puppet))));
            if nodes > 1 {
                sim.join(&node, ClusterOptions { cluster: 1, nodes: names.clone(), ..ClusterOptions::default() });
            }
            node
        };
        let nodes: Vec<Node> = names.iter().map(start).collect();
        let (pids, references, objects) = (Vec::new(), Vec::new(), Vec::new());
        let mut operator = Self { sim, nodes, model: Model::default(), pids, references, objects, used: None, sent: 0 };
        (0..PROCESSES).for_each(|index| operator.spawn_on(index));
        operator
    }

    /// One on each node that all others have to overtake.
    async fn start_long_timers(&self) {
        for process in 0..self.nodes.len() {
            let (never, to) = (Duration::from_secs(1_000_000), self.pids[process].into());
            let told = self.tell(process, Order::After(never, to, 0, false)).await;
            assert!(matches!(told, Told::Flag(true)), "{told:?}");
        }
    }

    fn spawn(&mut self, rng: &mut impl Rng) {
        let node = below(rng, self.nodes.len() as u64) as usize;
        self.spawn_on(node);
    }

    fn spawn_on(&mut self, index: usize) {
        let node = index % self.nodes.len();
        self.model.spawn(node, None);
        self.pids.push(self.nodes[node].spawn(puppet));
    }

    /// What it answers; nothing, when it has died of it.
    async fn tell(&self, process: Index, order: Order) -> Told {
        let node = &self.nodes[self.model.processes[process].node];
        match node.call(self.pids[process], Payload::local(order), Duration::from_secs(20)).await {
            Ok(told) => told.downcast().expect("a puppet says what it was told"),
            Err(rusm_core::CallError::Down(_)) => Told::Nothing,
            Err(error) => panic!("process {process} does not answer: {error}"),
        }
    }

    fn living(&self, rng: &mut impl Rng) -> Index {
        let alive = self.model.alive();
        alive[below(rng, alive.len() as u64) as usize]
    }

    /// Mostly somebody who lives.
    fn anybody(&self, rng: &mut impl Rng) -> Index {
        if below(rng, 4) > 0 { self.living(rng) } else { below(rng, self.pids.len() as u64) as usize }
    }

    fn meant(&self, rng: &mut impl Rng, by: Index) -> Meant {
        let (name, own) = (NAMES[below(rng, 3) as usize], self.model.processes[by].node);
        match below(rng, 4) {
            0 => Meant {
                process: self.model.whereis(own, name),
                destination: name.into(),
                monitored: name.into(),
                is_local_name: true,
            },
            1 => {
                let there = below(rng, self.nodes.len() as u64) as usize;
                let (name, node) = (name.to_owned(), self.nodes[there].id());
                Meant {
                    process: self.model.whereis(there, &name),
                    destination: Destination::NameAt { name: name.clone(), node },
                    monitored: Monitored::NameAt { name, node },
                    is_local_name: false,
                }
            }
            _ => self.by_pid(self.anybody(rng)),
        }
    }

    fn by_pid(&self, process: Index) -> Meant {
        let (destination, monitored) = (self.pids[process].into(), self.pids[process].into());
        Meant { process: Some(process), destination, monitored, is_local_name: false }
    }

    fn next_number(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// One of its references, if it has any.
    fn watch_of(&self, rng: &mut impl Rng, owner: Index) -> Option<usize> {
        let of: Vec<usize> = (0..self.references.len()).filter(|at| self.model.watches[*at].owner == owner).collect();
        (!of.is_empty()).then(|| of[below(rng, of.len() as u64) as usize])
    }

    async fn step(&mut self, rng: &mut impl Rng) -> String {
        let (by, other) = (self.living(rng), self.anybody(rng));
        let pid = self.pids[other];
        match below(rng, 26) {
            0..3 => {
                self.tell(by, Order::Link(pid)).await;
                self.model.link(by, other);
                format!("{by} links {other}")
            }
            3 => {
                self.tell(by, Order::Unlink(pid)).await;
                self.model.unlink(by, other);
                format!("{by} unlinks {other}")
            }
            4 | 5 => self.monitor(rng, by).await,
            6 => self.end_watch(rng, by).await,
            7 => {
                let on = below(rng, 3) > 0;
                let before = std::mem::replace(&mut self.model.processes[by].traps, on);
                let told = self.tell(by, Order::Trap(on)).await;
                assert!(matches!(told, Told::Flag(flag) if flag == before), "{told:?}");
                format!("{by} traps {on}")
            }
            8..11 => self.send(rng, by).await,
            11 | 12 => self.exit(rng, by, other).await,
            13 => self.register(rng, by, other).await,
            14 => self.start_other(rng, by).await,
            15 | 16 => self.call(rng, by).await,
            17 => self.be_mute(rng, by).await,
            18 => {
                let told = self.tell(by, Order::IsAlive(pid)).await;
                let expected = !self.model.processes[other].dead;
                assert!(matches!(told, Told::Flag(flag) if flag == expected), "{other} lives: {told:?}");
                format!("{by} asks whether {other} lives")
            }
            19 => self.start_with_init(rng, by).await,
            20 => self.burst(rng, by).await,
            21 => {
                self.tell(by, Order::Relink(pid)).await;
                self.model.unlink(by, other);
                self.model.link(by, other);
                format!("{by} links {other} anew")
            }
            22 => self.depart(rng, by).await,
            23 => {
                let label = format!("label {}", self.next_number());
                self.tell(by, Order::Label(label.clone())).await;
                self.model.processes[by].label = Some(label);
                format!("{by} has a label")
            }
            24 => self.spawn_or_give_up(rng, by).await,
            _ => self.send_after(rng, by).await,
        }
    }

    fn know(&mut self, reference: Reference, object: Option<Monitored>) {
        self.references.push(reference);
        self.objects.push(object);
    }

    async fn monitor(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let modes = [None, None, Some(AliasMode::Explicit), Some(AliasMode::Demonitor), Some(AliasMode::Reply)];
        let (meant, mode) = (self.meant(rng, by), modes[below(rng, 5) as usize]);
        let step = format!("{by} monitors {:?} ({:?}), {mode:?}", meant.process, meant.monitored);
        let told = self.tell(by, Order::Monitor(meant.monitored.clone(), mode)).await;
        let Told::Reference(monitor) = told else { panic!("{step}: {told:?}") };
        self.know(monitor, Some(meant.monitored));
        self.model.monitor(by, meant.process, mode);
        step
    }

    async fn end_watch(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let Some(watch) = self.watch_of(rng, by) else {
            let told = self.tell(by, Order::Alias).await;
            let Told::Reference(alias) = told else { panic!("an alias: {told:?}") };
            self.know(alias, None);
            self.model.alias(by);
            return format!("{by} makes an alias");
        };
        let reference = self.references[watch];
        if below(rng, 3) == 0 {
            let active = self.model.watches[watch].alias.take().is_some();
            let told = self.tell(by, Order::Unalias(reference)).await;
            assert!(matches!(told, Told::Flag(flag) if flag == active), "{by} ends the alias {watch}: {told:?}");
            return format!("{by} ends the alias {watch}");
        }
        let flush = below(rng, 2) == 0;
        let active = self.model.demonitor(watch, flush);
        let told = self.tell(by, Order::Demonitor(reference, flush)).await;
        assert!(matches!(told, Told::Flag(flag) if flag == active), "{by} demonitors {watch}: {told:?}");
        format!("{by} demonitors {watch}, flush {flush}")
    }

    async fn send(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let number = self.next_number();
        if below(rng, 2) == 0 && !self.references.is_empty() {
            // Often the one that was used before: it may be over by that.
            let another = below(rng, self.references.len() as u64) as usize;
            let watch = self.used.filter(|_| below(rng, 2) == 0).unwrap_or(another);
            self.used = Some(watch);
            if self.model.watches[watch].alias.is_some() {
                self.sim.sometimes("an alias took a message");
            }
            self.tell(by, Order::Send(self.references[watch].into(), number)).await;
            self.model.send_to_alias(watch, number);
            return format!("{by} sends {number} to the alias {watch}");
        }
        if below(rng, 8) == 0 {
            return self.send_value(rng, by, number).await;
        }
        let meant = self.meant(rng, by);
        let told = self.tell(by, Order::Send(meant.destination, number)).await;
        let taken = !meant.is_local_name || meant.process.is_some();
        assert!(matches!(told, Told::Flag(flag) if flag == taken), "{by} sends to {:?}: {told:?}", meant.process);
        self.model.send(meant.process, number);
        format!("{by} sends {number} to {:?}", meant.process)
    }

    /// Only a term can leave its node.
    async fn send_value(&mut self, rng: &mut impl Rng, by: Index, number: u64) -> String {
        let to = self.living(rng);
        let here = self.model.processes[by].node == self.model.processes[to].node;
        let told = self.tell(by, Order::SendValue(self.pids[to], number)).await;
        assert!(matches!(told, Told::Flag(flag) if flag == here), "{by} sends a value to {to}: {told:?}");
        if here {
            self.model.send(Some(to), number);
        }
        format!("{by} sends {to} the value {number}")
    }

    async fn exit(&mut self, rng: &mut impl Rng, by: Index, other: Index) -> String {
        let number = self.next_number();
        let reason = match below(rng, 4) {
            0 => ExitReason::NORMAL,
            1 => ExitReason::KILL,
            2 => numbered("boom", number),
            _ => numbered("shutdown", number),
        };
        let (before, text) = (self.model.alive().len(), reason.to_string());
        let step = if below(rng, 3) == 0 {
            self.tell(by, Order::Return(reason)).await;
            self.model.end(by, &text);
            format!("{by} returns {text}")
        } else {
            self.tell(by, Order::Exit(self.pids[other], reason)).await;
            self.model.exit_signal(by, other, &text);
            format!("{by} sends the exit signal {text} to {other}")
        };
        if self.model.alive().len() + 1 < before {
            self.sim.sometimes("somebody else died");
        }
        step
    }

    /// Signals to oneself have arrived when they are sent: the first that ends it counts, and beats a return.
    async fn depart(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let mut reason = || match below(rng, 8) {
            0 => ExitReason::NORMAL,
            1 => ExitReason::KILL,
            _ => numbered("depart", self.next_number()),
        };
        let (signals, returned): (Vec<ExitReason>, ExitReason) = ((0..2).map(|_| reason()).collect(), reason());
        let step = format!("{by} sends itself {signals:?} and returns {returned}");
        for signal in &signals {
            self.model.exit_signal(by, by, &signal.to_string());
        }
        self.model.end(by, &returned.to_string());
        self.tell(by, Order::Depart(signals, returned)).await;
        step
    }

    /// Whoever is not waited for any more, and was to be linked, does not live on.
    async fn spawn_or_give_up(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let node = below(rng, self.nodes.len() as u64) as usize;
        let patience = micros(rng, 1_000);
        let told = self.tell(by, Order::SpawnOrGiveUp(self.nodes[node].id(), patience)).await;
        match told {
            Told::Spawned(pid, None) => {
                let new = self.model.spawn(node, Some(by));
                self.pids.push(pid);
                self.model.link(by, new);
            }
            Told::NotStarted => self.sim.sometimes("a spawn was given up"),
            other => panic!("a spawn: {other:?}"),
        }
        format!("{by} waits {patience:?} for one that node {node} starts")
    }

    async fn register(&mut self, rng: &mut impl Rng, by: Index, other: Index) -> String {
        let name = NAMES[below(rng, 3) as usize];
        let node = self.model.processes[by].node;
        if below(rng, 3) == 0 {
            let expected = self.model.unregister(node, name);
            let told = self.tell(by, Order::Unregister(name)).await;
            assert!(matches!(told, Told::Flag(flag) if flag == expected), "{name} is taken away: {told:?}");
            return format!("{by} takes the name {name} away");
        }
        let process = if self.model.processes[other].node == node { other } else { by };
        let expected = self.model.register(name, process);
        let told = self.tell(by, Order::Register(name, self.pids[process])).await;
        assert!(matches!(told, Told::Flag(flag) if flag == expected), "{process} is given {name}: {told:?}");
        format!("{by} gives {process} the name {name}")
    }

    async fn start_other(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let (link, monitor) = (below(rng, 2) == 0, below(rng, 2) == 0);
        let (own, node) = (self.model.processes[by].node, below(rng, self.nodes.len() as u64) as usize);
        if below(rng, 2) == 0 {
            let order = Order::SpawnOn { node: self.nodes[node].id(), link, monitor };
            self.started(by, node, order, (link, monitor)).await;
            return format!("{by} spawns one on node {node}, link {link}, monitor {monitor}");
        }
        let name = (below(rng, 2) == 0).then_some(NAMES[below(rng, 3) as usize]);
        let new = self.started(by, own, Order::Spawn { link, monitor, name }, (link, monitor)).await;
        if let Some(name) = name
            && !self.model.register(name, new)
        {
            self.sim.sometimes("a spawn was refused its name");
            self.model.end(new, "already_started");
        }
        format!("{by} spawns {new}, link {link}, monitor {monitor}, name {name:?}")
    }

    async fn start_with_init(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let (link, monitor) = (below(rng, 2) == 0, below(rng, 2) == 0);
        let how = [Start::Up, Start::Fails, Start::Ignored][below(rng, 3) as usize];
        let (step, order) = (format!("{by} starts one: {how:?}"), Order::Start { link, monitor, how });
        if let Start::Up = how {
            self.started(by, self.model.processes[by].node, order, (link, monitor)).await;
        } else {
            // It leaves nothing behind.
            let told = self.tell(by, order).await;
            assert!(matches!(told, Told::NotStarted), "{step}: {told:?}");
        }
        step
    }

    /// It starts another one by that order.
    async fn started(&mut self, by: Index, node: usize, order: Order, (link, monitor): (bool, bool)) -> Index {
        let told = self.tell(by, order).await;
        let Told::Spawned(pid, watch) = told else { panic!("a spawn: {told:?}") };
        let new = self.model.spawn(node, Some(by));
        self.pids.push(pid);
        if link {
            self.model.link(by, new);
        }
        assert_eq!(watch.is_some(), monitor);
        if let Some(watch) = watch {
            self.know(watch, Some(pid.into()));
            self.model.monitor(by, Some(new), None);
        }
        new
    }

    /// One sends another a lot, however that one can be addressed: it arrives in this order.
    async fn burst(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let to = self.living(rng);
        let Process { node, name, traps, .. } = &self.model.processes[to];
        let (pid, here) = (self.pids[to], *node == self.model.processes[by].node);
        let mut addresses: Vec<Destination> = vec![pid.into()];
        if let Some(name) = *name {
            let at_node = Destination::NameAt { name: name.to_owned(), node: self.nodes[*node].id() };
            addresses.extend(here.then(|| name.into()).into_iter().chain([at_node]));
        }
        let aliases = self.model.watches.iter().zip(&self.references);
        let stay = |alias| matches!(alias, Some(AliasMode::Explicit | AliasMode::Demonitor));
        addresses.extend(aliases.filter(|(of, _)| of.owner == to && stay(of.alias)).map(|(_, alias)| (*alias).into()));
        if addresses.len() > 1 {
            self.sim.sometimes("a burst went several ways");
        }
        let traps = *traps;
        let said = (0..8).map(|_| {
            self.sent += 1;
            if traps && below(rng, 4) == 0 {
                self.model.exit_signal(by, to, &numbered("burst", self.sent).to_string());
                return Said::Exit(pid, self.sent);
            }
            self.model.send(Some(to), self.sent);
            Said::Message(addresses[below(rng, addresses.len() as u64) as usize].clone(), self.sent)
        });
        let said = said.collect();
        self.tell(by, Order::Burst(said)).await;
        format!("{by} sends {to} a burst")
    }

    async fn call(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let mute = (0..self.pids.len()).find(|process| self.model.call(by, Some(*process)) == "timeout");
        let meant = match mute {
            Some(mute) if below(rng, 2) == 0 => self.by_pid(mute),
            _ => self.meant(rng, by),
        };
        if below(rng, 4) == 0 {
            self.tell(by, Order::GiveUp(meant.destination)).await;
            return format!("{by} calls {:?} and gives up", meant.process);
        }
        let expected = match (meant.process, meant.is_local_name) {
            (None, true) => "badarg",
            (None, false) => "noproc",
            (process, _) => self.model.call(by, process),
        };
        // By a name of a node one can call oneself, and wait.
        let itself = expected == "itself" && matches!(meant.destination, Destination::NameAt { .. });
        let expected = if itself { "timeout" } else { expected };
        if expected == "timeout" {
            self.sim.sometimes("a call timed out");
        }
        let step = format!("{by} calls {:?} ({:?})", meant.process, meant.destination);
        let told = self.tell(by, Order::Call(meant.destination)).await;
        assert!(matches!(told, Told::Call(how) if how == expected), "{step}: {told:?} and not {expected}");
        step
    }

    async fn be_mute(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let on = below(rng, 2) == 0;
        self.model.processes[by].is_mute = on;
        self.tell(by, Order::Mute(on)).await;
        self.tell(by, Order::AnswerLate).await;
        format!("{by} is mute: {on}")
    }

    async fn send_after(&mut self, rng: &mut impl Rng, by: Index) -> String {
        let (meant, number, cancel) = (self.meant(rng, by), self.next_number(), below(rng, 3) == 0);
        let is_dead = meant.process.is_some_and(|process| self.model.processes[process].dead);
        let (there, here) =
            (meant.process.map(|process| self.model.processes[process].node), self.model.processes[by].node);
        // To a dead process of the own node there is no timer.
        let is_none = matches!(meant.destination, Destination::Pid(_)) && is_dead && there == Some(here);
        let told = self.tell(by, Order::After(Duration::from_millis(700), meant.destination, number, cancel)).await;
        assert!(matches!(told, Told::Flag(flag) if flag != is_none), "a timer to {:?}: {told:?}", meant.process);
        if !cancel {
            self.model.send(meant.process, number);
        }
        format!("{by} sends {number} to {:?} later, cancelled {cancel}", meant.process)
    }

    async fn compare(&mut self, step: &str) {
        self.sim.sleep(REST).await;
        for process in 0..self.pids.len() {
            let node = &self.nodes[self.model.processes[process].node];
            let info = node.process_info(self.pids[process]);
            let expected = &self.model.processes[process];
            assert_eq!(info.is_none(), expected.dead, "{step}: whether {process} is dead");
            let Some(info) = info else { continue };
            let links: Vec<usize> = info.links.iter().map(|pid| self.index(*pid)).collect();
            let mut sorted = links.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, expected.links.iter().copied().collect::<Vec<_>>(), "{step}: links of {process}");
            assert_eq!(
                (info.monitors.len(), info.monitored_by),
                self.model.monitors(process),
                "{step}: monitors of {process}, and those on it"
            );
            let parent = expected.parent.map(|parent| self.pids[parent]);
            assert_eq!(info.parent, parent, "{step}: the parent of {process}");
            assert_eq!((info.trap_exit, info.name.as_deref()), (expected.traps, expected.name), "{step}: {process}");
            if let Some(label) = &expected.label {
                assert_eq!(&info.label, label, "{step}: the label of {process}");
            }
            let ancestors: Vec<Pid> = self.model.ancestors(process).iter().map(|other| self.pids[*other]).collect();
            assert_eq!((info.ancestors, info.status), (ancestors, "waiting"), "{step}: {process}");
            assert_eq!(info.mailbox_len, expected.mailbox.len(), "{step}: messages of {process}");
        }
        let names = self.model.names();
        for (number, node) in self.nodes.iter().enumerate() {
            for name in NAMES {
                let found = node.whereis(name).map(|pid| self.index(pid));
                assert_eq!(found, names.get(&(number, name)).copied(), "{step}: who has the name {name}");
            }
            let alive = self.model.alive().into_iter().filter(|process| self.model.processes[*process].node == number);
            assert_eq!(node.process_count(), alive.count(), "{step}: processes of {}", node.name());
        }
        self.look(step).await;
    }

    /// Now and then everybody looks into the mailbox.
    async fn look(&mut self, step: &str) {
        for process in self.model.alive() {
            if self.model.processes[process].mailbox.is_empty() {
                continue;
            }
            let told = self.tell(process, Order::Look).await;
            let Told::Seen(messages) = told else { panic!("{step}: {told:?}") };
            let numbers: Vec<u64> = messages.iter().filter_map(number_in).collect();
            assert!(numbers.is_sorted(), "{step}: {process} got {numbers:?}, from one sender");
            let mut seen: Vec<String> = messages.iter().map(|message| self.describe(message)).collect();
            let mut expected = std::mem::take(&mut self.model.processes[process].mailbox);
            seen.sort_unstable();
            expected.sort_unstable();
            assert_eq!(seen, expected, "{step}: what {process} was sent, and what it should have been");
        }
    }

    fn index(&self, pid: Pid) -> Index {
        self.pids.iter().position(|known| *known == pid).unwrap_or_else(|| panic!("{pid} is nobody's"))
    }

    fn describe(&self, message: &Message) -> String {
        match message {
            Message::Plain(payload) => format!("message {}", number_of(payload).expect("a number")),
            Message::Exit { from, reason } => format!("exit {} {}", self.index(*from), text(reason)),
            Message::Down { monitor, object, reason } => {
                let watch = self.references.iter().position(|known| known == monitor).expect("a monitor that was made");
                assert_eq!(self.objects[watch].as_ref(), Some(object), "what {watch} watches");
                format!("down {watch} {}", text(reason))
            }
            other => panic!("nobody sends {other:?}"),
        }
    }
}

/// With what it says more, but for the refusal of a name, which says it in words.
fn text(reason: &ExitReason) -> String {
    if reason.word() == "already_started" { reason.word().to_owned() } else { reason.to_string() }
}

/// The number of what was said, which grows.
fn number_in(message: &Message) -> Option<u64> {
    match message {
        Message::Plain(payload) => number_of(payload),
        Message::Exit { reason, .. } if reason.word() == "burst" => reason.detail()?.parse().ok(),
        _ => None,
    }
}
