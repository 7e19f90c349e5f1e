use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Which timeout. A machine has at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeoutName {
    /// Ends with a state change.
    State,
    /// Ends with any event.
    Event,
    /// Ends by itself only: OTP's generic timeouts.
    Named(&'static str),
}

/// What becomes of a timeout.
#[derive(Clone, Debug)]
pub(super) enum Change<C> {
    /// Starts it, or starts it again with another time and content. [`Duration::MAX`] cancels it.
    Start(Duration, C),
    /// New content; one that does not run fires at once.
    Update(C),
    Cancel,
}

/// What the driver is to do with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Call [`Timeouts::fired`] with this number after so long.
    Start(u64, Duration),
    /// No need to.
    Cancel(u64),
}

/// A machine's timeouts, without a clock.
#[derive(Debug)]
pub(super) struct Timeouts<C> {
    running: BTreeMap<TimeoutName, (u64, C)>,
    /// Those with no time to wait, in the order of their start: they fire before anything from outside.
    due: VecDeque<(TimeoutName, C)>,
    /// The number of the next to be started: one that was started again is another.
    next: u64,
    effects: Vec<Effect>,
}

impl<C> Default for Timeouts<C> {
    fn default() -> Self {
        Self { running: BTreeMap::new(), due: VecDeque::new(), next: 0, effects: Vec::new() }
    }
}

impl<C> Timeouts<C> {
    pub(super) fn change(&mut self, name: TimeoutName, change: Change<C>) {
        match change {
            Change::Cancel | Change::Start(Duration::MAX, _) => self.cancel(name),
            Change::Start(Duration::ZERO, content) => {
                self.cancel(name);
                self.due.push_back((name, content));
            }
            Change::Start(delay, content) => {
                self.cancel(name);
                self.effects.push(Effect::Start(self.next, delay));
                self.running.insert(name, (self.next, content));
                self.next += 1;
            }
            Change::Update(content) => match self.content_of(name) {
                Some(place) => *place = content,
                None => self.due.push_back((name, content)),
            },
        }
    }

    fn content_of(&mut self, name: TimeoutName) -> Option<&mut C> {
        match self.running.get_mut(&name) {
            Some((_, content)) => Some(content),
            None => self.due.iter_mut().find(|(due, _)| *due == name).map(|(_, content)| content),
        }
    }

    pub(super) fn cancel(&mut self, name: TimeoutName) {
        if let Some((number, _)) = self.running.remove(&name) {
            self.effects.push(Effect::Cancel(number));
        }
        self.due.retain(|(due, _)| *due != name);
    }

    /// The oldest of those that have no time to wait.
    pub(super) fn take_due(&mut self) -> Option<(TimeoutName, C)> {
        self.due.pop_front()
    }

    /// The time of that number is over; nothing when it was cancelled or started again meanwhile.
    pub(super) fn fired(&mut self, number: u64) -> Option<(TimeoutName, C)> {
        let (name, _) = self.running.iter().find(|(_, (running, _))| *running == number)?;
        let name = *name;
        self.running.remove(&name).map(|(_, content)| (name, content))
    }

    /// What to do with the clock, in order.
    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
