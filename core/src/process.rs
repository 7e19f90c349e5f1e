use crate::mailbox::Mailbox;
use crate::signal::Signal;
use crate::small_map::SmallMap;
use crate::{Behaviour, ExitReason, MailboxBound, Monitored, Pid, Reference, Started, Timestamp};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;

/// One process as the node knows it: its signal queue, which everybody may push to, and its state, which only its own
/// task changes.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Option<Pid>,
    pub(crate) started_at: Timestamp,
    pub(crate) memory: Arc<AtomicU64>,
    /// Counts when a turn of its task begins and when it ends: odd during one.
    turns: AtomicU32,
    /// Bytes of the future that is its body.
    body_bytes: AtomicU32,
    queue: Mutex<SignalQueue>,
    /// Whether the queue has signals: looked at without its lock.
    queued: AtomicBool,
    /// Whether `State::exit` is set: looked at without its lock.
    exiting: AtomicBool,
    /// Whether the body waits for what it has sent to go out.
    held: AtomicBool,
    /// Whether the process is dead to whoever looks. It still takes signals while those hear of its end who must.
    ended: AtomicBool,
    pub(crate) state: Mutex<State>,
}

#[derive(Default)]
struct SignalQueue {
    signals: Vec<(Pid, Signal)>,
    closed: bool,
    /// The task's, from its first poll on.
    waker: Option<Waker>,
}

/// What the rules of links, monitors, aliases and exits need to know of one process.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) label: String,
    /// The function or callback type that it runs.
    pub(crate) function: &'static str,
    pub(crate) behaviour: Behaviour,
    /// Whether it waits in [`Context::hibernate`](crate::Context::hibernate).
    pub(crate) hibernating: bool,
    pub(crate) trap_exit: bool,
    /// How many messages may lie in the mailbox.
    pub(crate) mailbox_bound: Option<MailboxBound>,
    pub(crate) mailbox: Mailbox,
    pub(crate) links: SmallMap<Pid, Link>,
    pub(crate) monitors: SmallMap<Reference, Monitor>,
    pub(crate) monitored_by: SmallMap<Reference, (Pid, Monitored)>,
    pub(crate) aliases: SmallMap<Reference, AliasMode>,
    /// Answers of the runtime itself that this process waits for.
    pub(crate) answers: SmallMap<Reference, Answer>,
    pub(crate) starter: Option<Starter>,
    /// Room for a batch of signals, kept so that handling one allocates nothing.
    pub(crate) batch: Vec<(Pid, Signal)>,
    /// Set once; the process ends when it next suspends.
    pub(crate) exit: Option<ExitReason>,
    /// Whose signal set it, when it was another process's.
    pub(crate) ended_by: Option<Box<Pid>>,
}

/// This process's half of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    Active,
    /// `unlink` was called; the half goes when the acknowledgement with this number comes.
    Unlinking(u64),
}

/// Who waits to hear that this process is up.
pub(crate) struct Starter {
    pub(crate) pid: Pid,
    pub(crate) request: Reference,
    /// What to say when this process ends before it is up; nothing says the exit reason.
    pub(crate) outcome: Option<Started>,
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
            turns: AtomicU32::new(0),
            body_bytes: AtomicU32::new(0),
            queue: Mutex::default(),
            queued: AtomicBool::new(false),
            exiting: AtomicBool::new(false),
            held: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// A turn of its task begins, or ends. Only the task says so.
    pub(crate) fn change_turn(&self) {
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Which turn its task is in, if it is in one.
    pub(crate) fn turn(&self) -> Option<u32> {
        Some(self.turns.load(Ordering::Relaxed)).filter(|turn| !turn.is_multiple_of(2))
    }

    /// Appends a signal and wakes the process; gives it back when the process is dead.
    pub(crate) fn push(&self, from: Pid, signal: Signal) -> Option<Signal> {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Some(signal);
        }
        queue.signals.push((from, signal));
        // Behind another signal the process is awake already.
        if queue.signals.len() == 1 {
            self.queued.store(true, Ordering::Release);
            if let Some(waker) = &queue.waker {
                waker.wake_by_ref();
            }
        }
        None
    }

    /// Remembers whom to wake.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut queue = self.queue.lock();
        if !queue.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            queue.waker = Some(waker.clone());
        }
    }

    /// Whether signals wait to be handled.
    pub(crate) fn has_signals(&self) -> bool {
        self.queued.load(Ordering::Acquire)
    }

    /// Why the process is to end, once that is so. The first reason counts.
    pub(crate) fn exit_wanted(&self) -> Option<ExitReason> {
        if self.exiting.load(Ordering::Relaxed) { self.state.lock().exit.clone() } else { None }
    }

    /// Whether the process is to end when it next suspends.
    pub(crate) fn is_exiting(&self) -> bool {
        self.exiting.load(Ordering::Relaxed)
    }

    /// Says that `State::exit` is set. Only the process's own task does.
    pub(crate) fn set_exiting(&self) {
        self.exiting.store(true, Ordering::Relaxed);
    }

    /// The body waits until it is released; signals are handled meanwhile.
    pub(crate) fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// Ends [`hold`](Self::hold).
    pub(crate) fn release(&self) {
        self.held.store(false, Ordering::SeqCst);
        if let Some(waker) = &self.queue.lock().waker {
            waker.wake_by_ref();
        }
    }

    /// Moves all queued signals into `batch`, which is empty, in order. The queue keeps the memory of `batch`.
    pub(crate) fn take_signals(&self, batch: &mut Vec<(Pid, Signal)>) {
        let mut queue = self.queue.lock();
        self.queued.store(false, Ordering::Release);
        std::mem::swap(&mut queue.signals, batch);
    }

    /// Puts signals back before all others: they were taken and not handled.
    pub(crate) fn put_back(&self, signals: impl Iterator<Item = (Pid, Signal)>) {
        let mut queue = self.queue.lock();
        queue.signals.splice(0..0, signals);
        self.queued.store(true, Ordering::Release);
    }

    /// From now on the process is dead to whoever looks.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// From now on the process takes no signals; what was still queued is returned.
    pub(crate) fn close(&self) -> Vec<(Pid, Signal)> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.waker = None;
        std::mem::take(&mut queue.signals)
    }

    /// Says how large the body's future is.
    pub(crate) fn set_body_bytes(&self, bytes: usize) {
        self.body_bytes.store(u32::try_from(bytes).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Lets go of all memory that an idle process can do without.
    pub(crate) fn give_memory_back(&self) {
        self.queue.lock().signals.shrink_to_fit();
        let mut state = self.state.lock();
        state.batch = Vec::new();
        state.mailbox.shrink();
    }

    /// Bytes that the runtime holds for it, roughly: what messages point to and what its body has allocated are not known.
    pub(crate) fn runtime_bytes(&self) -> u64 {
        let signals = self.queue.lock().signals.capacity();
        let state = self.state.lock();
        let relations = state.links.len() + state.monitors.len() + state.monitored_by.len() + state.aliases.len();
        let bytes = size_of::<Self>()
            + self.body_bytes.load(Ordering::Relaxed) as usize
            + (signals + state.batch.capacity()) * size_of::<(Pid, Signal)>()
            + state.mailbox.bytes()
            + relations * size_of::<(Reference, Monitor)>();
        bytes as u64
    }

    /// Signals that have not been handled yet.
    pub(crate) fn queue_len(&self) -> usize {
        self.queue.lock().signals.len()
    }
}
