use super::operation::{Operation, Pattern};
use super::places::Places;
use super::seen::{Seen, Sent};
use rusm_core::{
    Context, Destination, ExitReason, Message, Monitored, Node, Payload, Pid, ProcessBody, Reference, SpawnOptions,
    Spawned, process_body,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the names in a program mean.
pub(super) struct Directory {
    pub(super) places: Arc<Places>,
    pub(super) processes: BTreeMap<String, Pid>,
    pub(super) monitors: BTreeMap<String, MadeMonitor>,
    pub(super) aliases: BTreeMap<String, (String, Reference)>,
}

#[derive(Clone)]
pub(super) struct MadeMonitor {
    pub(super) owner: String,
    pub(super) reference: Reference,
    /// When it is by name: which process had the name then.
    pub(super) named: Option<Option<Pid>>,
    pub(super) demonitored: bool,
}

pub(super) type SharedDirectory = Arc<Mutex<Directory>>;

pub(super) fn lock(directory: &SharedDirectory) -> MutexGuard<'_, Directory> {
    directory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Directory {
    pub(super) fn new(places: Arc<Places>) -> SharedDirectory {
        let (processes, monitors, aliases) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Arc::new(Mutex::new(Self { places, processes, monitors, aliases }))
    }

    pub(super) fn process_name(&self, pid: Pid) -> String {
        let found = self.processes.iter().find(|(_, process)| **process == pid);
        found.map_or_else(|| pid.to_string(), |(name, _)| name.clone())
    }

    pub(super) fn monitor_name(&self, reference: Reference) -> String {
        let found = self.monitors.iter().find(|(_, monitor)| monitor.reference == reference);
        found.map_or_else(|| reference.to_string(), |(name, _)| name.clone())
    }

    /// The owner and the reference of an alias, or of a monitor that is used as one.
    pub(super) fn alias(&self, name: &str) -> Option<(String, Reference)> {
        match name.strip_prefix('m') {
            Some(_) => self.monitors.get(name).map(|monitor| (monitor.owner.clone(), monitor.reference)),
            None => self.aliases.get(name).cloned(),
        }
    }
}

/// What the driver asks of an actor.
pub(super) enum Command {
    /// Do this, and say what the operation with a value gave.
    Step(Vec<Operation>),
    /// Answer when everything that was sent to these processes has arrived.
    Flush(Vec<Pid>),
    /// What is in the mailbox?
    Peek,
}

/// A process of a program: it does what it is told and leaves everything else in its mailbox.
pub(super) fn body(name: String, directory: SharedDirectory) -> ProcessBody {
    process_body(move |context| async move {
        let places = lock(&directory).places.clone();
        let actor = Actor { context, name, directory, places };
        loop {
            let message = actor.context.receive_match(is_command).await;
            let Message::Call { from, payload } = message else { continue };
            let answer = match payload.downcast::<Command>() {
                Ok(Command::Step(operations)) => Payload::local(actor.step(operations).await),
                Ok(Command::Flush(others)) => {
                    for pid in others {
                        actor.context.is_alive(pid).await;
                    }
                    Payload::local(())
                }
                Ok(Command::Peek) => Payload::local(actor.peek()),
                Err(payload) => payload,
            };
            actor.context.reply(from, answer);
        }
        #[expect(unreachable_code, reason = "says what the body returns")]
        ExitReason::NORMAL
    })
}

fn is_command(message: &Message) -> bool {
    matches!(message, Message::Call { .. })
}

struct Actor {
    context: Context,
    name: String,
    directory: SharedDirectory,
    places: Arc<Places>,
}

impl Actor {
    fn pid_of(&self, process: &str) -> Pid {
        lock(&self.directory).processes[process]
    }

    async fn step(&self, operations: Vec<Operation>) -> Option<String> {
        let mut value = None;
        for operation in operations {
            let given = self.perform(operation).await;
            value = value.or(given);
        }
        value
    }

    async fn perform(&self, operation: Operation) -> Option<String> {
        let context = &self.context;
        match operation {
            Operation::Spawn { process, link, monitor } => self.spawn(process, link, monitor),
            Operation::Link(process) => context.link(self.pid_of(&process)),
            Operation::Unlink(process) => context.unlink(self.pid_of(&process)),
            Operation::Monitor { monitor, target } => {
                let by_name = target.starts_with('n');
                let named = by_name.then(|| self.places.first().whereis(&target));
                let object = match by_name {
                    true => self.places.monitored(context.node(), &target),
                    false => Monitored::Pid(self.pid_of(&target)),
                };
                self.monitored(monitor, context.monitor(object), named);
            }
            Operation::MonitorAlias { monitor, process, mode } => {
                let reference = context.monitor_alias(self.pid_of(&process), mode);
                self.monitored(monitor, reference, None);
            }
            Operation::Demonitor { monitor, flush, info } => {
                let reference = {
                    let mut directory = lock(&self.directory);
                    let made = directory.monitors.get_mut(&monitor)?;
                    made.demonitored = true;
                    made.reference
                };
                let active = if flush { context.demonitor_flush(reference) } else { context.demonitor(reference) };
                return info.then(|| active.to_string());
            }
            Operation::Exit(reason) => match context.exit(reason).await {},
            Operation::Exit2(process, reason) => context.exit_signal(self.pid_of(&process), reason),
            Operation::Trap(on) => drop(context.trap_exit(on)),
            Operation::Register { name, process } => {
                return Some(done(self.places.first().register(&name, self.pid_of(&process)), "true"));
            }
            Operation::Unregister(name) => return Some(done(self.places.first().unregister(&name), "true")),
            Operation::Whereis(name) => {
                let pid = self.places.first().whereis(&name);
                return Some(pid.map_or("undefined".to_owned(), |pid| lock(&self.directory).process_name(pid)));
            }
            Operation::Send { to, message } => return self.send(&to, message),
            Operation::Alias(alias) => {
                let made = (self.name.clone(), context.alias());
                lock(&self.directory).aliases.insert(alias, made);
            }
            Operation::Unalias(alias) => {
                let (_, reference) = lock(&self.directory).alias(&alias)?;
                return Some(context.unalias(reference).to_string());
            }
            Operation::Receive(pattern) => return Some(self.receive(&pattern)),
            Operation::Alive(process) => return Some(context.is_alive(self.pid_of(&process)).await.to_string()),
        }
        None
    }

    fn spawn(&self, process: String, link: bool, monitor: Option<String>) {
        let body = body(process.clone(), self.directory.clone());
        let options =
            SpawnOptions { link, monitor: monitor.is_some(), label: process.clone(), ..SpawnOptions::default() };
        let node = self.places.of_process(&process);
        let spawned = match node.id() == self.context.node().id() {
            true => self.context.spawn_with(options, body),
            false => self.spawn_there(node, options, body),
        };
        lock(&self.directory).processes.insert(process, spawned.pid);
        if let (Some(monitor), Some(reference)) = (monitor, spawned.monitor) {
            self.monitored(monitor, reference, None);
        }
    }

    /// A node starts no process of another one's: it is started there, and then tied to this one.
    fn spawn_there(&self, node: &Node, options: SpawnOptions, body: ProcessBody) -> Spawned {
        let (link, monitor) = (options.link, options.monitor);
        let pid = node.spawn_with(SpawnOptions { label: options.label, ..SpawnOptions::default() }, body).pid;
        if link {
            self.context.link(pid);
        }
        Spawned { pid, monitor: monitor.then(|| self.context.monitor(pid)) }
    }

    fn monitored(&self, monitor: String, reference: Reference, named: Option<Option<Pid>>) {
        let made = MadeMonitor { owner: self.name.clone(), reference, named, demonitored: false };
        lock(&self.directory).monitors.insert(monitor, made);
    }

    fn send(&self, to: &str, number: u64) -> Option<String> {
        let by_name = to.starts_with('n');
        let destination = match to.as_bytes().first() {
            Some(b'p') => Destination::Pid(self.pid_of(to)),
            // A name of another node is no error when nobody has it; the outcomes say badarg.
            Some(b'n') if self.places.first().whereis(to).is_none() => return Some("badarg".to_owned()),
            Some(b'n') => self.places.by_name(self.context.node(), to),
            _ => Destination::Alias(lock(&self.directory).alias(to)?.1),
        };
        let sent = self.context.send(destination, Sent { from: self.name.clone(), number }.term());
        by_name.then(|| done(sent, "ok"))
    }

    fn receive(&self, pattern: &Pattern) -> String {
        let directory = self.directory.clone();
        let matches = move |message: &Message| match (pattern, Seen::of(message, &lock(&directory))) {
            (Pattern::Message(wanted), Some(Seen::Message { number, .. })) => number == *wanted,
            (Pattern::AnyMessage, Some(Seen::Message { .. })) => true,
            (Pattern::ExitOf(process), Some(Seen::Exit { from, .. })) => from == *process,
            (Pattern::DownOf(wanted), Some(Seen::Down { monitor, .. })) => monitor == *wanted,
            _ => false,
        };
        let received = self.context.try_receive(matches);
        let seen = received.and_then(|message| Seen::of(&message, &lock(&self.directory)));
        seen.map_or("empty".to_owned(), |seen| seen.to_string())
    }

    /// The mailbox in order; nothing is taken out.
    fn peek(&self) -> Vec<Seen> {
        let mut mailbox = Vec::new();
        let taken = self.context.try_receive(|message| {
            mailbox.extend(Seen::of(message, &lock(&self.directory)));
            false
        });
        debug_assert!(taken.is_none(), "nothing matches");
        mailbox
    }
}

fn done<E>(result: Result<(), E>, ok: &str) -> String {
    if result.is_ok() { ok.to_owned() } else { "badarg".to_owned() }
}
