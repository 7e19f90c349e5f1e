use super::{CallFrom, Called, Init, Next, Server};
use crate::task::panic_message;
use crate::{Caller, Context, ExitReason, Message, Payload};
use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;

/// A cast, as it lies in the mailbox.
pub(super) struct Cast<M>(pub(super) M);

/// The request to stop.
pub(super) struct Stop(pub(super) ExitReason);

/// What came of one callback: what is next, and an answer that goes out before that, or after a stop's `terminate`.
struct Outcome<S: Server> {
    next: Next<S>,
    reply: Option<(Caller, S::Reply)>,
}

impl<S: Server> From<Next<S>> for Outcome<S> {
    fn from(next: Next<S>) -> Self {
        Self { next, reply: None }
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
                Some(message) => handle(&mut state, &context, message).await,
                None => caught(state.handle_timeout(&context)).await.map(Outcome::from),
            },
            Next::Receive => {
                let message = context.receive().await;
                handle(&mut state, &context, message).await
            }
        };
        let outcome = outcome.unwrap_or_else(|panic| Next::Stop(panic).into());
        let ended = match &outcome.next {
            Next::Stop(reason) => Some(terminated(&mut state, &context, reason).await),
            Next::Receive | Next::Timeout(_) | Next::Continue(_) => None,
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

/// Gives a message to the callback that it belongs to; an error is a panic.
async fn handle<S: Server>(state: &mut S, context: &Context, message: Message) -> Result<Outcome<S>, ExitReason> {
    match message {
        Message::Exit { from, reason } if Some(from) == context.parent() => Ok(Next::Stop(reason).into()),
        Message::Call { from, payload } => match payload.downcast::<S::Call>() {
            Ok(request) => {
                let called = caught(state.handle_call(context, request, CallFrom::new(from))).await?;
                Ok(match called {
                    Called::Reply(reply, next) => Outcome { next, reply: Some((from, reply)) },
                    Called::NoReply(next) => next.into(),
                })
            }
            Err(payload) => match payload.downcast::<Stop>() {
                Ok(Stop(reason)) => Ok(Next::Stop(reason).into()),
                Err(payload) => info(state, context, Message::Call { from, payload }).await,
            },
        },
        Message::Plain(payload) => match payload.downcast::<Cast<S::Cast>>() {
            Ok(Cast(message)) => Ok(caught(state.handle_cast(context, message)).await?.into()),
            Err(payload) => info(state, context, Message::Plain(payload)).await,
        },
        other => info(state, context, other).await,
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

/// A callback's result, or its panic as an exit reason.
async fn caught<T>(callback: impl Future<Output = T>) -> Result<T, ExitReason> {
    AssertUnwindSafe(callback)
        .catch_unwind()
        .await
        .map_err(|panic| ExitReason::PANIC.with_detail(panic_message(panic.as_ref())))
}
