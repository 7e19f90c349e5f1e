use super::keeper::{self, Keep};
use super::lease::Lease;
use super::leases::{Command, FencingToken, Holder, Outcome};
use super::protocol::{HELD_MAX, Request, Response, VOTER, from_payload, to_term};
use super::status::{HeldName, VoterStatus};
use rusm_core::{CallError, Calls, Context, Destination, NodeId, Payload, Pid, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Names that belong to one process of the whole cluster, at any time, also in a partition: the third kind of name, beside the local
/// and the cluster's. A name is held by a *lease*, which a majority of the [voters](super::Voter) grants, which lasts for a time and
/// is renewed for as long as its holder lives.
///
/// What it costs: each call waits until a majority of the voters has written it down, and without a majority there is no new lease
/// and no renewal: the holders lose their names, and nobody gets them, until there is one again.
///
/// # What holds
/// - No two processes [hold](Lease::is_held) a name at one time, as long as no clock runs more than a third faster than another: a
///   holder reckons with three quarters of the lease's time, from when it asked, and the voters with all of it, from when they
///   agreed. The time of day does not matter.
/// - A process that was stopped between looking at its lease and what it then did, or whose machine slept, may act too late. That is
///   what the [token](FencingToken) is for: it grows with each lease, and a resource that remembers the greatest it has seen
///   ([`Fence`](super::Fence)) refuses the late one.
/// - Calls are linearizable: what a call was told holds at a moment between its beginning and its end.
///
/// Source: Ongaro and Ousterhout, "In search of an understandable consensus algorithm" (2014), by openraft; Gray and Cheriton, "Leases"
/// (1989). OTP has no such names: `global` may have two processes of one name after a partition.
///
/// ```
/// # use rusm_core::{Context, ExitReason, Node, NodeOptions, seam::Seams};
/// # use std::time::Duration;
/// use rusm_transport::unique::UniqueNames;
///
/// async fn keep_ledger(context: Context) -> Result<(), ExitReason> {
///     let names = UniqueNames::of_voters(&["a", "b", "c"]);
///     let timeout = Duration::from_secs(10);
///     let lease = names.register(&context, "ledger", timeout).await.map_err(ExitReason::from)?;
///     while lease.is_held() {
///         // Each change carries lease.token(), and whoever keeps the ledger looks at it.
///         context.receive().await;
///     }
///     Ok(())
/// }
/// # let _ = keep_ledger;
/// ```
#[derive(Clone)]
pub struct UniqueNames {
    voters: Arc<[NodeId]>,
    ttl: Duration,
    /// The voter that is asked first: the last that answered.
    first: Arc<AtomicUsize>,
}

/// Why a name was not registered, or is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UniqueNameError {
    /// It is this process's. Nothing has changed.
    #[error("the name is {0}'s")]
    Taken(Pid, FencingToken),
    /// No majority of the voters has answered in time. What was asked for may have happened, or may happen yet.
    #[error("no majority of the voters has answered in time")]
    NoMajority,
    /// The name, or the time of the lease, is none that can be used. Nothing has changed.
    #[error("badarg: {0}")]
    Refused(String),
    /// The process that keeps the lease has ended. What was asked for may have happened; the lease ends with its time.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<UniqueNameError> for rusm_core::ExitReason {
    fn from(error: UniqueNameError) -> Self {
        Self::new("unique_name").with_detail(error.to_string())
    }
}

/// Who holds a name now: what [`UniqueNames::watch`] sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueNameChanged {
    /// The name.
    pub name: String,
    /// Its holder, if it has one, and by which token.
    pub owner: Option<(Pid, FencingToken)>,
}

/// How long a lease lasts that is not renewed, unless it is said.
const TTL: Duration = Duration::from_secs(15);

/// A voter that has not answered for so long is left for the next.
const TRY: Duration = Duration::from_secs(2);

/// A voter says after so long that a name's holder is still the same.
const WATCH: Duration = Duration::from_secs(10);

/// Between two voters.
const PAUSE: Duration = Duration::from_millis(100);

impl UniqueNames {
    /// The names that the voters of these nodes agree on.
    ///
    /// # Panics
    /// Without voters.
    pub fn of_voters(nodes: &[&str]) -> Self {
        assert!(!nodes.is_empty(), "somebody must vote");
        let voters = nodes.iter().map(|name| NodeId::of_name(name)).collect();
        Self { voters, ttl: TTL, first: Arc::default() }
    }

    /// How long a lease lasts that is not renewed: from 2 seconds to 1 hour, default 15 seconds. That is how long a name is nobody's
    /// after its holder's node was lost. A holder that reaches no majority for three quarters of it has lost the name.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Makes this process the holder of a name of 1 to 255 bytes, and keeps it that: the lease is renewed by a process that is linked
    /// to this one, which gives the name up when this one ends. When the lease is lost, because no majority of the voters
    /// could be reached in time, this process receives the exit signal `unique_name_lost`, whose detail is the name.
    ///
    /// A process may hold several names. A name that it holds already is taken, by itself.
    ///
    /// # Errors
    /// See [`UniqueNameError`].
    pub async fn register(&self, context: &Context, name: &str, timeout: Duration) -> Result<Lease, UniqueNameError> {
        let keep = Keep { early: Duration::ZERO, release_at_end: true };
        keeper::register(context, self, name, timeout, keep).await
    }

