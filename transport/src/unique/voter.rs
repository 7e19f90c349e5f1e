use super::leases::{Command, FencingToken, Leases};
use super::protocol::{Request, Response, Status, VOTER, from_payload, to_term};
use super::raft::{Applied, Home, Log, LogId, Machine, Network, Raft, Snapshot};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, InitializeError, LinearizableReadError, RaftError};
use openraft::{Config, EmptyNode, ReadPolicy, SnapshotPolicy};
use parking_lot::Mutex;
use rusm_core::{
    Caller, ChildSpec, ChildStart, Context, ExitReason, Message, NodeId, Payload, ProcessBody, Timestamp, process_body,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A node's voter: one of the processes that agree on who holds which unique name. 3, 5 or 7 nodes have one, the same on all of them,
/// and any majority of them decides; further nodes only ask. One more voter than an odd number would be one more to ask, and bear the
/// loss of no more nodes.
///
/// It is started by a supervisor of its node, from [`Voter::child_spec`], and registers its [name](Self::NAME). What it
/// has promised lies in the file [`VOTER_FILE`](super::VOTER_FILE) of its node's storage, durable before anybody hears of it. A voter
/// whose file was lost must not come back under the same node's name: it would have forgotten its promises.
///
/// The set of voters is fixed by the configuration of the first start. What they say to each other are ordinary messages.
pub struct Voter;

/// A leader is heard of this often.
const HEARTBEAT_MS: u64 = 250;
/// Who has not heard of a leader for as long as this, and up to as long again, asks to become it.
const ELECTION_MS: u64 = 1_000;
/// A snapshot takes the place of so many entries.
const ENTRIES_PER_SNAPSHOT: u64 = 1_000;
/// And so many older ones stay, for a voter that is a little behind.
const ENTRIES_KEPT: u64 = 100;
/// How long another voter gets for a snapshot.
const SNAPSHOT_TIMEOUT_MS: u64 = 10_000;
/// An end of a lease that was proposed and has not come is proposed again after this time.
const EXPIRE_AGAIN: Duration = Duration::from_secs(1);
/// A voter that cannot start waits before it says so: a disk that is full for a while costs no more than this many restarts.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How many may wait for changes; one more is told at once that there is none.
const WAITING_MAX: usize = 10_000;

impl Voter {
    /// Its local name.
    pub const NAME: &str = VOTER;

    /// The child of a supervisor, with the names of all voters' nodes, its own among them.
    pub fn child_spec(voters: &[&str]) -> ChildSpec {
        let voters: Vec<String> = voters.iter().map(|name| (*name).to_owned()).collect();
        ChildSpec::new("unique_names_voter", ChildStart::Native(Arc::new(move |_| Self::body(&voters)))).name(VOTER)
    }

    /// The body of the process.
    fn body(voters: &[String]) -> ProcessBody {
        let voters: Vec<NodeId> = voters.iter().map(|name| NodeId::of_name(name)).collect();
        process_body(move |context: Context| async move {
            let home = Home::of(&context);
            home.run(async move {
                match Running::start(&context, voters).await {
                    Ok(running) => {
                        context.init_ack();
                        running.run(&context).await
                    }
                    Err(reason) => {
                        context.sleep(AFTER_FAILURE).await;
                        context.init_fail(reason.clone());
                        reason
                    }
                }
            })
            .await
        })
    }
}

/// How many voters there may be.
const VOTERS: [usize; 3] = [3, 5, 7];

/// What the voter is told by its own tasks.
enum Told {
    /// The lease of that name may have changed; of any, when it is none.
    Changed(Option<String>),
}

/// What the voter's processes share.
#[derive(Clone)]
struct Shared {
    home: Home,
    raft: Raft,
    applied: Arc<Mutex<Applied>>,
    voters: Arc<[NodeId]>,
}

struct Running {
    shared: Shared,
    deadlines: BTreeMap<String, Deadline>,
    waiting: Vec<Waiting>,
}

/// When a lease ends that has not begun anew, by this voter's clock.
struct Deadline {
    token: FencingToken,
    renewals: u64,
    at: Timestamp,
}

/// Who waits for a change.
struct Waiting {
    name: String,
    after: u64,
    from: Caller,
    until: Timestamp,
}

impl Running {
    async fn start(context: &Context, voters: Vec<NodeId>) -> Result<Self, ExitReason> {
        let own = context.node().id();
        let distinct: BTreeSet<u64> = voters.iter().map(|voter| voter.as_u32().into()).collect();
        if !VOTERS.contains(&distinct.len()) || distinct.len() != voters.len() || !voters.contains(&own) {
            let why = "there are 3, 5 or 7 voters, each of another node, and this node is one of them";
            return Err(ExitReason::new("badarg").with_detail(why));
        }
        let failed =
            |what: &str, error: &dyn std::fmt::Display| ExitReason::new("raft").with_detail(format!("{what}: {error}"));
        let log = Log::open().await.map_err(|error| failed("opening the log", &error))?;
        let (node, pid) = (context.node().clone(), context.pid());
        let tell = move |name: Option<&str>| {
            // Its own node always reaches it, or it is dead.
            let _ = node.send(pid, Payload::local(Told::Changed(name.map(str::to_owned))));
        };
        let machine = Machine::open(log.clone(), Arc::new(tell)).await;
        let machine = machine.map_err(|error| failed("reading the snapshot", &error))?;
        let applied = machine.applied();
        let config = Config {
            cluster_name: "unique names".to_owned(),
            heartbeat_interval: HEARTBEAT_MS,
            election_timeout_min: ELECTION_MS,
            election_timeout_max: 2 * ELECTION_MS,
            install_snapshot_timeout: SNAPSHOT_TIMEOUT_MS,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(ENTRIES_PER_SNAPSHOT),
            max_in_snapshot_log_to_keep: ENTRIES_KEPT,
            enable_pre_vote: Some(true),
            // It may have lost how far its entries count: a leader that went on as one would answer out of the past.
            enable_leader_restore: Some(false),
            ..Config::default()
        };
        let config = config.validate().map_err(|error| failed("the configuration", &error))?;
        let network = Network(context.node().clone());
        let raft = Raft::new(own.as_u32().into(), Arc::new(config), network, log, machine).await;
        let raft = raft.map_err(|error| failed("starting", &error))?;
        let members: BTreeMap<u64, EmptyNode> =
            voters.iter().map(|voter| (voter.as_u32().into(), EmptyNode {})).collect();
        if !raft.is_initialized().await.map_err(|error| failed("starting", &error))? {
            match raft.initialize(members).await {
                // Another voter's first entry has come meanwhile.
                Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
                Err(error) => return Err(failed("the first start", &error)),
            }
        }
        let known: BTreeSet<u64> = raft.metrics().borrow_watched().membership_config.voter_ids().collect();
        if !known.is_empty() && known != distinct {
            let why = "the voters were others at the first start, and the set is fixed: name the same again";
            return Err(ExitReason::new("badarg").with_detail(why));
        }
        let shared = Shared { home: Home::of(context), raft, applied, voters: voters.into() };
        let watch = shared.clone();
        context.spawn_link(move |_| watch.home.clone().run(async move { watch.until_failed().await }));
        let mut running = Self { shared, deadlines: BTreeMap::new(), waiting: Vec::new() };
        running.changed(context, None);
        Ok(running)
    }

    async fn run(mut self, context: &Context) -> ExitReason {
        loop {
            let now = context.now();
            self.expire(context, now);
            let deadlines = self.deadlines.values().map(|deadline| deadline.at);
            let wake = deadlines.chain(self.waiting.iter().map(|waiting| waiting.until)).min();
            let timeout = wake.map_or(Duration::MAX, |at| at.since(context.now()));
            match context.receive_timeout(timeout, |_| true).await {
                Some(Message::Call { from, payload }) => self.asked(context, from, &payload),
                Some(Message::Plain(payload)) => {
                    if let Ok(Told::Changed(name)) = payload.downcast() {
                        self.changed(context, name.as_deref());
                    }
                }
                Some(Message::Reply { .. } | Message::Exit { .. } | Message::Down { .. }) | None => {}
            }
        }
    }

    /// The lease of a name has changed, or of any.
    fn changed(&mut self, context: &Context, name: Option<&str>) {
        let applied = self.shared.applied.clone();
        let leases = &applied.lock().leases;
        match name {
            Some(name) => self.measure(context, leases, name),
            None => {
                self.deadlines.retain(|name, _| leases.held(name).is_some());
                for (name, _) in leases.iter() {
                    self.measure(context, leases, name);
                }
            }
        }
        let told = |waiting: &Waiting| {
            name.is_none_or(|name| waiting.name == name) && {
                let since = leases.changed_at(&waiting.name);
                let is_news = since > waiting.after;
                if is_news {
                    let owner = leases.held(&waiting.name).map(|held| (held.holder, held.token));
                    context.reply(waiting.from, to_term(&Response::Changed(owner, since)));
                }
                is_news
            }
        };
        self.waiting.retain(|waiting| !told(waiting));
    }

    /// From now on a lease that has begun anew lasts for its time.
    fn measure(&mut self, context: &Context, leases: &Leases, name: &str) {
        let Some(held) = leases.held(name) else {
            self.deadlines.remove(name);
            return;
        };
        let known = self.deadlines.get(name);
        if known.is_none_or(|known| (known.token, known.renewals) != (held.token, held.renewals)) {
            let at = context.now() + held.ttl();
            self.deadlines.insert(name.to_owned(), Deadline { token: held.token, renewals: held.renewals, at });
        }
    }

    /// The one that leads proposes the end of what has lasted its time; and whoever has waited long enough is told.
    fn expire(&mut self, context: &Context, now: Timestamp) {
        let (over, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|waiting| waiting.until <= now);
        self.waiting = waiting;
        let over: Vec<Waiting> = over;
        for Waiting { from, .. } in over {
            context.reply(from, to_term(&Response::Unchanged));
        }
        for (name, deadline) in self.deadlines.iter_mut().filter(|(_, deadline)| deadline.at <= now) {
            deadline.at = now + EXPIRE_AGAIN;
            if self.shared.raft.is_leader() {
                let Deadline { token, renewals, .. } = *deadline;
                let command = Command::Expire { name: name.clone(), token, renewals };
                let shared = self.shared.clone();
                context
                    .spawn_link(move |_| shared.home.clone().run(async move { shared.write(command).await.map(drop) }));
            }
        }
    }

    fn asked(&mut self, context: &Context, from: Caller, payload: &Payload) {
        let Ok(request) = from_payload::<Request>(payload) else {
            context.reply(from, to_term(&Response::Refused("not a request that this version knows".to_owned())));
            return;
        };
        if let Some(why) = self.refused(from, &request) {
            tracing::warn!(caller = ?from.pid, "a request to the voter was refused: {why}");
            context.reply(from, to_term(&Response::Refused(why.to_owned())));
            return;
        }
        if let Request::Changed(name, after, within_ms) = request {
            let until = context.now() + Duration::from_millis(within_ms.into());
            if self.waiting.len() < WAITING_MAX {
                self.waiting.push(Waiting { name: name.clone(), after, from, until });
                self.changed(context, Some(&name));
            } else {
                context.reply(from, to_term(&Response::Unchanged));
            }
            return;
        }
        let shared = self.shared.clone();
        context.spawn_link(move |context| {
            shared.home.clone().run(async move {
                let response = shared.answer(request).await?;
                context.reply(from, to_term(&response));
                Ok::<(), ExitReason>(())
            })
        });
    }

    /// Why a process may not ask for that: a node speaks only for its own processes, and openraft's messages are the voters'.
    fn refused(&self, from: Caller, request: &Request) -> Option<&'static str> {
        match request {
            Request::Append(_) | Request::Vote(_) | Request::PreVote(_) | Request::Snapshot(..) => {
                (!self.shared.voters.contains(&from.pid.node)).then_some("its node is no voter's")
            }
            Request::Command(command) => command.refused(from.pid.node),
            Request::Whereis(_) | Request::Changed(..) | Request::Status | Request::Held(_) => None,
        }
    }
}

