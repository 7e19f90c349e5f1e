use crate::{Badarg, CallError, Context, Destination, Node, Payload, Timestamp};
use std::future::Future;
use std::time::Duration;

/// Who can call a process: another process, through its [`Context`], or the outside, through the [`Node`].
pub trait Calls: Sync + sealed::Sealed {
    /// [`Context::call`] or [`Node::call`].
    #[doc(hidden)]
    fn call_process(
        &self,
        to: Destination,
        request: Payload,
        timeout: Duration,
    ) -> impl Future<Output = Result<Payload, CallError>> + Send;

    /// The node that it is on.
    #[doc(hidden)]
    fn own_node(&self) -> &Node;

    /// [`Context::deadline`]; the outside has none.
    #[doc(hidden)]
    fn own_deadline(&self) -> Option<Timestamp>;

    /// [`Context::send`] or [`Node::send`] of something whose loss is no error.
    #[doc(hidden)]
    fn cast_process(&self, to: Destination, message: Payload);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::Context {}
    impl Sealed for crate::Node {}
}

impl Calls for Context {
    fn own_node(&self) -> &Node {
        self.node()
    }

    fn own_deadline(&self) -> Option<Timestamp> {
        self.deadline()
    }

    fn call_process(
        &self,
        to: Destination,
        request: Payload,
        timeout: Duration,
    ) -> impl Future<Output = Result<Payload, CallError>> + Send {
        self.call(to, request, timeout)
    }

    fn cast_process(&self, to: Destination, message: Payload) {
        let far = self.own_node().other_node(&to).is_some();
        let sent = self.send(to, message);
        cast_dropped(far, sent);
    }
}

impl Calls for Node {
    fn own_node(&self) -> &Node {
        self
    }

    fn own_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn call_process(
        &self,
        to: Destination,
        request: Payload,
        timeout: Duration,
    ) -> impl Future<Output = Result<Payload, CallError>> + Send {
        self.call(to, request, timeout)
    }

    fn cast_process(&self, to: Destination, message: Payload) {
        let far = self.own_node().other_node(&to).is_some();
        let sent = self.send(to, message);
        cast_dropped(far, sent);
    }
}

/// A name that nobody has is no error of a cast. What cannot leave the node is one.
fn cast_dropped(far: bool, sent: Result<(), Badarg>) {
    if let Err(Badarg(why)) = sent
        && far
    {
        tracing::error!("a cast to a process of another node was dropped: {why}");
    }
}
