use super::SysError;
use super::request::{Answer, Status, SystemRequest, is_system};
use crate::task::panic_message;
use crate::{Caller, Context, ExitReason, Message, Payload};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a behaviour lets [`sys`](super) see of itself.
pub(crate) trait Observed: Send {
    /// The state in words.
    fn format_status(&self) -> String;

    /// The state itself and the name of its type, when others may reach it.
    fn state(&mut self) -> Option<(&mut dyn Any, &'static str)>;
}

/// Answers a system request, and stays as long as it suspends the process. `Some` says that the process is to terminate.
pub(crate) async fn handle(
    context: &Context,
    from: Caller,
    request: SystemRequest,
    observed: &mut impl Observed,
) -> Option<ExitReason> {
    let (mut from, mut request, mut suspended) = (from, request, false);
    loop {
        let answer = match request {
            SystemRequest::Suspend => {
                suspended = true;
                Ok(Answer::Done)
            }
            SystemRequest::Resume => {
                suspended = false;
                Ok(Answer::Done)
            }
            SystemRequest::Terminate(reason) => {
                context.reply(from, Payload::local(Ok::<_, SysError>(Answer::Done)));
                return Some(reason);
            }
            SystemRequest::Status => Ok(Answer::Status(Box::new(status(context, suspended, observed)))),
            SystemRequest::State(look, expected) => match observed.state() {
                None => Err(SysError::Hidden),
                Some((state, found)) => match catch_unwind(AssertUnwindSafe(|| look(state))) {
                    Ok(Some(result)) => Ok(Answer::Looked(result)),
                    Ok(None) => Err(SysError::OtherState { expected, found }),
                    Err(panic) => Err(SysError::Panicked(panic_message(panic.as_ref()))),
                },
            },
        };
        context.reply(from, Payload::local(answer));
        if !suspended {
            return None;
        }
        match next_while_suspended(context).await {
            Ok(next) => (from, request) = next,
            Err(reason) => return Some(reason),
        }
    }
}

/// A suspended process sees system requests and its parent's exit; all else waits.
async fn next_while_suspended(context: &Context) -> Result<(Caller, SystemRequest), ExitReason> {
    let parent = context.parent();
    let is_parent = |message: &Message| matches!(message, Message::Exit { from, .. } if Some(*from) == parent);
    match context.receive_match(|message| is_system(message) || is_parent(message)).await {
        Message::Call { from, payload } => match payload.downcast() {
            Ok(request) => Ok((from, request)),
            Err(other) => unreachable!("only system requests were asked for, not {other:?}"),
        },
        Message::Exit { reason, .. } => Err(reason),
        other => unreachable!("receive_match gave what it was not asked for: {other:?}"),
    }
}

fn status(context: &Context, suspended: bool, observed: &impl Observed) -> Status {
    let info = context.node().process_info(context.pid());
    Status {
        info: info.unwrap_or_else(|| unreachable!("this process lives")),
        suspended,
        // A callback of the user: its panic is no reason to die for.
        state: catch_unwind(AssertUnwindSafe(|| observed.format_status()))
            .unwrap_or_else(|panic| format!("format_status panicked: {}", panic_message(panic.as_ref()))),
    }
}
