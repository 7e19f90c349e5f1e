use super::Kernel;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::task::Waker;

/// Something that happens when its time has come: the next packet of a pipe, the next signal of a line.
pub(crate) trait Fire: Send + Sync {
    fn fire(self: Arc<Self>, kernel: &Arc<Kernel>);
}

/// What happens at a point of virtual time.
pub(crate) enum Event {
    Timer(TimerKey),
    Fire(Arc<dyn Fire>),
    Call(Box<dyn FnOnce() + Send>),
}

/// Names one running timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: u32,
    number: u64,
}

struct Due {
    at: u64,
    /// Drawn: orders what is due at the same time.
    tie: u64,
    order: u64,
    event: Event,
}

impl Due {
    fn key(&self) -> (u64, u64, u64) {
        (self.at, self.tie, self.order)
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest: the heap gives it first.
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// When it is time, as whoever sleeps sees it: a clock that was slowed down meanwhile is not there yet.
pub(crate) type WhenDue = Arc<dyn Fn() -> u64 + Send + Sync>;

#[derive(Default)]
struct TimerSlot {
    number: u64,
    waker: Option<Waker>,
    when_due: Option<WhenDue>,
}

/// Everything that is going to happen, in order, and the timers that tasks wait for.
#[derive(Default)]
pub(crate) struct Events {
    due: BinaryHeap<Due>,
    order: u64,
    timers: Vec<TimerSlot>,
    free: Vec<u32>,
    /// Entries of `due` whose timer is gone.
    stale: usize,
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
        self.order += 1;
        self.due.push(Due { at, tie, order: self.order, event });
    }

    pub(crate) fn start_timer(&mut self, at: u64, when_due: Option<WhenDue>, tie: u64, waker: Waker) -> TimerKey {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.timers.push(TimerSlot::default());
            (self.timers.len() - 1) as u32
        });
        let number = self.order + 1;
        self.timers[slot as usize] = TimerSlot { number, waker: Some(waker), when_due };
        let key = TimerKey { slot, number };
        self.push(at, tie, Event::Timer(key));
        key
    }

    /// Wakes somebody else from now on. False when the timer has fired.
    pub(crate) fn change_timer(&mut self, key: TimerKey, waker: &Waker) -> bool {
        match self.timer(key) {
            Some(slot) => {
                if !slot.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
                    slot.waker = Some(waker.clone());
                }
                true
            }
            None => false,
        }
    }

    /// Ends a timer that may have fired; returns its waker, to be dropped without the lock.
    pub(crate) fn stop_timer(&mut self, key: TimerKey) -> Option<Waker> {
        let waker = self.timer(key)?.waker.take();
        self.free.push(key.slot);
        self.stale += 1;
        if self.stale > 1024 && self.stale > self.due.len() / 2 {
            let timers = &self.timers;
            self.due.retain(|due| match &due.event {
                Event::Timer(key) => is_running(timers, *key),
                Event::Fire(_) | Event::Call(_) => true,
            });
            self.stale = 0;
        }
        waker
    }

    fn timer(&mut self, key: TimerKey) -> Option<&mut TimerSlot> {
        if !is_running(&self.timers, key) {
            return None;
        }
        self.timers.get_mut(key.slot as usize)
    }

    /// Takes what is due at `now`.
    pub(crate) fn next(&mut self, now: u64) -> Next {
        loop {
            let Some(first) = self.due.peek() else { return Next::Never };
            if let Event::Timer(key) = &first.event
                && !is_running(&self.timers, *key)
            {
                self.due.pop();
                self.stale = self.stale.saturating_sub(1);
                continue;
            }
            if first.at > now {
                return Next::At(first.at);
            }
            let Some(Due { event, tie, .. }) = self.due.pop() else { return Next::Never };
            let Event::Timer(key) = event else { return Next::Happen(event) };
            let slot = &mut self.timers[key.slot as usize];
            // Whoever sleeps is woken once, and need not look whether that was too early.
            if let Some(later) = slot.when_due.as_ref().map(|when_due| when_due()).filter(|at| *at > now) {
                self.push(later, tie, event);
                continue;
            }
            let waker = slot.waker.take();
            self.free.push(key.slot);
            if let Some(waker) = waker {
                return Next::Wake(key.number, waker);
            }
        }
    }

    /// Takes everything out, to be dropped without the lock.
    pub(crate) fn clear(&mut self) -> impl Sized + use<> {
        (std::mem::take(&mut self.due), std::mem::take(&mut self.timers), std::mem::take(&mut self.free))
    }
}

/// A slot whose timer has fired or was stopped has no waker.
fn is_running(timers: &[TimerSlot], key: TimerKey) -> bool {
    timers.get(key.slot as usize).is_some_and(|slot| slot.number == key.number && slot.waker.is_some())
}
