use crate::handle::handle_signals;
use crate::process::{Answer, Process};
use crate::{BoxFuture, Message, Node, Reference};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

/// Waits for the first message that matches, in arrival order; the others stay where they are. What was looked at once
/// is not looked at again by the same receive.
pub(crate) struct Receive<'a, F> {
    pub(crate) node: &'a Node,
    pub(crate) process: &'a Process,
    /// Where in the mailbox to go on.
    pub(crate) marker: u64,
    pub(crate) matches: F,
    /// Ends the wait without a message.
    pub(crate) deadline: Option<BoxFuture<()>>,
}

impl<F: FnMut(&Message) -> bool + Unpin> Future for Receive<'_, F> {
    type Output = Option<Message>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Message>> {
        let this = &mut *self;
        handle_signals(this.node, this.process);
        if this.process.is_exiting() {
            return Poll::Pending;
        }
        let taken = this.process.state.lock().mailbox.take(&mut this.marker, &mut this.matches);
        if taken.is_some() {
            return Poll::Ready(taken);
        }
        match &mut this.deadline {
            Some(deadline) => deadline.as_mut().poll(cx).map(|()| None),
            None => Poll::Pending,
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
            Some(Answer::Waiting) | None => Poll::Pending,
            Some(_) => state.answers.remove(&self.request).map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl Drop for AwaitAnswer<'_> {
    fn drop(&mut self) {
        self.process.state.lock().answers.remove(&self.request);
    }
}
