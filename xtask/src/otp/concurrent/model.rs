//! The rules, as slow and obvious as can be: every order in which operations may be carried out and signals may arrive.
//!
//! A signal is under way until it arrives, which is when it is handled; between two processes signals keep their order,
//! and nothing else does. That is all that OTP promises. Source: Erlang reference manual, "Processes", "Signals".

use super::outcome::{AtRest, Ended, Outcome, Seen, Value};
use super::program::{Address, Operation, Program, Target};
use rusm_core::AliasMode;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A monitor: whose, and which.
type Monitor = (usize, u32);

#[derive(Clone, Default, Hash)]
struct State {
    processes: Vec<Process>,
    names: BTreeMap<u32, usize>,
    under_way: BTreeMap<(usize, usize), VecDeque<Signal>>,
    unlinks: u32,
}

#[derive(Clone, Default, Hash)]
struct Process {
    /// The next operation.
    at: usize,
    /// Waits for the answer whether somebody lives.
    asks: bool,
    dead: Option<&'static str>,
    trap: bool,
    values: Vec<Value>,
    mailbox: Vec<Seen>,
    links: BTreeMap<usize, Link>,
    /// Active monitors and what they watch: nobody, when the name was not registered.
    monitors: BTreeMap<u32, Option<usize>>,
    watchers: BTreeSet<Monitor>,
    /// All aliases that were made, with their mode while they are active.
    aliases: BTreeMap<u32, Option<Mode>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Link {
    Active,
    /// Inactive until the other side acknowledges this unlink.
    Unlinking(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mode {
    Explicit,
    Demonitor,
    Reply,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Signal {
    Message(u32),
    Alias { monitor: u32, message: u32 },
    Link,
    Unlink(u32),
    UnlinkAck(u32),
    Exit { reason: &'static str, linked: bool },
    Monitor(Monitor),
    Demonitor(Monitor),
    Down { monitor: u32, reason: &'static str },
    IsAlive,
    Alive(bool),
}

/// Above so many states a program has too many orders to follow.
const STATES_MAX: usize = 200_000;

/// Whether the rules permit the outcome; `None` when there are too many orders to tell.
pub(super) fn permits(program: &Program, outcome: &Outcome) -> Option<bool> {
    search(program, Some(outcome)).map(|found| !found.is_empty())
}

/// All outcomes that the rules permit; `None` when there are too many orders.
pub(super) fn outcomes(program: &Program) -> Option<BTreeSet<Outcome>> {
    search(program, None)
}

/// Follows every order; with a `wanted` outcome only those that can still lead to it, until one has.
fn search(program: &Program, wanted: Option<&Outcome>) -> Option<BTreeSet<Outcome>> {
    let start = State { processes: vec![Process::default(); program.scripts.len()], ..State::default() };
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    let mut next = vec![start];
    while let Some(state) = next.pop() {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        if !seen.insert(hasher.finish()) || wanted.is_some_and(|wanted| !state.may_become(wanted)) {
            continue;
        }
        if seen.len() > STATES_MAX {
            return None;
        }
        let successors = state.successors(program);
        if successors.is_empty() {
            let outcome = state.outcome();
            if wanted.is_none_or(|wanted| wanted.is_seen_of(&outcome)) {
                found.insert(outcome);
                if wanted.is_some() {
                    return Some(found);
                }
            }
        }
        next.extend(successors);
    }
    Some(found)
}

impl State {
    /// What may come next: an operation of any process that has one, or the arrival of any signal that is first in its
    /// line.
    fn successors(&self, program: &Program) -> Vec<Self> {
        // Whatever reaches the dead changes nobody else: one such arrival first loses no outcome.
        let lost = self.under_way.keys().find(|(_, to)| self.processes[*to].dead.is_some());
        if let Some(line) = lost {
            return self.clone().arrive(*line);
        }
        let mut all = Vec::new();
        for (process, script) in program.scripts.iter().enumerate() {
            if let Some(operation) = script.get(self.processes[process].at) {
                all.extend(self.clone().perform(process, *operation));
            }
        }
        for line in self.under_way.keys() {
            all.extend(self.clone().arrive(*line));
        }
        all
    }

    /// Sends a signal. What a process sends itself has arrived at once.
    fn send(mut self, from: usize, to: usize, signal: Signal) -> Vec<Self> {
        if from == to {
            return self.handle(from, to, signal);
        }
        self.under_way.entry((from, to)).or_default().push_back(signal);
        vec![self]
    }

    fn arrive(mut self, line: (usize, usize)) -> Vec<Self> {
        let Some(signals) = self.under_way.get_mut(&line) else { return Vec::new() };
        let Some(signal) = signals.pop_front() else { return Vec::new() };
        if signals.is_empty() {
            self.under_way.remove(&line);
        }
        self.handle(line.0, line.1, signal)
    }

    fn value(mut self, process: usize, value: Value) -> Vec<Self> {
        self.processes[process].values.push(value);
        vec![self]
    }

    /// Carries out the next operation of a process, if it can.
    fn perform(mut self, own: usize, operation: Operation) -> Vec<Self> {
        let process = &mut self.processes[own];
        if process.dead.is_some() || process.asks || operation == Operation::Receive && process.mailbox.is_empty() {
            return Vec::new();
        }
        process.at += 1;
        let after = match operation {
            Operation::Exit(reason) => return self.die(own, reason),
            Operation::IsAlive(other) => {
                process.asks = true;
                return self.send(own, other, Signal::IsAlive);
            }
            Operation::Receive | Operation::Poll => {
                let first = (!process.mailbox.is_empty()).then(|| process.mailbox.remove(0));
                return self.value(own, first.map_or(Value::None, Value::Message));
            }
            Operation::Register(name, other) => {
                let named = self.names.values().any(|owner| *owner == other);
                let free = !self.names.contains_key(&name) && !named && self.processes[other].dead.is_none();
                if free {
                    self.names.insert(name, other);
                }
                return self.value(own, if free { Value::True } else { Value::Badarg });
            }
            Operation::Unregister(name) => {
                let known = self.names.remove(&name).is_some();
                return self.value(own, if known { Value::True } else { Value::Badarg });
            }
            Operation::Whereis(name) => {
                let owner = self.names.get(&name).copied();
                return self.value(own, owner.map_or(Value::None, Value::Process));
            }
            Operation::Unalias { monitor } => {
                let active = process.aliases.get_mut(&monitor).and_then(Option::take).is_some();
                return self.value(own, if active { Value::True } else { Value::False });
            }
            Operation::Demonitor { monitor, flush } => return self.demonitor(own, monitor, flush),
            Operation::Send { to, message } => return self.send_message(own, to, message),
            Operation::Trap(on) => {
                process.trap = on;
                vec![self]
            }
            Operation::Link(other) if other == own || process.links.get(&other) == Some(&Link::Active) => vec![self],
            Operation::Link(other) => {
                process.links.insert(other, Link::Active);
                self.send(own, other, Signal::Link)
            }
            Operation::Unlink(other) if process.links.get(&other) != Some(&Link::Active) => vec![self],
            Operation::Unlink(other) => {
                self.unlinks += 1;
                let id = self.unlinks;
                self.processes[own].links.insert(other, Link::Unlinking(id));
                self.send(own, other, Signal::Unlink(id))
            }
            Operation::Monitor { monitor, target, alias } => self.monitor(own, monitor, target, alias),
            Operation::ExitSignal(other, reason) => self.send(own, other, Signal::Exit { reason, linked: false }),
        };
        after.into_iter().flat_map(|state| state.value(own, Value::Done)).collect()
    }

    fn monitor(mut self, own: usize, monitor: u32, target: Target, alias: Option<AliasMode>) -> Vec<Self> {
        let mode = alias.map(|mode| match mode {
            AliasMode::Explicit => Mode::Explicit,
            AliasMode::Demonitor => Mode::Demonitor,
            AliasMode::Reply => Mode::Reply,
        });
        let target = match target {
            Target::Process(other) => Some(other),
            Target::Name(name) => self.names.get(&name).copied(),
        };
        let process = &mut self.processes[own];
        process.aliases.insert(monitor, mode);
        if target == Some(own) {
            return vec![self];
        }
        process.monitors.insert(monitor, target);
        match target {
            Some(other) => self.send(own, other, Signal::Monitor((own, monitor))),
            None => self.handle(own, own, Signal::Down { monitor, reason: "noproc" }),
        }
    }

    fn demonitor(mut self, own: usize, monitor: u32, flush: bool) -> Vec<Self> {
        let process = &mut self.processes[own];
        process.end_alias_of_monitor(monitor);
        let ended = process.monitors.remove(&monitor);
        let is_down = |seen: &Seen| matches!(seen, Seen::Down { monitor: of, .. } if *of == monitor);
        if flush && let Some(down) = process.mailbox.iter().position(is_down) {
            process.mailbox.remove(down);
        }
        process.values.push(if ended.is_some() { Value::True } else { Value::False });
        match ended.flatten() {
            Some(target) => self.send(own, target, Signal::Demonitor((own, monitor))),
            None => vec![self],
        }
    }

    fn send_message(self, own: usize, to: Address, message: u32) -> Vec<Self> {
        let (receiver, signal) = match to {
            Address::Process(other) => (Some(other), Signal::Message(message)),
            Address::Name(name) => (self.names.get(&name).copied(), Signal::Message(message)),
            Address::Alias(owner, monitor) => {
                let made = self.processes[owner].aliases.contains_key(&monitor);
                (made.then_some(owner), Signal::Alias { monitor, message })
            }
        };
        let value = match (receiver, to) {
            (None, Address::Name(_)) => Value::Badarg,
            (None, _) => Value::None,
            (Some(_), _) => Value::Done,
        };
        let sent = match receiver {
            Some(receiver) => self.send(own, receiver, signal),
            None => vec![self],
        };
        sent.into_iter().flat_map(|state| state.value(own, value)).collect()
    }

    fn handle(mut self, from: usize, own: usize, signal: Signal) -> Vec<Self> {
        if self.processes[own].dead.is_some() {
            return self.answer_for_the_dead(from, own, signal);
        }
        let process = &mut self.processes[own];
        match signal {
            Signal::Message(message) => process.mailbox.push(Seen::Plain(message)),
            Signal::Alias { monitor, message } => {
                let Some(mode) = process.aliases.get(&monitor).copied().flatten() else { return vec![self] };
                process.mailbox.push(Seen::Plain(message));
                if mode == Mode::Reply {
                    process.aliases.insert(monitor, None);
                    if let Some(Some(target)) = process.monitors.remove(&monitor) {
                        return self.send(own, target, Signal::Demonitor((own, monitor)));
                    }
                }
            }
            Signal::Link => drop(process.links.entry(from).or_insert(Link::Active)),
            Signal::Unlink(id) => {
                if process.links.get(&from) == Some(&Link::Active) {
                    process.links.remove(&from);
                }
                return self.send(own, from, Signal::UnlinkAck(id));
            }
            Signal::UnlinkAck(id) => {
                if process.links.get(&from) == Some(&Link::Unlinking(id)) {
                    process.links.remove(&from);
                }
            }
            Signal::Exit { reason, linked: true } => match process.links.remove(&from) {
                Some(Link::Active) if process.trap => process.mailbox.push(Seen::Exit { from, reason }),
                Some(Link::Active) if reason != "normal" => return self.die(own, reason),
                Some(Link::Active | Link::Unlinking(_)) | None => {}
            },
            Signal::Exit { reason: "kill", linked: false } => return self.die(own, "killed"),
            Signal::Exit { reason, linked: false } => {
                if process.trap {
                    process.mailbox.push(Seen::Exit { from, reason });
                } else if reason != "normal" || from == own {
                    return self.die(own, reason);
                }
            }
            Signal::Monitor(monitor) => drop(process.watchers.insert(monitor)),
            Signal::Demonitor(monitor) => drop(process.watchers.remove(&monitor)),
            Signal::Down { monitor, reason } => {
                if process.monitors.remove(&monitor).is_some() {
                    process.end_alias_of_monitor(monitor);
                    process.mailbox.push(Seen::Down { monitor, reason });
                }
            }
            Signal::IsAlive => return self.send(own, from, Signal::Alive(true)),
            Signal::Alive(alive) => {
                process.asks = false;
                process.values.push(if alive { Value::True } else { Value::False });
            }
        }
        vec![self]
    }

    fn answer_for_the_dead(self, from: usize, dead: usize, signal: Signal) -> Vec<Self> {
        let answer = match signal {
            Signal::Link => Signal::Exit { reason: "noproc", linked: true },
            Signal::Monitor((_, monitor)) => Signal::Down { monitor, reason: "noproc" },
            Signal::Unlink(id) => Signal::UnlinkAck(id),
            Signal::IsAlive => Signal::Alive(false),
            _ => return vec![self],
        };
        self.send(dead, from, answer)
    }

    /// Ends a process. Of what its end tells one other, nothing is ordered: every order is a state of its own.
    fn die(mut self, own: usize, reason: &'static str) -> Vec<Self> {
        let process = &mut self.processes[own];
        process.dead = Some(reason);
        process.mailbox.clear();
        let mut news: BTreeMap<usize, Vec<Signal>> = BTreeMap::new();
        for (other, link) in std::mem::take(&mut process.links) {
            if link == Link::Active {
                news.entry(other).or_default().push(Signal::Exit { reason, linked: true });
            }
        }
        for (watcher, monitor) in std::mem::take(&mut process.watchers) {
            news.entry(watcher).or_default().push(Signal::Down { monitor, reason });
        }
        for (monitor, target) in std::mem::take(&mut process.monitors) {
            if let Some(target) = target {
                news.entry(target).or_default().push(Signal::Demonitor((own, monitor)));
            }
        }
        self.names.retain(|_, owner| *owner != own);
        let mut all = vec![self];
        for (other, signals) in news {
            all = all
                .into_iter()
                .flat_map(|state| orders(&signals).map(move |order| (state.clone(), order)))
                .map(|(mut state, order)| {
                    state.under_way.entry((own, other)).or_default().extend(order);
                    state
                })
                .collect();
        }
        all
    }

    /// Whether the outcome can still come: nothing that is in it has gone another way.
    fn may_become(&self, wanted: &Outcome) -> bool {
        self.processes.iter().zip(&wanted.0).all(|(process, wanted)| {
            let values = wanted.starts_with(&process.values);
            let life = process.dead.is_none_or(|reason| wanted.state.as_ref().err().is_some_and(|word| word == reason));
            values && life
        })
    }

    fn outcome(&self) -> Outcome {
        let ended = self.processes.iter().enumerate().map(|(own, process)| Ended {
            values: process.values.clone(),
            state: match process.dead {
                Some(reason) => Err(reason.to_owned()),
                None => Ok(AtRest {
                    mailbox: process.mailbox.clone(),
                    links: process.links.keys().copied().collect(),
                    monitors: process.monitors.len(),
                    monitored_by: process.watchers.len(),
                    name: self.names.iter().find(|(_, owner)| **owner == own).map(|(name, _)| *name),
                }),
            },
        });
        Outcome(ended.collect())
    }
}

impl Process {
    /// An alias of these modes ends with its monitor.
    fn end_alias_of_monitor(&mut self, monitor: u32) {
        if let Some(mode @ Some(Mode::Demonitor | Mode::Reply)) = self.aliases.get_mut(&monitor) {
            *mode = None;
        }
    }
}

/// All orders of a few signals.
fn orders(signals: &[Signal]) -> impl Iterator<Item = Vec<Signal>> {
    let mut all = vec![Vec::new()];
    for (count, signal) in signals.iter().enumerate() {
        all = all
            .iter()
            .flat_map(|order| {
                (0..=count).map(|at| {
                    let mut longer = order.clone();
                    longer.insert(at, *signal);
                    longer
                })
            })
            .collect();
    }
    all.into_iter()
}