    /// Who holds that name, and by which token.
    ///
    /// # Errors
    /// See [`UniqueNameError`].
    pub async fn whereis(
        &self,
        caller: &impl Calls,
        name: &str,
        timeout: Duration,
    ) -> Result<Option<(Pid, FencingToken)>, UniqueNameError> {
        match self.ask(caller, &Request::Whereis(name.to_owned()), timeout).await?.0 {
            Response::Owner(owner) => Ok(owner.map(|(holder, token)| (holder.pid(), token))),
            other => Err(unexpected(&other)),
        }
    }

    /// Tells this process who holds a name, now and whenever that has changed: messages with a [`UniqueNameChanged`]. A lease that is
    /// followed by the next may go unseen. Returns the process that does so, which is linked to this one; it ends with an exit signal.
    pub fn watch(&self, context: &Context, name: &str) -> Pid {
        let (names, name, watcher) = (self.clone(), name.to_owned(), context.pid());
        context.spawn_link(move |context| async move { names.tell_changes(&context, &name, watcher).await })
    }

    async fn tell_changes(&self, context: &Context, name: &str, watcher: Pid) -> UniqueNameError {
        let (mut after, mut told) = (0, None);
        loop {
            let owner = match self.changed(context, name, after, WATCH).await {
                Ok(Some((owner, since))) => {
                    after = since;
                    owner.map(|(holder, token)| (holder.pid(), token))
                }
                // Nobody has ever held it, as far as that voter knows.
                Ok(None) if told.is_none() => None,
                Ok(None) | Err(UniqueNameError::NoMajority) => continue,
                Err(error) => return error,
            };
            if told != Some(owner) {
                told = Some(owner);
                let changed = UniqueNameChanged { name: name.to_owned(), owner };
                // To a pid: the dead are no error.
                let _ = context.send(watcher, Payload::local(changed));
            }
        }
    }

    /// All names that are held, in their order.
    ///
    /// # Errors
    /// See [`UniqueNameError`].
    pub async fn held(&self, caller: &impl Calls, timeout: Duration) -> Result<Vec<HeldName>, UniqueNameError> {
        let deadline = now(caller) + timeout;
        let mut names: Vec<HeldName> = Vec::new();
        loop {
            let after = names.last().map(|last| last.name.clone()).unwrap_or_default();
            match self.ask(caller, &Request::Held(after), deadline.since(now(caller))).await?.0 {
                Response::Held(held) => {
                    let is_last = held.len() < HELD_MAX;
                    names.extend(held.into_iter().map(HeldName::from));
                    if is_last {
                        return Ok(names);
                    }
                }
                other => return Err(unexpected(&other)),
            }
        }
    }

    /// What the voter of one node says of itself. Needs no majority.
    ///
    /// # Errors
    /// Why it says nothing.
    pub async fn status_of(
        &self,
        caller: &impl Calls,
        node: NodeId,
        timeout: Duration,
    ) -> Result<VoterStatus, UniqueNameError> {
        let to = Destination::NameAt { name: VOTER.to_owned(), node };
        let answer = caller.call_process(to, to_term(&Request::Status).into(), timeout).await?;
        match from_payload(&answer) {
            Ok(Response::Status(status)) => Ok(status.into()),
            Ok(other) => Err(unexpected(&other)),
            Err(error) => Err(UniqueNameError::Refused(error.to_string())),
        }
    }

    pub(super) fn own_ttl(&self) -> Duration {
        self.ttl
    }

    /// Acquires, and says when the request was sent that was granted.
    pub(super) async fn acquire(
        &self,
        keeper: &Context,
        name: &str,
        holder: Pid,
        timeout: Duration,
    ) -> Result<(FencingToken, Timestamp), UniqueNameError> {
        let deadline = now(keeper) + timeout;
        let (holder, own) = (Holder::from(holder), Holder::from(keeper.pid()));
        let ttl_ms = u32::try_from(self.ttl.as_millis()).unwrap_or(u32::MAX);
        let mut seen = 0;
        loop {
            let (name, left) = (name.to_owned(), deadline.since(now(keeper)));
            let command = Command::Acquire { name, holder, keeper: own, ttl_ms, seen };
            match self.command(keeper, command, left).await? {
                (Outcome::Granted(token), sent) => return Ok((token, sent)),
                (Outcome::Taken(holder, token), _) => return Err(UniqueNameError::Taken(holder.pid(), token)),
                (Outcome::Ended(entry), _) => seen = entry,
                (other, _) => return Err(unexpected(&Response::Outcome(other))),
            }
        }
    }

