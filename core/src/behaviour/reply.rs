use crate::{Caller, Context, Payload};
use std::fmt;
use std::marker::PhantomData;

/// Who waits for an answer of that type.
pub struct CallFrom<R> {
    caller: Caller,
    answer: PhantomData<fn(R)>,
}

impl<R: Send + 'static> CallFrom<R> {
    pub(crate) fn new(caller: Caller) -> Self {
        Self { caller, answer: PhantomData }
    }

    /// The process that called.
    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// Answers, from any process; dropped when the caller no longer waits.
    pub fn reply(self, context: &Context, reply: R) {
        context.reply(self.caller, Payload::local(reply));
    }
}

impl<R> fmt::Debug for CallFrom<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallFrom({})", self.caller.pid)
    }
}
