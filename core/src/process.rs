use crate::mailbox::Mailbox;
use crate::signal::Signal;
use crate::small_map::SmallMap;
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Lock, Ordering};
use crate::table::Batch;
use crate::{Behaviour, BoxFuture, ExitReason, MailboxBound, Monitored, NodeId, Pid, Reference, Started, Timestamp};
use std::sync::{Arc, OnceLock, atomic};

/// One process as the node knows it. Its state is only changed by its own task; its signal queue, which everybody may push
/// to, is in its slot of the process table.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Option<Pid>,
    pub(crate) started_at: Timestamp,
    memory: OnceLock<Arc<atomic::AtomicU64>>,
    /// Counts when a turn of its task begins and when it ends: odd during one.
    turns: AtomicU32,
    /// Whether `State::exit` is set: looked at without its lock.
    exiting: AtomicBool,
    /// Whether the body waits for what it has sent to go out.
    held: AtomicBool,
    /// [`ENDED`] and [`NOTED`]: in one place, so that of an end and a note one sees the other.
    life: AtomicU8,
    /// Bytes of the future that is its body.
    body_bytes: AtomicU32,
    /// How many messages `State::mailbox` has: looked at without its lock by its own task.
    unread: AtomicUsize,
    /// When `State::alarm` wakes, in nanoseconds; 0 for never. Looked at without its lock by its own task.
    alarm_at: AtomicU64,
    pub(crate) state: Lock<State>,
}

/// In [`Process::life`]: the process is dead to whoever looks. It still takes signals while those hear of its end who must.
const ENDED: u8 = 1;
/// It had a name, or a timer to its pid, at some time.
const NOTED: u8 = 2;

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
    pub(crate) monitored_by: SmallMap<Reference, Watcher>,
    pub(crate) aliases: SmallMap<Reference, AliasMode>,
    /// Answers of the runtime itself that this process waits for.
    pub(crate) answers: SmallMap<Reference, Answer>,
    pub(crate) starter: Option<Box<Starter>>,
    /// Room for a batch of signals, kept so that handling one allocates nothing.
    pub(crate) batch: Batch,
    /// The latest deadline that a receive has set. It stays when the receive has ended, so that the next one, whose deadline
    /// is mostly later, needs no timer of its own: it costs one wake-up that nobody waits for.
    pub(crate) alarm: Option<BoxFuture<()>>,
    /// Set once; the process ends when it next suspends.
    pub(crate) exit: Option<ExitReason>,
    /// Whose signal set it, when it was another process's.
    pub(crate) ended_by: Option<Box<Pid>>,
}

/// This process's half of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    /// Over that association: an exit signal of an earlier one is of an earlier link.
    Active(Over),
    /// `unlink` was called; the half goes when the acknowledgement with this number comes, over the same association.
    Unlinking { id: u64, over: Over },
}

impl Link {
    pub(crate) fn is_active(self) -> bool {
        matches!(self, Self::Active(_))
    }

    pub(crate) fn is_unlinking(self, with: u64) -> bool {
        matches!(self, Self::Unlinking { id, .. } if id == with)
    }
}

/// Which association a signal or a link crosses, by the number that it has on this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Over(pub(crate) u64);

impl Over {
    /// None: both are of this node, or the other one could not be reached. Associations count from 1.
    pub(crate) const NONE: Self = Self(0);
}

/// Who waits to hear that this process is up.
pub(crate) struct Starter {
    pub(crate) pid: Pid,
    pub(crate) request: Reference,
    /// What to say when this process ends before it is up; nothing says the exit reason.
    pub(crate) outcome: Option<Started>,
}

/// Who watches this process. What a `Down` names is kept by the watcher.
pub(crate) struct Watcher {
    pub(crate) pid: Pid,
    /// Whether a call came with the monitor: its reply ends it, on both sides.
    pub(crate) calls: bool,
}

/// A monitor of this process, by what it watches. Small, as a tree of them has many in one node.
pub(crate) enum Monitor {
    Pid(Pid),
    Name(Box<MonitoredName>),
}

pub(crate) struct MonitoredName {
    object: Monitored,
    /// Who has the name; nobody, when it was not registered.
    target: Option<Pid>,
}

impl Monitor {
    pub(crate) fn new(object: Monitored, target: Option<Pid>) -> Self {
        match object {
            Monitored::Pid(pid) => Self::Pid(pid),
            Monitored::Name(_) | Monitored::NameAt { .. } | Monitored::ClusterName(_) => {
                Self::Name(Box::new(MonitoredName { object, target }))
            }
        }
    }

    /// What its `Down` names.
    pub(crate) fn object(&self) -> Monitored {
        match self {
            Self::Pid(pid) => Monitored::Pid(*pid),
            Self::Name(named) => named.object.clone(),
        }
    }