    /// Begins a lease anew, and says when the request was sent that did. False when it has ended.
    pub(super) async fn renew(
        &self,
        keeper: &Context,
        name: &str,
        token: FencingToken,
        timeout: Duration,
    ) -> Result<(bool, Timestamp), UniqueNameError> {
        let command = Command::Renew { name: name.to_owned(), keeper: keeper.pid().into(), token };
        let (outcome, sent) = self.command(keeper, command, timeout).await?;
        Ok((outcome == Outcome::Renewed, sent))
    }

    /// Ends a lease, if it has not ended already.
    pub(super) async fn release(
        &self,
        keeper: &Context,
        name: &str,
        token: FencingToken,
        timeout: Duration,
    ) -> Result<(), UniqueNameError> {
        let command = Command::Release { name: name.to_owned(), keeper: keeper.pid().into(), token };
        self.command(keeper, command, timeout).await.map(drop)
    }

    /// Makes another process of the keeper's node the holder, if the lease has not ended.
    pub(super) async fn pass(
        &self,
        keeper: &Context,
        name: &str,
        token: FencingToken,
        holder: Pid,
        timeout: Duration,
    ) -> Result<(), UniqueNameError> {
        let (name, holder) = (name.to_owned(), holder.into());
        let command = Command::Pass { name, keeper: keeper.pid().into(), token, holder };
        self.command(keeper, command, timeout).await.map(drop)
    }

    /// Waits, for at most `within`, until a name's holder has changed after that entry: who it is, and since which entry.
    async fn changed(
        &self,
        caller: &impl Calls,
        name: &str,
        after: u64,
        within: Duration,
    ) -> Result<Option<(Option<(Holder, FencingToken)>, u64)>, UniqueNameError> {
        let within_ms = u32::try_from(within.as_millis()).unwrap_or(u32::MAX);
        let request = Request::Changed(name.to_owned(), after, within_ms);
        match self.ask_each(caller, &request, within + TRY, within + TRY).await?.0 {
            Response::Changed(owner, since) => Ok(Some((owner, since))),
            Response::Unchanged => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until a name's holder is no longer that of this token, as far as a voter knows; but no longer than for a while.
    pub(super) async fn await_change(
        &self,
        caller: &impl Calls,
        name: &str,
        token: FencingToken,
    ) -> Result<(), UniqueNameError> {
        let mut after = token.0;
        loop {
            match self.changed(caller, name, after, WATCH).await? {
                // Its holder has passed it on, by the same lease.
                Some((Some((_, same)), since)) if same == token => after = since,
                _ => return Ok(()),
            }
        }
    }

    async fn command(
        &self,
        caller: &impl Calls,
        command: Command,
        timeout: Duration,
    ) -> Result<(Outcome, Timestamp), UniqueNameError> {
        match self.ask(caller, &Request::Command(command), timeout).await? {
            (Response::Outcome(outcome), sent) => Ok((outcome, sent)),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn ask(
        &self,
        caller: &impl Calls,
        request: &Request,
        timeout: Duration,
    ) -> Result<(Response, Timestamp), UniqueNameError> {
        self.ask_each(caller, request, timeout, TRY).await
    }

    /// Asks one voter after the other until one answers, and says when that one was asked.
    async fn ask_each(
        &self,
        caller: &impl Calls,
        request: &Request,
        timeout: Duration,
        each: Duration,
    ) -> Result<(Response, Timestamp), UniqueNameError> {
        let deadline = now(caller) + timeout;
        let term = to_term(request);
        loop {
            let sent = now(caller);
            let left = deadline.since(sent);
            if left.is_zero() {
                return Err(UniqueNameError::NoMajority);
            }
            let first = self.first.load(Ordering::Relaxed);
            let node = self.voters[first % self.voters.len()];
            let to = Destination::NameAt { name: VOTER.to_owned(), node };
            let next = match caller.call_process(to, term.clone().into(), left.min(each)).await {
                Ok(payload) => match from_payload(&payload) {
                    Ok(Response::Refused(why)) => return Err(UniqueNameError::Refused(why)),
                    Ok(Response::Elsewhere(leader)) => {
                        leader.and_then(|leader| self.voters.iter().position(|voter| voter.as_u32() == leader))
                    }
                    Ok(response) => return Ok((response, sent)),
                    Err(_) => None,
                },
                Err(error @ (CallError::Badarg(_) | CallError::CallingSelf)) => return Err(error.into()),
                Err(_) => None,
            };
            // Another process of this node may have found the leader meanwhile.
            let next = next.filter(|next| *next != first).unwrap_or(first + 1);
            let _ = self.first.compare_exchange(first, next, Ordering::Relaxed, Ordering::Relaxed);
            let clock = &caller.own_node().seams().clock;
            clock.sleep_until(clock.now() + PAUSE.min(deadline.since(clock.now()))).await;
        }
    }
}

fn now(caller: &impl Calls) -> Timestamp {
    caller.own_node().seams().clock.now()
}

fn unexpected(response: &Response) -> UniqueNameError {
    UniqueNameError::Refused(format!("the voter's answer is to something else: {response:?}"))
}
