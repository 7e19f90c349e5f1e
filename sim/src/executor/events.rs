use super::Kernel;
use crate::clock::Skew;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::task::Waker;

/// Something that happens when its time has come: the next packet of a connection, the next signal of a line.
pub(crate) trait Fire: Send + Sync {
    /// `which` is what the event was scheduled with: of several things, the one that happens.
    fn fire(self: Arc<Self>, kernel: &Arc<Kernel>, which: u64);
}

/// What happens at a point of virtual time.
pub(crate) enum Event {
    Fire(Arc<dyn Fire>, u64),
    Call(Box<dyn FnOnce() + Send>),
}

/// Names the clock of one life of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockId(u32);

impl ClockId {
    /// Shows virtual time itself.
    pub(crate) const VIRTUAL: Self = Self(0);
}

/// A time that a clock will show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostTime {
    pub(crate) clock: ClockId,
    pub(crate) local: u64,
}

/// Names one timer, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: u32,
    number: u64,
}

/// When something is due, by which it is ordered; then half of a drawn number, which orders what is due at the same time; and its
/// slot. In one number: comparing it takes no branch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due(u128);

impl Due {
    fn new(at: u64, tie: u64, slot: u32) -> Self {
        Self(u128::from(at) << 64 | u128::from(tie >> 32) << 32 | u128::from(slot))
    }

    fn at(self) -> u64 {
        (self.0 >> 64) as u64
    }

    fn slot(self) -> u32 {
        self.0 as u32
    }

    /// The same, at another time.
    fn later(self, at: u64) -> Self {
        Self(u128::from(at) << 64 | u128::from(self.0 as u64))
    }
}

struct Slot {
    /// Of what was put in last.
    number: u64,
    what: What,
}

/// What a slot has until its time has come.
enum What {
    Happens(Event),
    Timer {
        waker: Waker,
        /// As whoever sleeps sees it: a clock that was slowed down meanwhile is not there yet.
        time: HostTime,
    },
    /// It has happened, or the timer was stopped.
    Nothing,
}

/// What happens now: a timer of that number wakes somebody, or something else.
pub(crate) enum Happens {
    Wake(u64, Waker),
    Event(Event),
}

/// The earliest first.
type Queue = BinaryHeap<Reverse<Due>>;

/// Everything that is going to happen, in order, timers that tasks wait for among it.
pub(crate) struct Events {
    /// There are many, and most are far off.
    timers: Queue,
    /// All else: what is under way, most of which arrives soon. In a queue of its own it goes past no timer.
    others: Queue,
    slots: Vec<Slot>,
    /// Slots that nothing in the queues has.
    free: Vec<u32>,
    /// How often something was put into a queue.
    order: u64,
    /// How many timers in their queue were stopped.
    stopped: usize,
    clocks: Vec<Skew>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            timers: Queue::new(),
            others: Queue::new(),
            slots: Vec::new(),
            free: Vec::new(),
            order: 0,
            stopped: 0,
            clocks: vec![Skew::default()],
        }
    }
}

impl Events {
    pub(crate) fn add_clock(&mut self, clock: Skew) -> ClockId {
        self.clocks.push(clock);
        ClockId((self.clocks.len() - 1) as u32)
    }

    pub(crate) fn clock(&mut self, id: ClockId) -> &mut Skew {
        &mut self.clocks[id.0 as usize]
    }

    /// When that is in virtual time, as things are now; `None` when it has come.
    pub(crate) fn later_than(&self, time: HostTime, now: u64) -> Option<u64> {
        later_than(&self.clocks, time, now)
    }

    pub(crate) fn push(&mut self, at: u64, tie: u64, event: Event) {
        let slot = self.put(What::Happens(event));
        self.others.push(Reverse(Due::new(at, tie, slot)));
    }

    pub(crate) fn start_timer(&mut self, time: HostTime, at: u64, tie: u64, waker: Waker) -> TimerKey {
        let slot = self.put(What::Timer { waker, time });
        self.timers.push(Reverse(Due::new(at, tie, slot)));
        TimerKey { slot, number: self.order }
    }

