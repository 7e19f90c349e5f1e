use super::timeouts::{TimeoutName, Timeouts};
use std::collections::VecDeque;

/// The events of a machine that come before its mailbox, and its timeouts: the order in which `gen_statem` handles events,
/// without I/O.
///
/// For each event, the driver: takes it with [`next`](Self::next), or, when there is none, from the mailbox; calls
/// [`begin`](Self::begin); runs the callback; calls [`transition`](Self::transition) with what came of it; then changes the
/// [`timeouts`](Self::timeouts).
#[derive(Debug)]
pub(super) struct EventQueue<E, C> {
    /// Oldest first.
    queued: VecDeque<E>,
    /// Put off until the state changes, oldest first.
    postponed: Vec<E>,
    pub(super) timeouts: Timeouts<C>,
}

/// What comes before the mailbox.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Queued<E, C> {
    Event(E),
    Timeout(TimeoutName, C),
}

impl<E, C> Default for EventQueue<E, C> {
    fn default() -> Self {
        Self { queued: VecDeque::new(), postponed: Vec::new(), timeouts: Timeouts::default() }
    }
}

impl<E, C> EventQueue<E, C> {
    /// The next event that comes before the mailbox.
    pub(super) fn next(&mut self) -> Option<Queued<E, C>> {
        if let Some(event) = self.queued.pop_front() {
            return Some(Queued::Event(event));
        }
        self.timeouts.take_due().map(|(name, content)| Queued::Timeout(name, content))
    }

    /// An event is about to be handled: any event ends the event timeout.
    pub(super) fn begin(&mut self) {
        self.timeouts.cancel(TimeoutName::Event);
    }

    /// What came of an event: whether the state changed, the event itself when it is put off, and the events that the machine
    /// gave itself. A change brings the postponed ones back, before what is queued, and ends the state timeout; the
    /// machine's own events come before all others. Source: OTP `gen_statem`, type `transition_option()`.
    pub(super) fn transition(&mut self, changed: bool, postponed: Option<E>, own: Vec<E>) {
        self.postponed.extend(postponed);
        if changed {
            self.timeouts.cancel(TimeoutName::State);
            for event in self.postponed.drain(..).rev() {
                self.queued.push_front(event);
            }
        }
        for event in own.into_iter().rev() {
            self.queued.push_front(event);
        }
    }

    /// How many events are put off.
    pub(super) fn postponed_len(&self) -> usize {
        self.postponed.len()
    }
}