impl Shared {
    /// # Errors
    /// The voter cannot go on: with that reason it ends.
    async fn answer(&self, request: Request) -> Result<Response, ExitReason> {
        Ok(match request {
            Request::Append(request) => {
                Response::Append(self.raft.append_entries(request).await.map_err(|e| fatal(&e))?)
            }
            Request::Vote(request) => Response::Vote(self.raft.vote(request).await.map_err(|e| fatal(&e))?),
            Request::PreVote(request) => Response::Vote(self.raft.pre_vote(request).await.map_err(|e| fatal(&e))?),
            Request::Snapshot(vote, meta, snapshot) => {
                let snapshot = Snapshot { meta, snapshot };
                Response::Snapshot(self.raft.install_full_snapshot(vote, snapshot).await.map_err(|e| fatal(&e))?)
            }
            Request::Command(command) => self.write(command).await?,
            Request::Whereis(name) => {
                let owner = |leases: &Leases| leases.held(&name).map(|held| (held.holder, held.token));
                self.read(|leases| Response::Owner(owner(leases))).await?
            }
            Request::Changed(..) => Response::Unchanged,
            Request::Status => Response::Status(self.status()),
            Request::Held(after) => self.read(|leases| Response::Held(leases.behind(&after))).await?,
        })
    }

