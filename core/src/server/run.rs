use super::{Called, Init, Next, Server};
use crate::behaviour::{Cast, Stop, Timed, caught};
use crate::sys::{self, Observed, SystemRequest};
use crate::{CallFrom, Caller, Context, ExitReason, Message, Payload};
use std::any::{Any, type_name};

/// What came of one message: what is next, and an answer that goes out before that, or after a stop's `terminate`.
struct Outcome<S: Server> {
    next: Next<S>,
    reply: Option<(Caller, S::Reply)>,
}

impl<S: Server> From<Next<S>> for Outcome<S> {
    fn from(next: Next<S>) -> Self {
        Self { next, reply: None }
    }
}

/// The server as system requests see it.
struct Shown<'a, S>(&'a mut S);

impl<S: Server> Observed for Shown<'_, S> {
    fn format_status(&self) -> String {
        self.0.format_status()
    }

    fn state(&mut self) -> Option<(&mut dyn Any, &'static str)> {
        Some((self.0, type_name::<S>()))
    }
}

/// The whole life of a server.
pub(super) async fn server<S: Server>(context: Context, args: S::Args) -> ExitReason {
    let (mut state, mut next) = match caught(S::init(&context, args)).await {
        Ok(Init::Up(state, next)) => (state, next),
        Ok(Init::Ignore) => {
            context.init_ignore();
            return ExitReason::NORMAL;
        }
        Ok(Init::Stop(reason)) | Err(reason) => {
            context.init_fail(reason.clone());
            return reason;
        }
    };
    context.init_ack();
    loop {
        let outcome = match next {
            Next::Continue(todo) => caught(state.handle_continue(&context, todo)).await.map(Outcome::from),
            Next::Stop(reason) => Ok(Next::Stop(reason).into()),
            Next::Timeout(timeout) => match context.receive_timeout(timeout, |_| true).await {
                Some(message) => handle(&mut state, &context, message, Next::Timeout(timeout)).await,
                None => caught(state.handle_timeout(&context)).await.map(Outcome::from),
            },
            Next::Receive => {
                let message = context.receive().await;
                handle(&mut state, &context, message, Next::Receive).await
            }
            Next::Hibernate => {
                state.shrink();
                let message = context.hibernate().await;
                handle(&mut state, &context, message, Next::Hibernate).await
            }
        };
        let outcome = outcome.unwrap_or_else(|panic| Next::Stop(panic).into());
        let ended = match &outcome.next {
            Next::Stop(reason) => Some(terminated(&mut state, &context, reason).await),
            Next::Receive | Next::Timeout(_) | Next::Hibernate | Next::Continue(_) => None,
        };
        if let Some((caller, reply)) = outcome.reply {
            context.reply(caller, Payload::local(reply));
        }
        match ended {
            Some(reason) => return reason,
            None => next = outcome.next,
        }
    }
}

/// Gives a message to the callback that it belongs to; an error is a panic. `waited` is how the server waited for it, and
/// goes on after a system request, which is no message to it.
async fn handle<S: Server>(
    state: &mut S,
    context: &Context,
    message: Message,
    waited: Next<S>,
) -> Result<Outcome<S>, ExitReason> {
    match message {
        Message::Exit { from, reason } if Some(from) == context.parent() => Ok(Next::Stop(reason).into()),
        Message::Call { from, payload } => {
            let payload = match payload.downcast::<S::Call>() {
                Ok(request) => return call(state, context, from, request).await,
                Err(payload) => payload,
            };
            let payload = match payload.downcast::<Timed>() {
                Ok(timed) => return call_until(state, context, from, timed, waited).await,
                Err(payload) => payload,
            };
            let payload = match payload.downcast::<Stop>() {
                Ok(Stop(reason)) => return Ok(Next::Stop(reason).into()),
                Err(payload) => payload,
            };
            match payload.downcast::<SystemRequest>() {
                Ok(request) => {
                    let ended = sys::handle(context, from, request, &mut Shown(state)).await;
                    Ok(ended.map_or(waited, Next::Stop).into())
                }
                Err(payload) => info(state, context, Message::Call { from, payload }).await,
            }
        }
        Message::Plain(payload) => match payload.downcast::<Cast<S::Cast>>() {
            Ok(Cast(message)) => Ok(caught(state.handle_cast(context, message)).await?.into()),
            Err(payload) => info(state, context, Message::Plain(payload)).await,
        },
        other => info(state, context, other).await,
    }
}

async fn call<S: Server>(
    state: &mut S,
    context: &Context,
    from: Caller,
    request: S::Call,
) -> Result<Outcome<S>, ExitReason> {
    Ok(match caught(state.handle_call(context, request, CallFrom::new(from))).await? {
        Called::Reply(reply, next) => Outcome { next, reply: Some((from, reply)) },
        Called::NoReply(next) => next.into(),
    })
}

/// A call that nobody waits for any more is dropped unseen.
async fn call_until<S: Server>(
    state: &mut S,
    context: &Context,
    from: Caller,
    Timed { deadline, request }: Timed,
    waited: Next<S>,
) -> Result<Outcome<S>, ExitReason> {
    if deadline <= context.now() {
        tracing::debug!(pid = %context.pid(), caller = %from.pid, "a call came too late and was dropped");
        return Ok(waited.into());
    }
    match request.downcast::<S::Call>() {
        Ok(request) => {
            context.set_deadline(Some(deadline));
            let outcome = call(state, context, from, request).await;
            context.set_deadline(None);
            outcome
        }
        Err(payload) => info(state, context, Message::Call { from, payload }).await,
    }
}

async fn info<S: Server>(state: &mut S, context: &Context, message: Message) -> Result<Outcome<S>, ExitReason> {
    Ok(caught(state.handle_info(context, message)).await?.into())
}

/// Runs `terminate`; a panic in it is the reason then.
async fn terminated<S: Server>(state: &mut S, context: &Context, reason: &ExitReason) -> ExitReason {
    match caught(state.terminate(context, reason)).await {
        Ok(()) => reason.clone(),
        Err(panic) => panic,
    }
}
