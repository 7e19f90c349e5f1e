//! The order of events and timeouts, compared with a plain model.

use super::event_queue::{EventQueue, Queued};
use super::timeouts::{Change, Effect, TimeoutName};
use proptest::prelude::*;
use std::time::Duration;

/// The queue as OTP's documentation tells it: one list of events and a place in it. What stands before the place is
/// postponed; a state change goes back to the start.
#[derive(Default)]
struct Model {
    list: Vec<u32>,
    place: usize,
    /// Running timeouts in the order of their start: name, when, unless it has no time to wait, and content.
    running: Vec<(TimeoutName, Option<u64>, u32)>,
    now: u64,
}

impl Model {
    fn start(&mut self, name: TimeoutName, delay: Duration, content: u32) {
        self.running.retain(|(running, ..)| *running != name);
        if delay < Duration::MAX {
            let waits = !delay.is_zero();
            self.running.push((name, waits.then(|| self.now + delay.as_nanos() as u64), content));
        }
    }

    fn update(&mut self, name: TimeoutName, content: u32) {
        match self.running.iter_mut().find(|(running, ..)| *running == name) {
            Some(timeout) => timeout.2 = content,
            None => self.running.push((name, None, content)),
        }
    }

    fn cancel(&mut self, name: TimeoutName) {
        self.running.retain(|(running, ..)| *running != name);
    }

    /// What is handled before the mailbox: the event at the place, then what had no time to wait.
    fn next(&mut self) -> Option<Queued<u32, u32>> {
        if self.place < self.list.len() {
            return Some(Queued::Event(self.list.remove(self.place)));
        }
        let due = self.running.iter().position(|(_, at, _)| at.is_none())?;
        let (name, _, content) = self.running.remove(due);
        Some(Queued::Timeout(name, content))
    }

    fn transition(&mut self, changed: bool, postponed: Option<u32>, own: &[u32]) {
        if let Some(event) = postponed {
            self.list.insert(self.place, event);
            self.place += 1;
        }
        if changed {
            self.place = 0;
            self.cancel(TimeoutName::State);
        }
        let behind = self.list.split_off(self.place);
        self.list.extend_from_slice(own);
        self.list.extend(behind);
    }

    /// The next timeout whose time comes within so long.
    fn advance(&mut self, time: u64) -> Option<(TimeoutName, u32)> {
        let until = self.now + time;
        let waiting = self.running.iter().enumerate().filter_map(|(i, (_, at, _))| Some(((*at)?, i)));
        let first = waiting.min().filter(|(at, _)| *at <= until);
        self.now = first.map_or(until, |(at, _)| at);
        first.map(|(_, i)| self.running.remove(i)).map(|(name, _, content)| (name, content))
    }
}

/// The clock that the machine's driver is: timers by number.
#[derive(Default)]
struct Timers {
    timers: Vec<(u64, u64)>,
    now: u64,
}

impl Timers {
    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Start(number, delay) => self.timers.push((self.now + delay.as_nanos() as u64, number)),
                Effect::Cancel(number) => {
                    let before = self.timers.len();
                    self.timers.retain(|(_, timer)| *timer != number);
                    assert_eq!(self.timers.len() + 1, before, "only what runs is cancelled");
                }
            }
        }
    }

    fn advance(&mut self, time: u64) -> Option<u64> {
        let until = self.now + time;
        self.timers.sort();
        if self.timers.first().is_some_and(|(at, _)| *at <= until) {
            let (at, number) = self.timers.remove(0);
            self.now = at;
            return Some(number);
        }
        self.now = until;
        None
    }
}

#[derive(Clone, Debug)]
enum Turn {
    /// Handles the next event, or one from outside: whether the state changes, the event is put off, and how many own
    /// events there are.
    Event { changed: bool, postpone: bool, own: u32, timeouts: Vec<(TimeoutName, Then)> },
    /// Time passes until a timer fires, or so much of it.
    Time(u64),
}

#[derive(Clone, Debug)]
enum Then {
    Start(u64),
    Never,
    Update,
    Cancel,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let name = prop_oneof![
        Just(TimeoutName::State),
        Just(TimeoutName::Event),
        Just(TimeoutName::Named("a")),
        Just(TimeoutName::Named("b"))
    ];
    // Times that differ, so that no two timers fire at the same moment: then OTP promises no order.
    let then = prop_oneof![
        3 => Just(Then::Start(0)),
        6 => (1u64..50).prop_map(Then::Start),
        1 => Just(Then::Never),
        2 => Just(Then::Update),
        2 => Just(Then::Cancel)
    ];
    let timeouts = prop::collection::vec((name, then), 0..3);
    let event = (any::<bool>(), any::<bool>(), 0u32..3, timeouts)
        .prop_map(|(changed, postpone, own, timeouts)| Turn::Event { changed, postpone, own, timeouts });
    prop::collection::vec(prop_oneof![4 => event, 1 => (1u64..60).prop_map(Turn::Time)], 1..60)
}

proptest! {
    #[test]
    fn events_and_timeouts_come_in_the_order_of_the_model(turns in turns()) {
        let mut queue = EventQueue::default();
        let (mut model, mut timers, mut fresh) = (Model::default(), Timers::default(), 0);
        let mut new = || {
            fresh += 1;
            fresh
        };
        for turn in turns {
            let (changed, postpone, own, timeouts) = match turn {
                Turn::Event { changed, postpone, own, timeouts } => (changed, postpone, own, timeouts),
                Turn::Time(time) => {
                    let fired = timers.advance(time * 1000).map(|number| queue.timeouts.fired(number));
                    prop_assert_eq!(fired.flatten(), model.advance(time * 1000));
                    continue;
                }
            };
            let next = queue.next();
            prop_assert_eq!(&next, &model.next());
            let event = match next {
                Some(Queued::Event(event)) => event,
                Some(Queued::Timeout(..)) | None => new(),
            };
            queue.begin();
            model.cancel(TimeoutName::Event);
            let own: Vec<u32> = (0..own).map(|_| new()).collect();
            let postponed = postpone.then_some(event);
            model.transition(changed, postponed, &own);
            queue.transition(changed, postponed, own);
            prop_assert_eq!(queue.postponed_len(), model.place);
            for (name, then) in timeouts {
                let content = new();
                let delay = match then {
                    Then::Start(0) => Duration::ZERO,
                    Then::Start(time) => Duration::from_nanos(time * 1000 + u64::from(content)),
                    _ => Duration::MAX,
                };
                match then {
                    Then::Start(_) | Then::Never => {
                        queue.timeouts.change(name, Change::Start(delay, content));
                        model.start(name, delay, content);
                    }
                    Then::Update => {
                        queue.timeouts.change(name, Change::Update(content));
                        model.update(name, content);
                    }
                    Then::Cancel => {
                        queue.timeouts.change(name, Change::Cancel);
                        model.cancel(name);
                    }
                }
            }
            timers.perform(queue.timeouts.take_effects());
        }
    }
}
