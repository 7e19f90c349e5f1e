use super::tree::Exit;
use rusm_core::{Context, ExitReason, Message, Payload};

/// Tells a worker to end on its own account.
pub(super) struct StopWith(pub(super) ExitReason);

/// What a worker does until it ends. It answers any call, so that others know that it has seen what they sent before.
pub(super) async fn run(context: &Context, exit: Exit) -> ExitReason {
    loop {
        match context.receive().await {
            Message::Exit { from, reason } if Some(from) == context.parent() && reason == ExitReason::SHUTDOWN => {
                match exit {
                    Exit::Ignore => {}
                    Exit::Weird => return ExitReason::new("weird"),
                    Exit::Normal => return ExitReason::NORMAL,
                    Exit::Obey | Exit::Plain => return reason,
                }
            }
            Message::Exit { reason, .. } => return reason,
            Message::Plain(payload) => {
                if let Ok(StopWith(reason)) = payload.downcast() {
                    return reason;
                }
            }
            Message::Call { from, .. } => context.reply(from, Payload::local(())),
            Message::Reply { .. } | Message::Down { .. } => {}
        }
    }
}
