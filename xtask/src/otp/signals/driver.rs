use super::actor::{self, Command, Directory, SharedDirectory, lock};
use super::operation::{Operation, Pattern, Step, Steps};
use super::places::Places;
use super::seen::{Seen, number};
use crate::otp::world::World;
use rusm_core::{Context, ExitReason, Message, Monitored, Payload, Pid, ProcessInfo, Reference, SpawnOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// Runs one program: a step at a time, each until nothing moves any more. Returns the outcome.
pub(super) async fn run(context: Context, program: Steps, world: World) -> String {
    let places = Arc::new(Places::new(&context, &program.steps));
    let directory = Directory::new(places.clone());
    let mut driver = Driver { context, world, places, directory, known: BTreeMap::new() };
    let mut out = String::new();
    for root in program.roots {
        let body = actor::body(root.clone(), driver.directory.clone());
        let options = SpawnOptions { label: root.clone(), ..SpawnOptions::default() };
        let pid = driver.places.of_process(&root).spawn_with(options, body).pid;
        lock(&driver.directory).processes.insert(root, pid);
    }
    driver.adopt().await;
    for (index, step) in program.steps.into_iter().enumerate() {
        let line = driver.step(step).await;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "s{} {line}", index + 1);
    }
    out.push_str(&driver.final_state());
    driver.clean_up().await;
    out
}

/// One process as the driver knows it.
struct Known {
    pid: Pid,
    monitor: Reference,
    dead: Option<ExitReason>,
    /// The mailbox in canonical order.
    mailbox: Vec<Seen>,
}

struct Driver {
    context: Context,
    world: World,
    places: Arc<Places>,
    directory: SharedDirectory,
    /// By number, then name.
    known: BTreeMap<(u64, String), Known>,
}

fn key(name: &str) -> (u64, String) {
    (number(name), name.to_owned())
}

impl Driver {
    /// Takes in processes that have been spawned, and waits until it watches them.
    async fn adopt(&mut self) {
        let processes = lock(&self.directory).processes.clone();
        for (name, pid) in processes {
            if !self.known.contains_key(&key(&name)) {
                let known = Known { pid, monitor: self.context.monitor(pid), dead: None, mailbox: Vec::new() };
                self.known.insert(key(&name), known);
                // The question goes behind the monitor.
                self.context.is_alive(pid).await;
            }
        }
    }

    fn is_alive(&self, name: &str) -> bool {
        self.known.get(&key(name)).is_some_and(|known| known.dead.is_none())
    }

    fn alive(&self) -> Vec<(String, Pid)> {
        let alive = self.known.iter().filter(|(_, known)| known.dead.is_none());
        alive.map(|((_, name), known)| (name.clone(), known.pid)).collect()
    }

    fn info(&self, pid: Pid) -> Option<ProcessInfo> {
        self.places.of_pid(pid).process_info(pid)
    }

    async fn step(&mut self, step: Step) -> String {
        if !self.is_alive(&step.who) || !self.all_exist(&step) {
            return "skip".to_owned();
        }
        let before: Vec<String> = self.alive().into_iter().map(|(name, _)| name).collect();
        let traps: BTreeSet<String> = self
            .alive()
            .into_iter()
            .filter(|(_, pid)| self.info(*pid).is_some_and(|info| info.trap_exit))
            .map(|(name, _)| name)
            .collect();
        let actor = lock(&self.directory).processes[&step.who];
        let value = self.ask::<Option<String>>(actor, Command::Step(step.operations.clone())).await.flatten();
        self.adopt().await;
        self.settle(actor).await;
        self.line(&step, &before, &traps, value).await
    }

