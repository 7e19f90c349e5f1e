use crate::{Context, ExitReason, Message, Pid};
use std::future::Future;

/// What an [`EventManager`](super::EventManager) does with events of type `E`: OTP's `gen_event` callbacks. The
/// implementing type is the handler's state; it runs in the manager's process.
///
/// A panic in a callback ends the handler, not the manager.
pub trait EventHandler<E>: Send + Sync + Sized + 'static {
    /// What it can be asked; [`Infallible`](std::convert::Infallible) when nothing.
    type Call: Send + 'static;
    /// What it answers.
    type Reply: Send + 'static;

    /// Runs when it is added. An error is what adding it returns, and it is not.
    fn init(&mut self, context: &Context) -> impl Future<Output = Result<(), ExitReason>> + Send {
        let _ = context;
        std::future::ready(Ok(()))
    }

    /// An event.
    fn handle_event(&mut self, context: &Context, event: &E) -> impl Future<Output = Handled> + Send;

    /// A call of this handler.
    fn handle_call(
        &mut self,
        context: &Context,
        request: Self::Call,
    ) -> impl Future<Output = (Self::Reply, Handled)> + Send;

    /// Any other message that the manager received, which all handlers look at, and therefore without waiting: what a message
    /// carries cannot be held across an await. The default ignores it.
    fn handle_info(&mut self, context: &Context, message: &Message) -> Handled {
        let _ = (context, message);
        Handled::Keep
    }

    /// Runs when it is removed, for whatever reason.
    fn terminate(&mut self, context: &Context, why: &HandlerEnd) -> impl Future<Output = ()> + Send {
        let _ = (context, why);
        std::future::ready(())
    }
}

/// Whether a handler stays after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It stays.
    Keep,
    /// It is removed: OTP's `remove_handler`.
    Remove,
}

/// Why a handler is one no more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandlerEnd {
    /// It said so itself, with [`Handled::Remove`].
    Removed,
    /// It was deleted.
    Deleted,
    /// Another took its place.
    Swapped,
    /// The manager ends.
    ManagerEnds(ExitReason),
    /// The process that supervises it ended.
    OwnerEnded(ExitReason),
    /// It panicked.
    Crashed(ExitReason),
}

/// What the process that added a supervised handler receives when the handler is one no more:
/// `payload.downcast::<HandlerEnded>()`. Source: OTP `gen_event`, `{gen_event_EXIT, Handler, Reason}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerEnded {
    /// The manager.
    pub manager: Pid,
    /// The handler's id.
    pub handler: String,
    /// Why.
    pub why: HandlerEnd,
}
