use rusm_core::{Context, ExitReason, Message, Payload, Pid};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What happened, in order: a start when it is tried, an end when the process ends.
#[derive(Default)]
pub(super) struct Log {
    starts: BTreeMap<String, u32>,
    entries: Vec<Entry>,
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
    /// Known a little after the end itself.
    reason: Option<ExitReason>,
    has_ended: bool,
}

#[derive(Clone)]
pub(super) enum Entry {
    /// `start`, `ignore` or `fail`.
    Start {
        how: &'static str,
        label: String,
    },
    Stop(Pid),
}

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

    /// Notes a start and returns what it is called.
    pub(super) fn started(&mut self, name: &str, how: &'static str) -> String {
        let number = self.next(name);
        self.starts.insert(name.to_owned(), number);
        let label = format!("{name}#{number}");
        self.entries.push(Entry::Start { how, label: label.clone() });
        label
    }

    pub(super) fn take(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    pub(super) fn reason(&self, pid: Pid) -> Option<&ExitReason> {
        self.processes.get(&pid)?.reason.as_ref()
    }

    /// Whether the reason of each end is known.
    pub(super) fn is_complete(&self) -> bool {
        self.processes.values().all(|process| process.reason.is_some() || !process.has_ended)
    }
}

/// Held by a process's body: notes the end when the body is dropped, which is before anybody hears of it.
pub(super) struct Presence {
    log: SharedLog,
    pid: Pid,
}

impl Presence {
    /// Enters a process. The reporter watches it from now on.
    pub(super) async fn enter(context: &Context, log: &SharedLog, reporter: Pid, name: &str, label: &str) -> Self {
        let pid = context.pid();
        {
            let mut log = log.lock();
            let (name, label) = (name.to_owned(), label.to_owned());
            log.live.insert(name.clone(), pid);
            let process = Process { name, label, parent: context.parent(), reason: None, has_ended: false };
            log.processes.insert(pid, process);
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
        log.entries.push(Entry::Stop(self.pid));
        let Some(process) = log.processes.get_mut(&self.pid) else { return };
        process.has_ended = true;
        let name = process.name.clone();
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