    /// Whether everything that the step names was made, and is not someone else's.
    fn all_exist(&self, step: &Step) -> bool {
        let directory = lock(&self.directory);
        let mut made: BTreeSet<&str> = BTreeSet::new();
        let process = |name: &String| directory.processes.contains_key(name);
        let mut all = true;
        for operation in &step.operations {
            let own = |made: &BTreeSet<&str>, monitor: &String| {
                made.contains(monitor.as_str())
                    || directory.monitors.get(monitor).is_some_and(|monitor| monitor.owner == step.who)
            };
            let alias = |name: &String| directory.alias(name).is_some_and(|(owner, _)| self.is_alive(&owner));
            all &= match operation {
                Operation::Link(p) | Operation::Unlink(p) | Operation::Exit2(p, _) | Operation::Alive(p) => process(p),
                Operation::Register { process: p, .. } => process(p),
                Operation::Monitor { target, .. } => target.starts_with('n') || process(target),
                Operation::MonitorAlias { process: p, .. } => process(p),
                Operation::Demonitor { monitor, .. } => own(&made, monitor),
                Operation::Send { to, .. } if to.starts_with('p') => process(to),
                Operation::Send { to, .. } => to.starts_with('n') || alias(to),
                Operation::Unalias(name) => alias(name),
                Operation::Receive(Pattern::ExitOf(p)) => process(p),
                Operation::Receive(Pattern::DownOf(monitor)) => own(&made, monitor),
                Operation::Spawn { .. }
                | Operation::Exit(_)
                | Operation::Trap(_)
                | Operation::Unregister(_)
                | Operation::Whereis(_)
                | Operation::Alias(_)
                | Operation::Receive(Pattern::Message(_) | Pattern::AnyMessage) => true,
            };
            if let Operation::Monitor { monitor, .. }
            | Operation::MonitorAlias { monitor, .. }
            | Operation::Spawn { monitor: Some(monitor), .. } = operation
            {
                made.insert(monitor);
            }
        }
        all
    }

