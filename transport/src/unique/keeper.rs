//! The process that keeps a lease for another: renews it, gives it up, says when it is lost.

use super::lease::{GiveUp, Lease, PassTo, Until};
use super::names::{UniqueNameError, UniqueNames};
use rusm_core::{CallError, Caller, Context, ExitReason, Message, Payload, Pid, Timestamp};
use std::time::Duration;
use tokio::sync::oneshot;

/// What a holder is told with whose lease is lost. The detail is the name.
pub(super) const LOST: &str = "unique_name_lost";

/// How a lease is kept.
#[derive(Clone, Copy)]
pub(super) struct Keep {
    /// How long before the end of a lease that is not renewed its holder hears that it is lost.
    pub(super) early: Duration,
    /// Whether the name is given up when the holder has ended; else the lease ends with its time.
    pub(super) release_at_end: bool,
}

/// Makes the caller the holder of a name, with a keeper that is linked to it.
pub(super) async fn register(
    context: &Context,
    names: &UniqueNames,
    name: &str,
    timeout: Duration,
    keep: Keep,
) -> Result<Lease, UniqueNameError> {
    let (tell, told) = oneshot::channel();
    let keeper = Keeper { names: names.clone(), name: name.to_owned(), holder: context.pid(), keep };
    context.spawn_link(move |context| keeper.run(context, timeout, tell));
    told.await.unwrap_or(Err(UniqueNameError::Call(CallError::Down(ExitReason::KILLED))))
}

struct Keeper {
    names: UniqueNames,
    name: String,
    holder: Pid,
    keep: Keep,
}

/// What ends a lease.
enum End {
    /// The holder gives it up.
    GivenUp(Caller),
    /// The holder has ended.
    HolderEnded,
    /// Nobody waits for it any more.
    NotWanted,
    /// It had ended before it was renewed.
    Ended,
    /// It could not be renewed: it ends with its time.
    Unreachable,
}

impl Keeper {
    async fn run(
        self,
        context: Context,
        timeout: Duration,
        tell: oneshot::Sender<Result<Lease, UniqueNameError>>,
    ) -> ExitReason {
        context.trap_exit(true);
        let (token, sent) = match self.names.acquire(&context, &self.name, self.holder, timeout).await {
            Ok(granted) => granted,
            Err(error) => {
                context.unlink(self.holder);
                // The holder may have ended.
                let _ = tell.send(Err(error));
                return ExitReason::NORMAL;
            }
        };
        let until = Until::new(context.node().seams().clock.clone(), self.end(sent));
        let lease = Lease { name: self.name.as_str().into(), token, keeper: context.pid(), until };
        let end = match tell.send(Ok(lease.clone())) {
            Ok(()) => self.keep(&context, &lease, sent).await,
            Err(_) => End::NotWanted,
        };
        if !matches!(end, End::Unreachable) {
            lease.until.set(Timestamp::default());
        }
        let ttl = self.names.own_ttl();
        match end {
            End::GivenUp(from) => {
                let released = self.names.release(&context, &self.name, token, ttl).await;
                context.unlink(self.holder);
                context.reply(from, Payload::local(released));
            }
            End::HolderEnded if !self.keep.release_at_end => {}
            End::HolderEnded | End::NotWanted => {
                // Without a majority it ends with its time.
                let _ = self.names.release(&context, &self.name, token, ttl).await;
            }
            End::Ended | End::Unreachable => {
                context.unlink(self.holder);
                context.exit_signal(self.holder, ExitReason::new(LOST).with_detail(&*self.name));
            }
        }
        ExitReason::NORMAL
    }

    /// When a lease ends for its holder that was granted or renewed by a request sent at that time: a quarter before its time is over.
    fn end(&self, sent: Timestamp) -> Timestamp {
        sent + self.names.own_ttl() * 3 / 4
    }

    async fn keep(&self, context: &Context, lease: &Lease, mut sent: Timestamp) -> End {
        let ttl = self.names.own_ttl();
        let mut pass_to = None;
        loop {
            let at = sent + ttl / 4;
            if let Some(holder) = pass_to {
                let left = at.since(context.now());
                if self.names.pass(context, &self.name, lease.token, holder, left).await.is_ok() {
                    pass_to = None;
                }
            }
            let message = context.receive_timeout(at.since(context.now()), |_| true).await;
            match message {
                Some(Message::Call { from, payload }) if payload.downcast_ref::<GiveUp>().is_some() => {
                    return End::GivenUp(from);
                }
                Some(Message::Exit { from, .. }) if from == self.holder => return End::HolderEnded,
                Some(Message::Plain(payload)) => {
                    pass_to = payload.downcast().ok().map(|PassTo(holder)| holder).or(pass_to);
                    continue;
                }
                Some(_) => continue,
                None => {}
            }
            let last = self.end(sent).since(context.now()).saturating_sub(self.keep.early);
            match self.names.renew(context, &self.name, lease.token, last).await {
                Ok((true, at)) => {
                    sent = at;
                    lease.until.set(self.end(sent));
                }
                Ok((false, _)) => return End::Ended,
                Err(_) => return End::Unreachable,
            }
        }
    }
}