    fn status(&self) -> Status {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let index = |log_id: &Option<LogId>| log_id.as_ref().map_or(0, |log_id| log_id.index);
        Status {
            leader: metrics.current_leader.and_then(|leader| u32::try_from(leader).ok()),
            term: metrics.current_term,
            applied: index(&metrics.last_applied),
            snapshot: index(&metrics.snapshot),
            purged: index(&metrics.purged),
        }
    }

    async fn write(&self, command: Command) -> Result<Response, ExitReason> {
        match self.raft.client_write(command).await {
            Ok(written) => Ok(Response::Outcome(written.data)),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => Ok(elsewhere(to.leader_id)),
            Err(RaftError::APIError(_)) => Ok(Response::Elsewhere(None)),
            Err(RaftError::Fatal(error)) => Err(fatal(&error)),
        }
    }

    async fn read(&self, answer: impl FnOnce(&Leases) -> Response) -> Result<Response, ExitReason> {
        match self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
            Ok(_) => Ok(answer(&self.applied.lock().leases)),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => Ok(elsewhere(to.leader_id)),
            Err(RaftError::APIError(_)) => Ok(Response::Elsewhere(None)),
            Err(RaftError::Fatal(error)) => Err(fatal(&error)),
        }
    }

    /// Returns when openraft has given up, as it does when the storage fails: the voter then ends too, and its supervisor acts.
    async fn until_failed(&self) -> ExitReason {
        let mut metrics = self.raft.server_metrics();
        loop {
            if let Err(error) = &self.raft.metrics().borrow_watched().running_state {
                return fatal(error);
            }
            if metrics.changed().await.is_err() {
                return ExitReason::new("raft").with_detail("openraft has stopped");
            }
        }
    }
}

fn elsewhere(leader: Option<u64>) -> Response {
    Response::Elsewhere(leader.and_then(|leader| u32::try_from(leader).ok()))
}

fn fatal(error: &dyn std::fmt::Display) -> ExitReason {
    ExitReason::new("raft").with_detail(error.to_string())
}
