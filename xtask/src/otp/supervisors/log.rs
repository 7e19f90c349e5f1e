use rusm_core::{Context, ExitReason, Message, Payload, Pid};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What happened, in order: a start when it is tried, an end when the process ends.
#[derive(Default)]
pub(super) struct Log {
    starts: BTreeMap<String, u32>,
    entries: Vec<Entry>,
    /// How many entries have been taken out.
    taken: usize,
    pub(super) processes: BTreeMap<Pid, Process>,
    /// The process of each name that was started last, while it lives.
    pub(super) live: BTreeMap<String, Pid>,
}

/// A process that was started.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) parent: Option<Pid>,
    pub(super) role: Role,
    /// Counts up with each process.
    pub(super) born: usize,
    /// Known a little after the end itself.
    pub(super) reason: Option<ExitReason>,
    /// Which entry of all there ever were is its end.
    pub(super) ended: Option<usize>,
}

/// What a process is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Supervisor,
    Worker,
    /// A worker that does not end before it is killed.
    StubbornWorker,
}

/// One thing that happened.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) what: What,
    pub(super) label: String,
    pub(super) pid: Option<Pid>,
    pub(super) parent: Option<Pid>,
    pub(super) role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Start,
    Ignore,
    Fail,
    Stop,
}

/// A start that has been noted.
#[derive(Clone, Copy)]
pub(super) struct Noted(usize);

#[derive(Clone, Default)]
pub(super) struct SharedLog(Arc<Mutex<Log>>);

impl SharedLog {
    pub(super) fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// The number of the next start of that name.
    pub(super) fn next(&self, name: &str) -> u32 {
        self.starts.get(name).copied().unwrap_or(0) + 1
    }

    /// Notes a start.
    pub(super) fn started(&mut self, name: &str, what: What, role: Role) -> Noted {
        let number = self.next(name);
        self.starts.insert(name.to_owned(), number);
        let label = format!("{name}#{number}");
        self.entries.push(Entry { what, label, pid: None, parent: None, role });
        Noted(self.taken + self.entries.len() - 1)
    }

    /// Says which process a start made, and whose it is. Returns what it is called.
    pub(super) fn made(&mut self, noted: Noted, context: &Context) -> Option<Entry> {
        let entry = noted.0.checked_sub(self.taken).and_then(|index| self.entries.get_mut(index))?;
        entry.pid = Some(context.pid());
        entry.parent = context.parent();
        Some(entry.clone())
    }

    /// The live processes, each with its parent, that the outcome of an event waits for. As in the outcomes of OTP those
    /// are not among them whose name was started again and that are held up by a child that stays until it is killed.
    pub(super) fn awaited(&self) -> Vec<(Pid, Option<Pid>)> {
        let live = self.processes.iter().filter(|(_, process)| process.ended.is_none());
        let awaited =
            live.filter(|(pid, process)| self.live.get(&process.name) == Some(pid) || !self.is_held_up(**pid));
        awaited.map(|(pid, process)| (*pid, process.parent)).collect()
    }

    /// Whether a process waits for one that stays until it is killed, or for a supervisor that does.
    fn is_held_up(&self, pid: Pid) -> bool {
        let parent = self.processes.get(&pid).and_then(|process| process.parent);
        self.waits_for_stubborn(pid) || parent.is_some_and(|parent| self.is_held_up(parent))
    }

    /// A supervisor ends its children in reverse order: the last one that lives holds up the others.
    fn waits_for_stubborn(&self, supervisor: Pid) -> bool {
        let children =
            self.processes.iter().filter(|(_, child)| child.parent == Some(supervisor) && child.ended.is_none());
        let last = children.max_by_key(|(_, child)| child.born);
        last.is_some_and(|(pid, child)| child.role == Role::StubbornWorker || self.waits_for_stubborn(*pid))
    }

    pub(super) fn take(&mut self) -> Vec<Entry> {
        self.taken += self.entries.len();
        std::mem::take(&mut self.entries)
    }

    pub(super) fn reason(&self, pid: Pid) -> Option<&ExitReason> {
        self.processes.get(&pid)?.reason.as_ref()
    }

    /// Whether the reason of each end is known.
    pub(super) fn is_complete(&self) -> bool {
        self.processes.values().all(|process| process.reason.is_some() || process.ended.is_none())
    }
}

/// Held by a process's body: notes the end when the body is dropped, which is before anybody hears of it.
pub(super) struct Presence {
    log: SharedLog,
    pid: Pid,
}

impl Presence {
    /// Enters a process. The reporter watches it from now on.
    pub(super) async fn enter(context: &Context, log: &SharedLog, reporter: Pid, name: &str, noted: Noted) -> Self {
        let pid = context.pid();
        {
            let mut log = log.lock();
            if let Some(Entry { label, parent, role, .. }) = log.made(noted, context) {
                log.live.insert(name.to_owned(), pid);
                let born = log.processes.len();
                let name = name.to_owned();
                let process = Process { name, label, parent, role, born, reason: None, ended: None };
                log.processes.insert(pid, process);
            }
        }
        let presence = Self { log: log.clone(), pid };
        let watched = context.call(reporter, Payload::local(Watch), Duration::MAX).await;
        debug_assert!(watched.is_ok(), "the reporter outlives the tree");
        presence
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut log = self.log.lock();
        let number = log.taken + log.entries.len();
        let Some(process) = log.processes.get_mut(&self.pid) else { return };
        process.ended = Some(number);
        let Process { name, label, parent, role, .. } = process.clone();
        log.entries.push(Entry { what: What::Stop, label, pid: Some(self.pid), parent, role });
        if log.live.get(&name) == Some(&self.pid) {
            log.live.remove(&name);
        }
    }
}

/// Asks the reporter to watch the caller.
struct Watch;

/// A process that learns with which reasons the others end.
pub(super) async fn reporter(context: Context, log: SharedLog) {
    let mut watched = BTreeMap::new();
    loop {
        match context.receive().await {
            Message::Call { from, .. } => {
                watched.insert(context.monitor(from.pid), from.pid);
                context.reply(from, Payload::local(()));
            }
            Message::Down { monitor, reason, .. } => {
                let Some(pid) = watched.remove(&monitor) else { continue };
                if let Some(process) = log.lock().processes.get_mut(&pid) {
                    process.reason = Some(reason);
                }
            }
            Message::Plain(_) | Message::Reply { .. } | Message::Exit { .. } => {}
        }
    }
}
