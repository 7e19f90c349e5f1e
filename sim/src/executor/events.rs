use super::Kernel;
use crate::clock::HostTime;
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
        /// The time as whoever sleeps sees it: a clock that was slowed down meanwhile is not there yet.
        on: Option<HostTime>,
    },
    /// It has happened, or the timer was stopped.
    Nothing,
}

/// Everything that is going to happen, in order, timers that tasks wait for among it.
#[derive(Default)]
pub(crate) struct Events {
    /// The earliest first.
    due: BinaryHeap<Reverse<Due>>,
    slots: Vec<Slot>,
    /// Slots that nothing in `due` has.
    free: Vec<u32>,
    /// How often something was put into `due`.
    order: u64,
    /// How many in `due` have nothing.
    stopped: usize,
}

/// What the next event is.
pub(crate) enum Next {
    Wake(u64, Waker),
    Happen(Event),
    /// Not before then.
    At(u64),
    Never,
}

impl Events {
    pub(crate) fn push(&mut self, at: u64, tie: u64, event: Event) {
        self.put(at, tie, What::Happens(event));
    }

    pub(crate) fn start_timer(&mut self, at: u64, on: Option<HostTime>, tie: u64, waker: Waker) -> TimerKey {
        let slot = self.put(at, tie, What::Timer { waker, on });
        TimerKey { slot, number: self.order }
    }

    fn put(&mut self, at: u64, tie: u64, what: What) -> u32 {
        self.order += 1;
        let content = Slot { number: self.order, what };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = content;
                slot
            }
            None => {
                self.slots.push(content);
                (self.slots.len() - 1) as u32
            }
        };
        self.due.push(Reverse(Due::new(at, tie, slot)));
        slot
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
        if self.stopped > 1024 && self.stopped > self.due.len() / 2 {
            let Self { due, slots, free, .. } = self;
            due.retain(|Reverse(due)| {
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

    /// Takes what is due at `now`.
    pub(crate) fn next(&mut self, now: u64) -> Next {
        loop {
            let Some(Reverse(due)) = self.due.peek().copied() else { return Next::Never };
            let (at, place) = (due.at(), due.slot());
            let slot = &mut self.slots[place as usize];
            let is_stopped = matches!(slot.what, What::Nothing);
            if at > now && !is_stopped {
                return Next::At(at);
            }
            self.due.pop();
            let next = match std::mem::replace(&mut slot.what, What::Nothing) {
                What::Nothing => {
                    self.stopped = self.stopped.saturating_sub(1);
                    None
                }
                What::Happens(event) => Some(Next::Happen(event)),
                What::Timer { waker, on } => match on.as_ref().map(HostTime::global).filter(|at| *at > now) {
                    // Whoever sleeps is woken once, and need not look whether that was too early.
                    Some(later) => {
                        slot.what = What::Timer { waker, on };
                        self.order += 1;
                        self.due.push(Reverse(due.later(later)));
                        continue;
                    }
                    None => Some(Next::Wake(slot.number, waker)),
                },
            };
            self.free.push(place);
            if let Some(next) = next {
                return next;
            }
        }
    }

    /// Takes everything out, to be dropped without the lock.
    pub(crate) fn clear(&mut self) -> impl Sized + use<> {
        std::mem::replace(self, Self { order: self.order, ..Self::default() })
    }
}
