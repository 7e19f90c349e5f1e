use super::{EventHandler, Handled, HandlerEnd};
use crate::{Context, ExitReason, Message, Payload};
use std::any::Any;
use std::future::Future;
use std::pin::Pin;

type Running<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A handler of any type.
pub(super) trait Erased<E>: Send + Sync {
    fn init<'a>(&'a mut self, context: &'a Context) -> Running<'a, Result<(), ExitReason>>;
    fn handle_event<'a>(&'a mut self, context: &'a Context, event: &'a E) -> Running<'a, Handled>;
    /// None when the request is of another type.
    fn handle_call<'a>(&'a mut self, context: &'a Context, request: Payload)
    -> Running<'a, Option<(Payload, Handled)>>;
    fn handle_info(&mut self, context: &Context, message: &Message) -> Handled;
    fn terminate<'a>(&'a mut self, context: &'a Context, why: &'a HandlerEnd) -> Running<'a, ()>;
    /// The handler itself, for the one that takes its place.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

impl<E: Sync + 'static, H: EventHandler<E>> Erased<E> for H {
    fn init<'a>(&'a mut self, context: &'a Context) -> Running<'a, Result<(), ExitReason>> {
        Box::pin(EventHandler::init(self, context))
    }

    fn handle_event<'a>(&'a mut self, context: &'a Context, event: &'a E) -> Running<'a, Handled> {
        Box::pin(EventHandler::handle_event(self, context, event))
    }

    fn handle_call<'a>(
        &'a mut self,
        context: &'a Context,
        request: Payload,
    ) -> Running<'a, Option<(Payload, Handled)>> {
        Box::pin(async move {
            let request = request.downcast::<H::Call>().ok()?;
            let (reply, handled) = EventHandler::handle_call(self, context, request).await;
            Some((Payload::local(reply), handled))
        })
    }

    fn handle_info(&mut self, context: &Context, message: &Message) -> Handled {
        EventHandler::handle_info(self, context, message)
    }

    fn terminate<'a>(&'a mut self, context: &'a Context, why: &'a HandlerEnd) -> Running<'a, ()> {
        Box::pin(EventHandler::terminate(self, context, why))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
