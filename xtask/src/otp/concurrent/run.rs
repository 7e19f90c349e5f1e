use super::outcome::{AtRest, Ended, Outcome, Seen, Value, word};
use super::program::{Address, Operation, Program, Target};
use crate::otp::world::World;
use rusm_core::{Context, Destination, ExitReason, Message, Monitored, Payload, Pid, ProcessBody, Reference};
use rusm_core::{SpawnOptions, process_body};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the processes of a program share.
#[derive(Default)]
struct Shared {
    pids: Vec<Pid>,
    monitors: BTreeMap<(usize, u32), Reference>,
    values: Vec<Vec<Value>>,
}

#[derive(Clone, Default)]
struct Directory(Arc<Mutex<Shared>>);

impl Directory {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self, message: &Message) -> Option<Seen> {
        let shared = self.lock();
        match message {
            Message::Plain(payload) => payload.downcast_ref().map(|number| Seen::Plain(*number)),
            Message::Exit { from, reason } => {
                let from = shared.pids.iter().position(|pid| pid == from)?;
                Some(Seen::Exit { from, reason: word(reason.word()) })
            }
            Message::Down { monitor, reason, .. } => {
                let (_, number) = shared.monitors.iter().find(|(_, reference)| *reference == monitor)?.0;
                Some(Seen::Down { monitor: *number, reason: word(reason.word()) })
            }
            Message::Call { .. } | Message::Reply { .. } => None,
        }
    }
}

/// Tells a process to begin.
struct Go;

/// Runs a program once and returns what became of its processes.
pub(super) async fn run(context: Context, program: Program, world: World) -> Outcome {
    let directory = Directory::default();
    let mut ends = Vec::new();
    for (own, script) in program.scripts.iter().enumerate() {
        let body = body(own, script.clone(), directory.clone());
        let options = SpawnOptions { monitor: true, label: format!("p{own}"), ..SpawnOptions::default() };
        let spawned = context.spawn_with(options, body);
        ends.extend(spawned.monitor);
        let mut shared = directory.lock();
        shared.pids.push(spawned.pid);
        shared.values.push(Vec::new());
    }
    let pids = directory.lock().pids.clone();
    for pid in &pids {
        // Whoever was ended by another before it began is dead, which is no error.
        let _ = context.send(*pid, Payload::local(Go));
    }
    rest(&context, &directory, &program, world).await;
    let mut ended = Vec::new();
    for (own, (pid, end)) in pids.iter().zip(ends).enumerate() {
        let is_end = |message: &Message| matches!(message, Message::Down { monitor, .. } if *monitor == end);
        let state = match context.try_receive(is_end) {
            Some(Message::Down { reason, .. }) => Err(reason.word().to_owned()),
            _ => Ok(at_rest(&context, &directory, *pid, &program.scripts[own], own).await),
        };
        ended.push(Ended { values: directory.lock().values[own].clone(), state });
    }
    for pid in pids {
        context.exit_signal(pid, ExitReason::KILL);
    }
    Outcome(ended)
}

/// Waits until nothing moves any more: everybody alive has come to its end or waits for a message that is not there, and
/// twice in a row everybody has handled what was there and nothing has changed.
async fn rest(context: &Context, directory: &Directory, program: &Program, world: World) {
    if let World::Simulated { .. } = world {
        return context.sleep(world.pause()).await;
    }
    let pids = directory.lock().pids.clone();
    let mut before = None;
    loop {
        for pid in &pids {
            context.is_alive(*pid).await;
        }
        let mut now = Vec::new();
        let mut busy = false;
        for (pid, script) in pids.iter().zip(&program.scripts) {
            let info = context.node().process_info(*pid);
            let values = directory.lock().values[now.len()].len();
            busy |= info.is_some() && !matches!(script.get(values), None | Some(Operation::Receive));
            now.push((values, info.map(|info| (info.mailbox_len, info.links, info.monitors.len(), info.monitored_by))));
        }
        let now = (!busy).then_some(now);
        if now.is_some() && now == before {
            return;
        }
        before = now;
        tokio::task::yield_now().await;
    }
}

async fn at_rest(context: &Context, directory: &Directory, pid: Pid, script: &[Operation], own: usize) -> AtRest {
    let Some(info) = context.node().process_info(pid) else { panic!("{pid} is dead, and there was no DOWN") };
    let finished = directory.lock().values[own].len() == script.len();
    // One that waits for a message has none.
    let mailbox = match finished {
        true => context.call(pid, Payload::local(()), Duration::MAX).await,
        false => Ok(Payload::local(Vec::<Seen>::new())),
    };
    let mailbox = mailbox.ok().and_then(|mailbox| mailbox.downcast().ok()).expect("a process at rest answers");
    let pids = directory.lock().pids.clone();
    AtRest {
        mailbox,
        links: (0..pids.len()).filter(|other| info.links.contains(&pids[*other])).collect(),
        monitors: info.monitors.len(),
        // One is the driver's.
        monitored_by: info.monitored_by - 1,
        name: info.name.and_then(|name| name.parse().ok()),
    }
}