    /// Who is watched.
    pub(crate) fn target(&self) -> Option<Pid> {
        match self {
            Self::Pid(pid) => Some(*pid),
            Self::Name(named) => named.target,
        }
    }
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
    /// A node was asked to start a process; the answer may be wanted as a message.
    Asked {
        node: NodeId,
        link: bool,
        by_message: bool,
    },
    /// It has started this one, which may not be up yet.
    Spawned(Pid),
}

impl Process {
    pub(crate) fn new(pid: Pid, parent: Option<Pid>, started_at: Timestamp, state: State) -> Self {
        Self {
            pid,
            parent,
            started_at,
            memory: OnceLock::new(),
            turns: AtomicU32::new(0),
            exiting: AtomicBool::new(false),
            held: AtomicBool::new(false),
            life: AtomicU8::new(0),
            body_bytes: AtomicU32::new(0),
            unread: AtomicUsize::new(0),
            alarm_at: AtomicU64::new(0),
            state: Lock::new(state),
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

    /// Why the process is to end, once that is so. The first reason counts.
    pub(crate) fn exit_wanted(&self) -> Option<ExitReason> {
        if self.exiting.load(Ordering::Relaxed) { self.state.lock().exit.clone() } else { None }
    }

    /// Whether the process is to end when it next suspends.
    pub(crate) fn is_exiting(&self) -> bool {
        self.exiting.load(Ordering::Relaxed)
    }

    /// Says that `State::exit` is set. Only the process's own task does, and who spawns it.
    pub(crate) fn set_exiting(&self) {
        self.exiting.store(true, Ordering::Relaxed);
    }

    /// The body waits until it is released; signals are handled meanwhile.
    pub(crate) fn hold(&self) {
        self.held.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Ends [`hold`](Self::hold). The process is to be woken then.
    pub(crate) fn release(&self) {
        self.held.store(false, Ordering::Relaxed);
    }

    /// Whether there is no message in the mailbox.
    pub(crate) fn has_read_all(&self) -> bool {
        self.unread.load(Ordering::Relaxed) == 0
    }

    /// Says how many messages are in the mailbox, whenever that has changed.
    pub(crate) fn set_unread(&self, messages: usize) {
        self.unread.store(messages, Ordering::Relaxed);
    }

    /// From now on the process is dead to whoever looks.
    pub(crate) fn end(&self) {
        self.life.fetch_or(ENDED, Ordering::Relaxed);
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.life.load(Ordering::Relaxed) & ENDED != 0
    }

    /// Says that a name or a timer is about to refer to the process; then, and only when it has not ended by now, may one.
    /// Either the end is seen here, or the ending process sees this and takes away what refers to it.
    pub(crate) fn note(&self) -> bool {
        self.life.fetch_or(NOTED, Ordering::Relaxed) & ENDED == 0
    }

    /// Whether [`note`](Self::note) was called: asked after the [`end`](Self::end).
    pub(crate) fn is_noted(&self) -> bool {
        self.life.load(Ordering::Relaxed) & NOTED != 0
    }

    /// Where its host writes how many bytes it holds.
    pub(crate) fn memory_gauge(&self) -> Arc<atomic::AtomicU64> {
        self.memory.get_or_init(Arc::default).clone()
    }

    /// What its host says that it holds.
    pub(crate) fn host_bytes(&self) -> u64 {
        self.memory.get().map_or(0, |bytes| bytes.load(Ordering::Relaxed))
    }

    /// Says how large the body's future is.
    pub(crate) fn set_body_bytes(&self, bytes: usize) {
        self.body_bytes.store(u32::try_from(bytes).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Lets go of all memory that an idle process can do without.
    pub(crate) fn give_memory_back(&self) {
        let mut state = self.state.lock();
        state.batch = Vec::new();
        state.mailbox.shrink();
        state.links.shrink();
        state.monitors.shrink();
        state.monitored_by.shrink();
        state.aliases.shrink();
        drop(state);
        self.set_alarm(None);
    }

    /// When the alarm wakes the process's task, or has.
    pub(crate) fn alarm_at(&self) -> Timestamp {
        Timestamp::from_nanos(self.alarm_at.load(Ordering::Relaxed))
    }

    /// Keeps a sleep that will wake the process's task, in place of the one before.
    pub(crate) fn set_alarm(&self, alarm: Option<(Timestamp, BoxFuture<()>)>) {
        let (at, sleep) = alarm.map_or((0, None), |(at, sleep)| (at.as_nanos(), Some(sleep)));
        self.alarm_at.store(at, Ordering::Relaxed);
        let before = std::mem::replace(&mut self.state.lock().alarm, sleep);
        drop(before);
    }

    /// Bytes that the runtime holds for it beside its queue, roughly: what messages point to and what its body has
    /// allocated are not known.
    pub(crate) fn runtime_bytes(&self) -> u64 {
        let state = self.state.lock();
        let bytes = size_of::<Self>()
            + self.body_bytes.load(Ordering::Relaxed) as usize
            + state.batch.capacity() * size_of::<(Pid, Signal)>()
            + state.mailbox.bytes()
            + state.links.bytes()
            + state.monitors.bytes()
            + state.monitored_by.bytes()
            + state.aliases.bytes();
        bytes as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Payload};

    fn pid(index: u32) -> Pid {
        Pid { node: NodeId::from_u32(1), incarnation: 1, index, serial: 0, random: 0 }
    }

    fn process(state: State) -> Process {
        Process::new(pid(0), None, Timestamp::default(), state)
    }

    #[test]
    fn a_note_and_an_end_see_each_other() {
        let lives = process(State::default());
        assert!(!lives.is_noted() && !lives.is_ended());
        assert!(lives.note());
        assert!(lives.is_noted() && !lives.is_ended());
        lives.end();
        assert!(lives.is_noted() && lives.is_ended());
        let ended = process(State::default());
        ended.end();
        assert!(!ended.is_noted() && ended.is_ended());
        assert!(!ended.note(), "it has ended");
    }

    #[test]
    fn whether_all_is_read_is_what_was_said_last() {
        let process = process(State::default());
        assert!(process.has_read_all());
        process.set_unread(2);
        assert!(!process.has_read_all());
        process.set_unread(0);
        assert!(process.has_read_all());
    }

    #[test]
    fn a_process_is_held_until_it_is_released() {
        let process = process(State::default());
        assert!(!process.is_held());
        process.hold();
        assert!(process.is_held());
        process.release();
        assert!(!process.is_held());
    }

    #[test]
    fn an_alarm_is_known_by_its_time_until_it_is_given_back() {
        let (process, at) = (process(State::default()), Timestamp::from_nanos(7));
        assert_eq!(process.alarm_at(), Timestamp::default());
        process.set_alarm(Some((at, Box::pin(std::future::pending()))));
        assert_eq!(process.alarm_at(), at);
        process.give_memory_back();
        assert_eq!(process.alarm_at(), Timestamp::default());
    }

    #[test]
    fn a_process_is_in_a_turn_between_two_changes() {
        let process = process(State::default());
        assert_eq!(process.turn(), None);
        process.change_turn();
        assert_eq!(process.turn(), Some(1));
        process.change_turn();
        assert_eq!(process.turn(), None);
    }

    #[test]
    fn what_a_host_writes_into_the_gauge_is_what_it_holds() {
        let process = process(State::default());
        assert_eq!(process.host_bytes(), 0);
        process.memory_gauge().store(1000, Ordering::Relaxed);
        assert_eq!(process.host_bytes(), 1000);
    }

    #[test]
    fn the_bytes_of_a_process_are_those_of_all_its_parts() {
        let reference = |serial| Reference { serial, index: 0, node: NodeId::from_u32(1), incarnation: 1, random: 0 };
        let mut state = State { batch: Vec::with_capacity(7), ..State::default() };
        state.mailbox.push(Message::Plain(Payload::local(())));
        for serial in 0..2 {
            state.links.insert(pid(serial), Link::Active(Over::NONE));
        }
        for serial in 0..3 {
            state.monitors.insert(reference(serial), Monitor::Pid(pid(0)));
        }
        for serial in 0..5 {
            state.monitored_by.insert(reference(serial), Watcher { pid: pid(0), calls: false });
        }
        for serial in 0..11 {
            state.aliases.insert(reference(serial), AliasMode::Explicit);
        }
        let (batch, mailbox) = (state.batch.capacity(), state.mailbox.bytes());
        let [links, monitors, watchers, aliases] =
            [state.links.bytes(), state.monitors.bytes(), state.monitored_by.bytes(), state.aliases.bytes()];
        assert!(links > 0 && monitors > links && watchers > monitors && aliases > links);
        let process = process(state);
        process.set_body_bytes(1000);
        let expected = size_of::<Process>()
            + 1000
            + batch * size_of::<(Pid, Signal)>()
            + mailbox
            + (links + monitors + watchers + aliases);
        assert_eq!(process.runtime_bytes(), expected as u64);
        process.give_memory_back();
        let entries = 2 * size_of::<(Pid, Link)>()
            + 3 * size_of::<(Reference, Monitor)>()
            + 5 * size_of::<(Reference, Watcher)>()
            + 11 * size_of::<(Reference, AliasMode)>();
        assert_eq!(process.runtime_bytes(), (size_of::<Process>() + 1000 + mailbox + entries) as u64);
    }
}