    /// Asks an actor; `None` when it ends before it answers.
    async fn ask<T: 'static>(&self, actor: Pid, command: Command) -> Option<T> {
        let answer = self.places.of_pid(actor).call(actor, Payload::local(command), Duration::MAX).await;
        answer.ok().and_then(|payload| payload.downcast::<T>().ok())
    }

    /// Waits until nothing moves any more: what the actor sent has arrived, every death has been seen, and no live
    /// process has a link or a monitor to a dead one.
    async fn settle(&mut self, actor: Pid) {
        if self.info(actor).is_some() {
            let all = self.alive().into_iter().map(|(_, pid)| pid).collect();
            self.ask::<()>(actor, Command::Flush(all)).await;
        }
        if self.world.is_simulated() {
            self.context.sleep(self.world.pause()).await;
        }
        loop {
            let died = self.see_the_dead().await;
            if !died && !self.is_anything_under_way() {
                return;
            }
            self.context.sleep(self.world.pause()).await;
        }
    }

    /// Waits for the DOWN of everybody who has died.
    async fn see_the_dead(&mut self) -> bool {
        let mut died = false;
        for ((_, name), known) in &mut self.known {
            if known.dead.is_some() || self.places.of_pid(known.pid).process_info(known.pid).is_some() {
                continue;
            }
            let monitor = known.monitor;
            let is_down = |message: &Message| matches!(message, Message::Down { monitor: of, .. } if *of == monitor);
            if let Message::Down { reason, .. } = self.context.receive_match(is_down).await {
                known.dead = Some(reason);
                known.mailbox.clear();
                died = true;
            }
            debug_assert!(known.dead.is_some(), "{name} is dead");
        }
        died
    }

    fn is_anything_under_way(&self) -> bool {
        let dead: BTreeSet<Pid> =
            self.known.values().filter(|known| known.dead.is_some()).map(|known| known.pid).collect();
        self.alive().into_iter().any(|(name, pid)| {
            // Somebody who died just now is seen in the next round.
            let Some(info) = self.info(pid) else { return true };
            let by_pid = |object: &Monitored| matches!(object, Monitored::Pid(pid) if dead.contains(pid));
            info.links.iter().any(|other| dead.contains(other))
                || info.monitors.iter().any(by_pid)
                || self.is_named_down_under_way(&name, &info, &dead)
        })
    }

    /// A monitor by name does not show its process: there must be as many of them as have a live one.
    fn is_named_down_under_way(&self, owner: &str, info: &ProcessInfo, dead: &BTreeSet<Pid>) -> bool {
        let shown = info
            .monitors
            .iter()
            .filter(|object| matches!(object, Monitored::Name(_) | Monitored::NameAt { .. }))
            .count();
        let directory = lock(&self.directory);
        let expected = directory.monitors.values().filter(|monitor| {
            let watches_somebody = matches!(monitor.named, Some(Some(pid)) if !dead.contains(&pid) && pid != info.pid);
            monitor.owner == owner && !monitor.demonitored && watches_somebody
        });
        shown > expected.count()
    }

    /// What one step did, in the format of the outcomes.
    async fn line(
        &mut self,
        step: &Step,
        before: &[String],
        traps: &BTreeSet<String>,
        value: Option<String>,
    ) -> String {
        let mut parts: Vec<String> = value.iter().map(|value| format!("= {value}")).collect();
        for ((_, name), known) in &self.known {
            if let Some(reason) = known.dead.as_ref().filter(|_| before.contains(name)) {
                parts.push(format!("died {name} {reason}"));
            }
        }
        for (name, pid) in self.alive() {
            let received = self.collect(&name, pid, step, traps.contains(&name), value.as_deref()).await;
            if !received.is_empty() {
                let received: Vec<String> = received.iter().map(Seen::to_string).collect();
                parts.push(format!("{name} <- {}", received.join(", ")));
            }
        }
        if parts.is_empty() { "ok".to_owned() } else { parts.join(" ") }
    }

    /// What a process received in this step, in canonical order.
    async fn collect(&mut self, name: &str, pid: Pid, step: &Step, trapped: bool, value: Option<&str>) -> Vec<Seen> {
        let raw = self.ask::<Vec<Seen>>(pid, Command::Peek).await.unwrap_or_default();
        let Some(known) = self.known.get_mut(&key(name)) else { return Vec::new() };
        let mut old = std::mem::take(&mut known.mailbox);
        if name == step.who && matches!(step.operations[..], [Operation::Receive(_)]) {
            // What `recv` took was the first of its kind.
            if let Some(taken) = old.iter().position(|seen| Some(seen.to_string().as_str()) == value) {
                old.remove(taken);
            }
        }
        let mut arrived = raw;
        old.retain(|seen| match arrived.iter().position(|other| other == seen) {
            Some(at) => {
                arrived.remove(at);
                true
            }
            None => false,
        });
        let signals = step
            .operations
            .iter()
            .filter(|operation| matches!(operation, Operation::Exit2(to, reason) if to == name && !reason.is_kill()));
        let on_purpose = match (name == step.who, trapped) {
            (true, _) => usize::MAX,
            (false, true) => signals.count(),
            (false, false) => 0,
        };
        let arrived = canonical(arrived, &step.who, on_purpose);
        known.mailbox = old;
        known.mailbox.extend(arrived.iter().cloned());
        arrived
    }

    fn final_state(&self) -> String {
        let mut out = String::new();
        for ((_, name), known) in &self.known {
            if let Some(reason) = &known.dead {
                let _ = writeln!(out, "f {name} dead {reason}");
                continue;
            }
            let Some(info) = self.info(known.pid) else { continue };
            let directory = lock(&self.directory);
            let mut links: Vec<String> = info.links.iter().map(|pid| directory.process_name(*pid)).collect();
            links.sort_by_key(|name| number(name));
            let mut monitors: Vec<String> = info
                .monitors
                .iter()
                .map(|object| match object {
                    Monitored::Pid(pid) => directory.process_name(*pid),
                    Monitored::Name(name) | Monitored::NameAt { name, .. } | Monitored::ClusterName(name) => {
                        name.clone()
                    }
                })
                .collect();
            monitors.sort();
            let mailbox: Vec<String> = known.mailbox.iter().map(Seen::to_string).collect();
            let _ = writeln!(
                out,
                "f {name} alive trap={} links=[{}] monitors=[{}] name={} mbox=[{}]",
                info.trap_exit,
                links.join(","),
                monitors.join(","),
                info.name.as_deref().unwrap_or("-"),
                mailbox.join(",")
            );
        }
        out
    }

    async fn clean_up(&mut self) {
        for (_, pid) in self.alive() {
            self.context.exit_signal(pid, ExitReason::KILL);
            while self.context.is_alive(pid).await {}
        }
    }
}

/// Puts what one step brought into an order: signals of different senders have none, and neither have those that one
/// death causes. Of the acting process the first `on_purpose` exits, and all messages, were sent on purpose.
fn canonical(arrived: Vec<Seen>, actor: &str, on_purpose: usize) -> Vec<Seen> {
    let actor = (false, number(actor));
    let mut by_origin: BTreeMap<(bool, u64), (Vec<Seen>, Vec<Seen>)> = BTreeMap::new();
    let mut exits_left = on_purpose;
    for seen in arrived {
        let origin = seen.origin();
        let (explicit, caused) = by_origin.entry(origin).or_default();
        match seen {
            Seen::Message { .. } => explicit.push(seen),
            Seen::Exit { .. } if origin == actor && exits_left > 0 => {
                exits_left -= 1;
                explicit.push(seen);
            }
            Seen::Exit { .. } | Seen::Down { .. } => caused.push(seen),
        }
    }
    let mut all = Vec::new();
    for (mut explicit, mut caused) in by_origin.into_values() {
        caused.sort_by_key(Seen::to_string);
        all.append(&mut explicit);
        all.append(&mut caused);
    }
    all
}