    /// Inlined, what is put in is written where it stays, and not moved there.
    #[inline(always)]
    fn put(&mut self, what: What) -> u32 {
        self.order += 1;
        let content = Slot { number: self.order, what };
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = content;
                slot
            }
            None => {
                self.slots.push(content);
                (self.slots.len() - 1) as u32
            }
        }
    }

    /// Wakes somebody else from now on. False when the timer has fired.
    pub(crate) fn change_timer(&mut self, key: TimerKey, waker: &Waker) -> bool {
        match self.timer(key).map(|slot| &mut slot.what) {
            Some(What::Timer { waker: old, .. }) => {
                old.clone_from(waker);
                true
            }
            _ => false,
        }
    }

    /// Ends a timer that may have fired; returns what it had, to be dropped without the lock.
    pub(crate) fn stop_timer(&mut self, key: TimerKey) -> impl Sized + use<> {
        let stopped = std::mem::replace(&mut self.timer(key)?.what, What::Nothing);
        self.stopped += 1;
        if self.stopped > 1024 && self.stopped > self.timers.len() / 2 {
            let Self { timers, slots, free, .. } = self;
            timers.retain(|Reverse(due)| {
                let is_left = !matches!(slots[due.slot() as usize].what, What::Nothing);
                if !is_left {
                    free.push(due.slot());
                }
                is_left
            });
            self.stopped = 0;
        }
        Some(stopped)
    }

    /// A timer that has not fired and was not stopped.
    fn timer(&mut self, key: TimerKey) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        (slot.number == key.number && matches!(slot.what, What::Timer { .. })).then_some(slot)
    }

    /// What is due first, though it may be a timer that was stopped, and the queue that it is in.
    fn first(&mut self) -> Option<(Due, &mut Queue)> {
        let Self { timers, others, .. } = self;
        match (timers.peek(), others.peek()) {
            (Some(Reverse(timer)), Some(Reverse(other))) if timer < other => Some((*timer, timers)),
            (_, Some(Reverse(other))) => Some((*other, others)),
            (Some(Reverse(timer)), None) => Some((*timer, timers)),
            (None, None) => None,
        }
    }

    /// Takes what is due at `now`.
    pub(crate) fn due(&mut self, now: u64) -> Option<Happens> {
        loop {
            let (due, queue) = self.first().filter(|(due, _)| due.at() <= now)?;
            queue.pop();
            let slot = &mut self.slots[due.slot() as usize];
            let happens = match std::mem::replace(&mut slot.what, What::Nothing) {
                What::Nothing => {
                    self.stopped -= 1;
                    None
                }
                What::Happens(event) => Some(Happens::Event(event)),
                What::Timer { waker, time } => match later_than(&self.clocks, time, now) {
                    // Whoever sleeps is woken once, and need not look whether that was too early.
                    Some(later) => {
                        slot.what = What::Timer { waker, time };
                        self.order += 1;
                        self.timers.push(Reverse(due.later(later)));
                        continue;
                    }
                    None => Some(Happens::Wake(slot.number, waker)),
                },
            };
            self.free.push(due.slot());
            if happens.is_some() {
                return happens;
            }
        }
    }

    /// When something happens next, when nothing is due now.
    pub(crate) fn next_at(&mut self) -> Option<u64> {
        loop {
            let (due, _) = self.first()?;
            if !matches!(self.slots[due.slot() as usize].what, What::Nothing) {
                return Some(due.at());
            }
            // A timer that was stopped is not waited for.
            self.timers.pop();
            self.free.push(due.slot());
            self.stopped -= 1;
        }
    }

    /// Takes everything out but the clocks, to be dropped without the lock.
    pub(crate) fn clear(&mut self) -> impl Sized + use<> {
        let clocks = std::mem::take(&mut self.clocks);
        std::mem::replace(self, Self { order: self.order, clocks, ..Self::default() })
    }
}

fn later_than(clocks: &[Skew], time: HostTime, now: u64) -> Option<u64> {
    clocks[time.clock.0 as usize].later_than(now, time.local)
}
