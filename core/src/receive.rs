use crate::handle::handle_signals;
use crate::process::{Answer, Process};
use crate::{Message, Node, Reference, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

/// Waits for the first message that matches, in arrival order; the others stay where they are. What was looked at once
/// is not looked at again by the same receive.
pub(crate) struct Receive<'a, F> {
    node: &'a Node,
    process: &'a Process,
    /// Where in the mailbox to go on.
    marker: u64,
    matches: F,
    wait: Wait,
}

/// What ends the wait without a message.
enum Wait {
    Forever,
    /// Counts from the first poll.
    For(Duration),
    Until(Timestamp),
}

/// Nothing in it is ever pinned.
impl<F> Unpin for Receive<'_, F> {}

impl<'a, F: FnMut(&Message) -> bool> Receive<'a, F> {
    /// For at most so long; [`Duration::MAX`] is OTP's `infinity`.
    pub(crate) fn new(
        node: &'a Node,
        process: &'a Process,
        marker: u64,
        timeout: Option<Duration>,
        matches: F,
    ) -> Self {
        let wait = match timeout {
            None | Some(Duration::MAX) => Wait::Forever,
            Some(timeout) => Wait::For(timeout),
        };
        Self { node, process, marker, matches, wait }
    }

    fn take(&mut self) -> Option<Message> {
        // Most receives wait, and most mailboxes are empty then.
        if self.process.has_read_all() {
            return None;
        }
        let mut state = self.process.state.lock();
        let taken = state.mailbox.take(&mut self.marker, &mut self.matches);
        self.process.set_unread(state.mailbox.len());
        taken
    }

    /// Ready when the time is over; otherwise the task will be woken then.
    fn poll_deadline(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let clock = &self.node.seams().clock;
        let (now, deadline) = match self.wait {
            Wait::Forever => return Poll::Pending,
            Wait::For(Duration::ZERO) => {
                // Others have their turn first: a process that never waits would keep its thread.
                self.wait = Wait::Until(Timestamp::default());
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Wait::For(timeout) => {
                let now = clock.now();
                self.wait = Wait::Until(now + timeout);
                (now, now + timeout)
            }
            Wait::Until(deadline) => (clock.now(), deadline),
        };
        if now >= deadline {
            return Poll::Ready(());
        }
        let alarm_at = self.process.alarm_at();
        // One that is due has woken already, perhaps for another receive.
        if alarm_at <= now || alarm_at > deadline {
            let mut sleep = clock.sleep_until(deadline);
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            self.process.set_alarm(Some((deadline, sleep)));
        }
        Poll::Pending
    }
}

impl<F: FnMut(&Message) -> bool> Future for Receive<'_, F> {
    type Output = Option<Message>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Message>> {
        let this = &mut *self;
        handle_signals(this.node, this.process);
        if this.process.is_exiting() {
            return Poll::Pending;
        }
        match this.take() {
            Some(message) => Poll::Ready(Some(message)),
            None => this.poll_deadline(cx).map(|()| None),
        }
    }
}

/// Waits for an answer of the runtime itself.
pub(crate) struct AwaitAnswer<'a> {
    pub(crate) node: &'a Node,
    pub(crate) process: &'a Process,
    pub(crate) request: Reference,
}

impl Future for AwaitAnswer<'_> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Answer> {
        handle_signals(self.node, self.process);
        if self.process.is_exiting() {
            return Poll::Pending;
        }
        let mut state = self.process.state.lock();
        match state.answers.get(&self.request) {
            Some(Answer::Waiting | Answer::Asked { .. }) | None => Poll::Pending,
            Some(_) => state.answers.remove(&self.request).map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl Drop for AwaitAnswer<'_> {
    /// Gives it up; a process that ends does not: what it has asked for hears why.
    fn drop(&mut self) {
        if !self.process.is_exiting() {
            self.process.state.lock().answers.remove(&self.request);
        }
    }
}
