//! A process's timers.

use super::Context;
use crate::{Destination, Payload, Reference};
use std::time::Duration;

/// What a timer of [`Context::start_timer`] sends.
#[derive(Debug)]
pub struct TimerFired {
    /// Which timer.
    pub timer: Reference,
    /// The message.
    pub payload: Payload,
}

impl Context {
    /// Sends a message after a delay, never earlier. A timer to a pid ends with that process; a name is looked up when
    /// it fires. To a process of another node only a term can be sent.
    /// Source: OTP `erlang:send_after/3`. Divergence: there a pid is of the own node.
    pub fn send_after(&self, delay: Duration, to: impl Into<Destination>, payload: impl Into<Payload>) -> Reference {
        let timer = self.make_reference();
        self.start_timer_with(timer, delay, to.into(), payload.into());
        timer
    }

    /// The same, with a [`TimerFired`] that carries the timer's reference around the message. Source: OTP
    /// `erlang:start_timer/3`.
    ///
    /// ```
    /// # use rusm_core::{Node, NodeOptions, seam::Seams};
    /// use rusm_core::{Message, Payload, TimerFired};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// use std::time::Duration;
    ///
    /// let timer = context.start_timer(Duration::from_millis(1), context.pid(), Payload::local("tick"));
    /// let Message::Plain(payload) = context.receive().await else { panic!("not from a timer") };
    /// let fired: TimerFired = payload.downcast().unwrap();
    /// assert_eq!(fired.timer, timer);
    ///
    /// let late = context.send_after(Duration::from_secs(3600), context.pid(), Payload::local("late"));
    /// assert!(context.read_timer(late).is_some());
    /// assert!(context.cancel_timer(late).is_some());
    /// assert!(context.cancel_timer(late).is_none());
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub fn start_timer(&self, delay: Duration, to: impl Into<Destination>, payload: impl Into<Payload>) -> Reference {
        let timer = self.make_reference();
        let fired = TimerFired { timer, payload: payload.into() };
        self.start_timer_with(timer, delay, to.into(), Payload::local(fired));
        timer
    }

    fn start_timer_with(&self, timer: Reference, delay: Duration, to: Destination, payload: Payload) {
        self.node.timers().start(&self.node, timer, self.now() + delay, self.pid(), to, payload);
    }

    /// Cancels a timer of any process of this node: the time that was left; `None` when it has fired (its message may
    /// be in the mailbox), was cancelled, or is unknown.
    pub fn cancel_timer(&self, timer: Reference) -> Option<Duration> {
        self.node.timers().cancel(timer, self.now())
    }

    /// The time that is left of a timer of any process of this node; `None` as with [`cancel_timer`](Self::cancel_timer).
    /// Source: OTP `erlang:read_timer/1`.
    pub fn read_timer(&self, timer: Reference) -> Option<Duration> {
        self.node.timers().left(timer, self.now())
    }
}
