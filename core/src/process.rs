use crate::mailbox::Mailbox;
use crate::signal::Signal;
use crate::{ExitReason, Monitored, Pid, Reference, Started, Timestamp};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// One process as the node knows it: its signal queue, which everybody may push to, and its state, which only its own
/// task changes.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Option<Pid>,
    pub(crate) started_at: Timestamp,
    pub(crate) memory: Arc<AtomicU64>,
    pub(crate) waker: AtomicWaker,
    pub(crate) waiting: AtomicBool,
    queue: Mutex<SignalQueue>,
    queued: AtomicBool,
    pub(crate) state: Mutex<State>,
}

#[derive(Default)]
struct SignalQueue {
    signals: Vec<(Pid, Signal)>,
    closed: bool,
}

/// What the rules of links, monitors, aliases and exits need to know of one process.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) label: String,
    pub(crate) trap_exit: bool,
    pub(crate) mailbox: Mailbox,
    pub(crate) links: BTreeMap<Pid, Link>,
    pub(crate) monitors: BTreeMap<Reference, Monitor>,
    pub(crate) monitored_by: BTreeMap<Reference, (Pid, Monitored)>,
    pub(crate) aliases: BTreeMap<Reference, AliasMode>,
    /// Answers of the runtime itself that this process waits for.
    pub(crate) answers: BTreeMap<Reference, Answer>,
    /// Who waits to hear that this process is up.
    pub(crate) starter: Option<(Pid, Reference)>,
    /// Room for a batch of signals, kept so that handling one allocates nothing.
    pub(crate) batch: Vec<(Pid, Signal)>,
    /// Set once; the process ends when it next suspends.
    pub(crate) exit: Option<ExitReason>,
}

/// This process's half of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    Active,
    /// `unlink` was called; the half goes when the acknowledgement with this number comes.
    Unlinking(u64),
}

pub(crate) struct Monitor {
    pub(crate) object: Monitored,
    /// Nobody, when the name was not registered.
    pub(crate) target: Option<Pid>,
}

/// When the alias of a monitor stops being active. Source: OTP `erlang:monitor/3`, option `alias`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasMode {
    /// Only by `unalias`.
    Explicit,
    /// Also when the monitor ends, by `demonitor` or its DOWN.
    Demonitor,
    /// As `Demonitor`, and with the first message through it, which ends the monitor too.
    Reply,
}

pub(crate) enum Answer {
    Waiting,
    Alive(bool),
    Started(Started),
}

impl Process {
    pub(crate) fn new(pid: Pid, parent: Option<Pid>, started_at: Timestamp, state: State) -> Self {
        Self {
            pid,
            parent,
            started_at,
            memory: Arc::default(),
            waker: AtomicWaker::new(),
            waiting: AtomicBool::new(true),
            queue: Mutex::default(),
            queued: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// Appends a signal and wakes the process; gives it back when the process is dead.
    pub(crate) fn push(&self, from: Pid, signal: Signal) -> Result<(), Signal> {
        {
            let mut queue = self.queue.lock();
            if queue.closed {
                return Err(signal);
            }
            queue.signals.push((from, signal));
            self.queued.store(true, Ordering::Release);
        }
        self.waker.wake();
        Ok(())
    }

    /// Moves all queued signals into `batch`, which is empty, in order. The queue keeps the memory of `batch`.
    pub(crate) fn take_signals(&self, batch: &mut Vec<(Pid, Signal)>) {
        if self.queued.load(Ordering::Acquire) {
            let mut queue = self.queue.lock();
            self.queued.store(false, Ordering::Release);
            std::mem::swap(&mut queue.signals, batch);
        }
    }

    /// Puts signals back before all others: they were taken and not handled.
    pub(crate) fn put_back(&self, signals: impl Iterator<Item = (Pid, Signal)>) {
        let mut queue = self.queue.lock();
        queue.signals.splice(0..0, signals);
        self.queued.store(true, Ordering::Release);
    }

    /// From now on the process is dead to everybody; what was still queued is returned.
    pub(crate) fn close(&self) -> Vec<(Pid, Signal)> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        std::mem::take(&mut queue.signals)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Signals that have not been handled yet.
    pub(crate) fn queue_len(&self) -> usize {
        self.queue.lock().signals.len()
    }
}
