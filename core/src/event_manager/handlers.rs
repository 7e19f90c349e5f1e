use super::erased::Erased;
use super::{EventManagerError, Handled, HandlerEnd, HandlerEnded};
use crate::behaviour::caught;
use crate::task::panic_message;
use crate::{CallFrom, Called, Context, ExitReason, Init, Message, Next, Payload, Pid, Server};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The manager's process: its handlers, in the order in which they were added.
pub(crate) struct Handlers<E>(Vec<Entry<E>>);

struct Entry<E> {
    id: String,
    handler: Box<dyn Erased<E>>,
    /// Who supervises it.
    owner: Option<Pid>,
}

/// Makes the handler that takes the place of another, which is not there when there was none of that id.
pub(super) type Make<E> =
    Box<dyn FnOnce(Option<Box<dyn Any + Send>>) -> Result<Box<dyn Erased<E>>, EventManagerError> + Send>;

pub(crate) enum Ask<E> {
    Add { id: String, handler: Box<dyn Erased<E>>, owner: Option<Pid> },
    Delete(String),
    Swap { old: String, new: String, make: Make<E> },
    Which,
    SyncNotify(E),
    Call(String, Payload),
}

pub(crate) enum Answer {
    Done(Result<(), EventManagerError>),
    Handlers(Vec<String>),
    Replied(Result<Payload, EventManagerError>),
}

impl<E: Send + Sync + 'static> Server for Handlers<E> {
    type Args = ();
    type Call = Ask<E>;
    type Reply = Answer;
    type Cast = E;
    type Continue = ();

    async fn init(context: &Context, (): ()) -> Init<Self> {
        // The ends of those that supervise handlers.
        context.trap_exit(true);
        Init::Up(Self(Vec::new()), Next::Receive)
    }

    async fn handle_call(&mut self, context: &Context, ask: Ask<E>, _: CallFrom<Answer>) -> Called<Self> {
        let answer = match ask {
            Ask::Add { id, handler, owner } => Answer::Done(self.add(context, id, handler, owner).await),
            Ask::Delete(id) => Answer::Done(match self.place(&id) {
                Some(place) => {
                    self.end(context, place, HandlerEnd::Deleted).await;
                    Ok(())
                }
                None => Err(EventManagerError::NotFound),
            }),
            Ask::Swap { old, new, make } => Answer::Done(self.swap(context, &old, new, make).await),
            Ask::Which => Answer::Handlers(self.0.iter().map(|entry| entry.id.clone()).collect()),
            Ask::SyncNotify(event) => {
                self.notify(context, &event).await;
                Answer::Done(Ok(()))
            }
            Ask::Call(id, request) => Answer::Replied(self.call(context, &id, request).await),
        };
        Called::Reply(answer, Next::Receive)
    }

    async fn handle_cast(&mut self, context: &Context, event: E) -> Next<Self> {
        self.notify(context, &event).await;
        Next::Receive
    }

    async fn handle_info(&mut self, context: &Context, message: Message) -> Next<Self> {
        let ended = match &message {
            Message::Exit { from, reason } => Some((*from, reason.clone())),
            _ => None,
        };
        if let Some((owner, reason)) = ended {
            while let Some(place) = self.0.iter().position(|entry| entry.owner == Some(owner)) {
                self.end(context, place, HandlerEnd::OwnerEnded(reason.clone())).await;
            }
        }
        let looks = self.0.iter_mut().map(|entry| {
            let handled = catch_unwind(AssertUnwindSafe(|| entry.handler.handle_info(context, &message)));
            handled.map_err(|panic| ExitReason::PANIC.with_detail(panic_message(panic.as_ref())))
        });
        let handled: Vec<_> = looks.collect();
        let mut place = 0;
        for handled in handled {
            place = self.after(context, place, handled).await;
        }
        Next::Receive
    }

    async fn terminate(&mut self, context: &Context, reason: &ExitReason) {
        while !self.0.is_empty() {
            self.end(context, 0, HandlerEnd::ManagerEnds(reason.clone())).await;
        }
    }

    fn format_status(&self) -> String {
        let handlers: Vec<&str> = self.0.iter().map(|entry| entry.id.as_str()).collect();
        format!("handlers {handlers:?}")
    }
}

