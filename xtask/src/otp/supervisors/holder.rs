use super::build::{Env, start_supervisor};
use super::tree::{Kind, ROOT};
use rusm_core::{Context, ExitReason, Message, Payload, Pid, SpawnOptions, Started};

/// What the driver asks of the root's parent.
pub(super) enum Ask {
    /// Start the root; answered with [`Started`].
    Start,
    /// Answered with [`Status`].
    Status,
    /// Send the root `shutdown`; answered when it has ended.
    Shutdown,
}

/// How the root is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Status {
    NeverStarted,
    Alive(Pid),
    Dead(ExitReason),
}

/// The root's parent: a process that starts it and sees its end.
pub(super) async fn run(context: Context, env: Env) {
    context.trap_exit(true);
    let mut status = Status::NeverStarted;
    loop {
        match context.receive().await {
            Message::Exit { from, reason } if status == Status::Alive(from) => status = Status::Dead(reason),
            Message::Call { from, payload } => {
                let answer = match payload.downcast::<Ask>() {
                    Ok(Ask::Start) => {
                        let started = start(&context, &env).await;
                        if let Started::Up(pid) = started {
                            status = Status::Alive(pid);
                        }
                        Payload::local(started)
                    }
                    Ok(Ask::Shutdown) => {
                        if let Status::Alive(root) = status {
                            status = Status::Dead(shut_down(&context, root).await);
                        }
                        Payload::local(())
                    }
                    Ok(Ask::Status) => Payload::local(status.clone()),
                    Err(payload) => payload,
                };
                context.reply(from, answer);
            }
            Message::Exit { .. } | Message::Plain(_) | Message::Reply { .. } | Message::Down { .. } => {}
        }
    }
}

async fn start(context: &Context, env: &Env) -> Started {
    let Some(Kind::Supervisor { flags, children }) = env.tree.nodes.get(ROOT).map(|root| root.kind.clone()) else {
        return Started::Failed(ExitReason::new("undef").with_detail("the program has no root"));
    };
    let body = start_supervisor(env, ROOT, flags, &children);
    context.start_link(SpawnOptions { label: ROOT.to_owned(), ..SpawnOptions::default() }, body).await
}

async fn shut_down(context: &Context, root: Pid) -> ExitReason {
    context.exit_signal(root, ExitReason::SHUTDOWN);
    let is_end = |message: &Message| matches!(message, Message::Exit { from, .. } if *from == root);
    match context.receive_match(is_end).await {
        Message::Exit { reason, .. } => reason,
        other => unreachable!("only the root's exit was asked for, not {other:?}"),
    }
}