fn body(own: usize, script: Vec<Operation>, directory: Directory) -> ProcessBody {
    process_body(move |context| async move {
        let is_go =
            |message: &Message| matches!(message, Message::Plain(payload) if payload.downcast_ref::<Go>().is_some());
        context.receive_match(is_go).await;
        let process = Process { context, own, directory };
        for operation in script {
            let value = process.perform(operation).await;
            // Who has been ended meanwhile comes no further.
            tokio::task::yield_now().await;
            process.directory.lock().values[own].push(value);
        }
        process.show_mailbox().await;
    })
}

struct Process {
    context: Context,
    own: usize,
    directory: Directory,
}

impl Process {
    fn pid(&self, process: usize) -> Pid {
        self.directory.lock().pids[process]
    }

    fn reference(&self, owner: usize, monitor: u32) -> Option<Reference> {
        self.directory.lock().monitors.get(&(owner, monitor)).copied()
    }

    async fn perform(&self, operation: Operation) -> Value {
        let context = &self.context;
        let truth = |is_true| if is_true { Value::True } else { Value::False };
        match operation {
            Operation::Send { to, message } => return self.send(to, message),
            Operation::Link(other) => context.link(self.pid(other)),
            Operation::Unlink(other) => context.unlink(self.pid(other)),
            Operation::Monitor { monitor, target, alias } => {
                let object = match target {
                    Target::Process(other) => Monitored::Pid(self.pid(other)),
                    Target::Name(name) => Monitored::Name(name.to_string()),
                };
                let reference = match alias {
                    Some(mode) => context.monitor_alias(object, mode),
                    None => context.monitor(object),
                };
                self.directory.lock().monitors.insert((self.own, monitor), reference);
            }
            Operation::Demonitor { monitor, flush } => {
                let Some(reference) = self.reference(self.own, monitor) else { return Value::None };
                let was = if flush { context.demonitor_flush(reference) } else { context.demonitor(reference) };
                return truth(was);
            }
            Operation::Unalias { monitor } => {
                let Some(reference) = self.reference(self.own, monitor) else { return Value::None };
                return truth(context.unalias(reference));
            }
            Operation::ExitSignal(other, reason) => context.exit_signal(self.pid(other), ExitReason::new(reason)),
            Operation::Exit(reason) => match context.exit(ExitReason::new(reason)).await {},
            Operation::Trap(on) => drop(context.trap_exit(on)),
            Operation::Register(name, other) => {
                return context.register(&name.to_string(), self.pid(other)).map_or(Value::Badarg, |()| Value::True);
            }
            Operation::Unregister(name) => {
                return context.unregister(&name.to_string()).map_or(Value::Badarg, |()| Value::True);
            }
            Operation::Whereis(name) => {
                let found = context.whereis(&name.to_string());
                let shared = self.directory.lock();
                let process = found.and_then(|found| shared.pids.iter().position(|pid| *pid == found));
                return process.map_or(Value::None, Value::Process);
            }
            Operation::Receive => {
                let message = context.receive_match(|message| self.directory.seen(message).is_some()).await;
                return self.directory.seen(&message).map_or(Value::None, Value::Message);
            }
            Operation::Poll => {
                let message = context.try_receive(|message| self.directory.seen(message).is_some());
                let seen = message.and_then(|message| self.directory.seen(&message));
                return seen.map_or(Value::None, Value::Message);
            }
            Operation::IsAlive(other) => return truth(context.is_alive(self.pid(other)).await),
        }
        Value::Done
    }

    fn send(&self, to: Address, message: u32) -> Value {
        let destination = match to {
            Address::Process(other) => Destination::Pid(self.pid(other)),
            Address::Name(name) => Destination::Name(name.to_string()),
            Address::Alias(owner, monitor) => match self.reference(owner, monitor) {
                Some(alias) => Destination::Alias(alias),
                None => return Value::None,
            },
        };
        self.context.send(destination, Payload::local(message)).map_or(Value::Badarg, |()| Value::Done)
    }

    /// Handles signals for ever, and shows what is in the mailbox to whoever calls.
    async fn show_mailbox(&self) {
        loop {
            let message = self.context.receive_match(|message| matches!(message, Message::Call { .. })).await;
            let Message::Call { from, .. } = message else { continue };
            let mut mailbox = Vec::new();
            self.context.try_receive(|message| {
                mailbox.extend(self.directory.seen(message));
                false
            });
            self.context.reply(from, Payload::local(mailbox));
        }
    }
}