impl<E: Send + Sync + 'static> Handlers<E> {
    fn place(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|entry| entry.id == id)
    }

    async fn add(
        &mut self,
        context: &Context,
        id: String,
        mut handler: Box<dyn Erased<E>>,
        owner: Option<Pid>,
    ) -> Result<(), EventManagerError> {
        if self.place(&id).is_some() {
            return Err(EventManagerError::AlreadyPresent);
        }
        caught(handler.init(context)).await.flatten().map_err(EventManagerError::NotAdded)?;
        if let Some(owner) = owner {
            context.link(owner);
        }
        self.0.push(Entry { id, handler, owner });
        Ok(())
    }

    /// The old one ends first; the new one keeps its place and its supervisor.
    async fn swap(
        &mut self,
        context: &Context,
        old: &str,
        new: String,
        make: Make<E>,
    ) -> Result<(), EventManagerError> {
        if new != old && self.place(&new).is_some() {
            return Err(EventManagerError::AlreadyPresent);
        }
        let (place, owner, before) = match self.place(old) {
            Some(place) => {
                let mut entry = self.0.remove(place);
                terminate(context, &mut entry, &HandlerEnd::Swapped).await;
                (place, entry.owner, Some(entry.handler.into_any()))
            }
            None => (self.0.len(), None, None),
        };
        let made = match make(before) {
            Ok(mut handler) => match caught(handler.init(context)).await.flatten() {
                Ok(()) => Ok(handler),
                Err(reason) => Err(EventManagerError::NotAdded(reason)),
            },
            Err(error) => Err(error),
        };
        match made {
            Ok(handler) => {
                self.0.insert(place, Entry { id: new, handler, owner });
                Ok(())
            }
            Err(error) => {
                self.tell_owner(context, owner, old.to_owned(), HandlerEnd::Swapped);
                Err(error)
            }
        }
    }

    async fn notify(&mut self, context: &Context, event: &E) {
        let mut place = 0;
        while place < self.0.len() {
            let handled = caught(self.0[place].handler.handle_event(context, event)).await;
            place = self.after(context, place, handled).await;
        }
    }

    async fn call(&mut self, context: &Context, id: &str, request: Payload) -> Result<Payload, EventManagerError> {
        let place = self.place(id).ok_or(EventManagerError::NotFound)?;
        match caught(self.0[place].handler.handle_call(context, request)).await {
            Ok(Some((reply, handled))) => {
                self.after(context, place, Ok(handled)).await;
                Ok(reply)
            }
            Ok(None) => Err(EventManagerError::OtherType),
            Err(panic) => {
                self.after(context, place, Err(panic.clone())).await;
                Err(EventManagerError::Crashed(panic))
            }
        }
    }

    /// What came of a callback. Returns the place of the next handler.
    async fn after(&mut self, context: &Context, place: usize, handled: Result<Handled, ExitReason>) -> usize {
        match handled {
            Ok(Handled::Keep) => place + 1,
            Ok(Handled::Remove) => {
                self.end(context, place, HandlerEnd::Removed).await;
                place
            }
            Err(panic) => {
                let handler = &self.0[place].id;
                tracing::error!(manager = %context.pid(), handler, reason = %panic, "an event handler crashed and is removed");
                self.end(context, place, HandlerEnd::Crashed(panic)).await;
                place
            }
        }
    }

    async fn end(&mut self, context: &Context, place: usize, why: HandlerEnd) {
        let mut entry = self.0.remove(place);
        terminate(context, &mut entry, &why).await;
        self.tell_owner(context, entry.owner, entry.id, why);
    }

    fn tell_owner(&self, context: &Context, owner: Option<Pid>, handler: String, why: HandlerEnd) {
        let Some(owner) = owner else { return };
        if !self.0.iter().any(|entry| entry.owner == Some(owner)) {
            context.unlink(owner);
        }
        let sent = context.send(owner, Payload::local(HandlerEnded { manager: context.pid(), handler, why }));
        debug_assert!(sent.is_ok(), "sending to a pid never fails");
    }
}

async fn terminate<E>(context: &Context, entry: &mut Entry<E>, why: &HandlerEnd) {
    if let Err(panic) = caught(entry.handler.terminate(context, why)).await {
        tracing::error!(manager = %context.pid(), handler = entry.id, reason = %panic, "an event handler's terminate panicked");
    }
}
