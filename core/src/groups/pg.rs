use super::membership::Membership;
use super::watched::Watched;
use crate::sharing::{COUNT_MAX, Change, Sharer, check_key};
use crate::{
    Badarg, CallError, CallFrom, Called, Calls, ChildSpec, ChildStart, Context, Init, Message, Monitored, Next, Node,
    Payload, Pid, ProcessBody, Reference, Server, ServerRef, SpawnOptions, Started,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Named groups of processes, in a process of their own: OTP's `pg`, one scope of it. [`GroupsRef`] asks it.
///
/// A process may join a group several times and is a member as often. When it ends it has left all its groups. A group
/// without members does not exist.
///
/// Scopes of the same name on the nodes of a cluster have their members in common: each tells the others of those of its own
/// node. When the association between two nodes ends, the members of each have left for the other, and come back with the next
/// one. Source: OTP `pg`, "strong eventual consistency".
///
/// ```
/// # use rusm_core::{Context, ExitReason, Node, NodeOptions, seam::Seams};
/// use rusm_core::{GroupsRef, ProcessGroups};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// ProcessGroups::start(&node, "rooms").await;
/// # let ended = node.spawn(|context: Context| async move {
/// let rooms = GroupsRef::from("rooms");
/// let (monitor, members) = rooms.monitor(&context, "lobby").await.unwrap();
/// assert!(members.is_empty());
/// rooms.join(&context, "lobby", &[context.pid()]).await.unwrap();
/// assert_eq!(rooms.members(&context, "lobby").await.unwrap(), [context.pid()]);
/// # rooms.demonitor(&context, monitor).await.unwrap();
/// # });
/// # assert_eq!(node.await_exit(ended).await, ExitReason::NORMAL);
/// # });
/// ```
pub struct ProcessGroups;

impl ProcessGroups {
    /// The scope that components use, which runs on every node of an app: OTP's scope `pg`. No component can reach it by this name.
    pub const DEFAULT_SCOPE: &str = "rusm:groups";

    /// The process of a scope as a supervisor's child.
    pub fn child_spec(scope: &str) -> ChildSpec {
        ChildSpec::new(scope, ChildStart::Native(Arc::new(|_| Self::body()))).name(scope)
    }

    /// The body of a scope's process, for supervisors. Its name is the scope's.
    pub fn body() -> ProcessBody {
        Scope::body(())
    }

    /// Starts a scope of that name.
    pub async fn start(node: &Node, scope: &str) -> Started {
        node.start_process(options(scope), Self::body()).await
    }

    /// Starts a scope of that name, linked to this process.
    pub async fn start_link(context: &Context, scope: &str) -> Started {
        context.start_link(options(scope), Self::body()).await
    }
}

fn options(scope: &str) -> SpawnOptions {
    SpawnOptions { name: Some(scope.to_owned()), label: scope.to_owned(), ..SpawnOptions::default() }
}

/// What happened to a group that is monitored, as a message: `payload.downcast::<GroupEvent>()`.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, seam::Seams};
/// use rusm_core::{GroupChange, GroupEvent, GroupsRef, LeaveError, Message, ProcessGroups};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// ProcessGroups::start_link(&context, "rooms").await;
/// let (rooms, me) = (GroupsRef::from("rooms"), context.pid());
/// let (monitor, groups) = rooms.monitor_scope(&context).await.unwrap();
/// assert!(groups.is_empty());
/// rooms.join(&context, "lobby", &[me]).await.unwrap();
/// let Message::Plain(payload) = context.receive().await else { panic!("not an event") };
/// let expected = GroupEvent { monitor, group: "lobby".to_owned(), change: GroupChange::Join, members: vec![me] };
/// assert_eq!(payload.downcast::<GroupEvent>().unwrap(), expected);
///
/// assert_eq!(rooms.which_groups(&context).await.unwrap(), ["lobby"]);
/// assert_eq!(rooms.local_members(&context, "lobby").await.unwrap(), [me]);
/// rooms.leave(&context, "lobby", &[me]).await.unwrap();
/// assert_eq!(rooms.leave(&context, "lobby", &[me]).await, Err(LeaveError::NotJoined));
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEvent {
    /// The monitor.
    pub monitor: Reference,
    /// Which group.
    pub group: String,
    /// What happened.
    pub change: GroupChange,
    /// To whom, each as often as it happened.
    pub members: Vec<Pid>,
}

/// What can happen to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// They joined.
    Join,
    /// They left, or ended.
    Leave,
}

/// Why nobody left a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaveError {
    /// None of them was a member. Nothing changed.
    #[error("not_joined: none of them is a member")]
    NotJoined,
    /// The scope did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A scope of [`ProcessGroups`], by name or pid, as its users see it.
#[derive(Clone, Debug)]
pub struct GroupsRef(ServerRef<Scope>);

impl Default for GroupsRef {
    /// The [default scope](ProcessGroups::DEFAULT_SCOPE).
    fn default() -> Self {
        Self::from(ProcessGroups::DEFAULT_SCOPE)
    }
}

impl From<Pid> for GroupsRef {
    fn from(pid: Pid) -> Self {
        Self(pid.into())
    }
}

impl From<&str> for GroupsRef {
    fn from(scope: &str) -> Self {
        Self(scope.into())
    }
}

impl GroupsRef {
    /// Makes processes of this node members of a group, once for each time that they are named. The group's name has at most 255
    /// bytes. Source: OTP `pg:join/3`.
    ///
    /// # Errors
    /// One of them lives on another node, or has joined 65,535 times, the name is too long, or the scope did not answer: nothing
    /// changed.
    pub async fn join(&self, caller: &impl Calls, group: &str, pids: &[Pid]) -> Result<(), CallError> {
        if pids.iter().any(|pid| pid.node != caller.own_node().id()) {
            return Err(Badarg("nolocal: only processes of this node can join".to_owned()).into());
        }
        check_key(group)?;
        match self.ask(caller, Ask::Join(group.to_owned(), pids.to_vec())).await? {
            Answer::TooOften => Err(Badarg(format!("a process joins a group at most {COUNT_MAX} times")).into()),
            _ => Ok(()),
        }
    }

    /// Takes one membership of each of them away. Source: OTP `pg:leave/3`.
    ///
    /// # Errors
    /// None of them is a member, or the scope did not answer.
    pub async fn leave(&self, caller: &impl Calls, group: &str, pids: &[Pid]) -> Result<(), LeaveError> {
        match self.ask(caller, Ask::Leave(group.to_owned(), pids.to_vec())).await? {
            Answer::Left(true) => Ok(()),
            _ => Err(LeaveError::NotJoined),
        }
    }

    /// The members of a group, by pid, each as often as it joined. Source: OTP `pg:get_members/2`.
    ///
    /// # Errors
    /// The scope did not answer.
    pub async fn members(&self, caller: &impl Calls, group: &str) -> Result<Vec<Pid>, CallError> {
        match self.ask(caller, Ask::Members(group.to_owned())).await? {
            Answer::Members(members) => Ok(members),
            other => unreachable!("members were asked for: {other:?}"),
        }
    }

    /// Those of the members that live on this node. Source: OTP `pg:get_local_members/2`.
    ///
    /// # Errors
    /// The scope did not answer.
    pub async fn local_members(&self, caller: &impl Calls, group: &str) -> Result<Vec<Pid>, CallError> {
        let here = caller.own_node().id();
        let members = self.members(caller, group).await?;
        Ok(members.into_iter().filter(|member| member.node == here).collect())
    }

    /// The groups that have members, sorted. Source: OTP `pg:which_groups/1`.
    ///
    /// # Errors
    /// The scope did not answer.
    pub async fn which_groups(&self, caller: &impl Calls) -> Result<Vec<String>, CallError> {
        match self.ask(caller, Ask::Groups).await? {
            Answer::Groups(groups) => Ok(groups.into_keys().collect()),
            other => unreachable!("groups were asked for: {other:?}"),
        }
    }

    /// Has this process told of whoever joins and leaves a group from now on, with a [`GroupEvent`] each: the members are
    /// those just before. Source: OTP `pg:monitor/2`.
    ///
    /// # Errors
    /// The scope did not answer.
    pub async fn monitor(&self, context: &Context, group: &str) -> Result<(Reference, Vec<Pid>), CallError> {
        let monitor = context.make_reference();
        match self.ask(context, Ask::Monitor(monitor, context.pid(), group.to_owned())).await? {
            Answer::Members(members) => Ok((monitor, members)),
            other => unreachable!("members were asked for: {other:?}"),
        }
    }

    /// The same for all groups of the scope. Source: OTP `pg:monitor_scope/1`.
    ///
    /// # Errors
    /// The scope did not answer.
    pub async fn monitor_scope(&self, context: &Context) -> Result<(Reference, BTreeMap<String, Vec<Pid>>), CallError> {
        let monitor = context.make_reference();
        match self.ask(context, Ask::MonitorScope(monitor, context.pid())).await? {
            Answer::Groups(groups) => Ok((monitor, groups)),
            other => unreachable!("groups were asked for: {other:?}"),
        }
    }

    /// Ends a monitor: no event of it arrives from now on, and those in the mailbox are gone, whatever the scope answers. False
    /// when it was not active. Source: OTP `pg:demonitor/2`.
    ///
    /// # Errors
    /// The scope did not answer.
    pub async fn demonitor(&self, context: &Context, monitor: Reference) -> Result<bool, CallError> {
        let answer = self.ask(context, Ask::Demonitor(monitor)).await;
        while context.try_receive(|message| is_event_of(message, monitor)).is_some() {}
        match answer? {
            Answer::Left(active) => Ok(active),
            other => unreachable!("a monitor was to end: {other:?}"),
        }
    }

    async fn ask(&self, caller: &impl Calls, ask: Ask) -> Result<Answer, CallError> {
        self.0.call(caller, ask, Duration::MAX).await
    }
}

fn is_event_of(message: &Message, monitor: Reference) -> bool {
    let Message::Plain(payload) = message else { return false };
    payload.downcast_ref::<GroupEvent>().is_some_and(|event| event.monitor == monitor)
}

/// The process of a scope.
pub(crate) struct Scope {
    /// Of this node.
    members: Watched<()>,
    /// Of other nodes.
    others: Membership<()>,
    sharer: Sharer,
    watchers: BTreeMap<Reference, Watcher>,
}

struct Watcher {
    pid: Pid,
    /// None watches all.
    group: Option<String>,
    /// Of the watcher itself.
    monitor: Reference,
}

pub(crate) enum Ask {
    Join(String, Vec<Pid>),
    Leave(String, Vec<Pid>),
    Members(String),
    Groups,
    Monitor(Reference, Pid, String),
    MonitorScope(Reference, Pid),
    Demonitor(Reference),
}

#[derive(Debug)]
pub(crate) enum Answer {
    Joined,
    TooOften,
    Left(bool),
    Members(Vec<Pid>),
    Groups(BTreeMap<String, Vec<Pid>>),
}

impl Server for Scope {
    type Args = ();
    type Call = Ask;
    type Reply = Answer;
    type Cast = ();
    type Continue = ();

    async fn init(context: &Context, (): ()) -> Init<Self> {
        let scope = context.node().registry().name_of(context.pid()).unwrap_or_default();
        let sharer = Sharer::start(context, &scope);
        let (members, others, watchers) = (Watched::default(), Membership::default(), BTreeMap::new());
        Init::Up(Self { members, others, sharer, watchers }, Next::Receive)
    }

    async fn handle_call(&mut self, context: &Context, ask: Ask, _: CallFrom<Answer>) -> Called<Self> {
        let answer = match ask {
            Ask::Join(group, pids) if self.is_too_often(&group, &pids) => Answer::TooOften,
            Ask::Join(group, pids) => {
                for pid in &pids {
                    self.members.add(context, &group, *pid, ());
                }
                self.share(context, &group, GroupChange::Join, &pids);
                self.tell(context, &group, GroupChange::Join, pids);
                Answer::Joined
            }
            Ask::Leave(group, mut pids) => {
                pids.retain(|pid| self.members.remove(context, &group, *pid));
                let left = !pids.is_empty();
                self.share(context, &group, GroupChange::Leave, &pids);
                self.tell(context, &group, GroupChange::Leave, pids);
                Answer::Left(left)
            }
            Ask::Members(group) => Answer::Members(self.members_of(&group)),
            Ask::Groups => Answer::Groups(self.groups()),
            Ask::Monitor(reference, pid, group) => {
                let members = self.members_of(&group);
                self.watch(context, reference, pid, Some(group));
                Answer::Members(members)
            }
            Ask::MonitorScope(reference, pid) => {
                self.watch(context, reference, pid, None);
                Answer::Groups(self.groups())
            }
            Ask::Demonitor(reference) => {
                let watcher = self.watchers.remove(&reference);
                Answer::Left(watcher.map(|watcher| context.demonitor_flush(watcher.monitor)).is_some())
            }
        };
        Called::Reply(answer, Next::Receive)
    }

    async fn handle_info(&mut self, context: &Context, message: Message) -> Next<Self> {
        let message = self.sharer.handle(context, message);
        while let Some(change) = self.sharer.poll_change() {
            self.others_changed(context, &change);
        }
        let Some(message) = message else { return Next::Receive };
        if let Message::Down { monitor, object: Monitored::Pid(_), .. } = &message {
            self.watchers.retain(|_, watcher| watcher.monitor != *monitor);
        }
        if let Some((pid, left)) = self.members.down(&message) {
            for (group, count) in left {
                let pids = vec![pid; count];
                self.share(context, &group, GroupChange::Leave, &pids);
                self.tell(context, &group, GroupChange::Leave, pids);
            }
        }
        Next::Receive
    }

    fn format_status(&self) -> String {
        let groups = self.groups().into_iter().map(|(group, members)| format!("{group}: {}", members.len()));
        format!("members {{{}}}, {} monitors", groups.collect::<Vec<_>>().join(", "), self.watchers.len())
    }
}

impl Scope {
    fn members_of(&self, group: &str) -> Vec<Pid> {
        let members = self.members.membership.under(group).chain(self.others.under(group));
        let mut members: Vec<Pid> = members.map(|(pid, ())| pid).collect();
        members.sort_unstable();
        members
    }

    fn groups(&self) -> BTreeMap<String, Vec<Pid>> {
        let groups = self.members.membership.keys().chain(self.others.keys());
        groups.map(|group| (group.clone(), self.members_of(group))).collect()
    }

    fn is_too_often(&self, group: &str, pids: &[Pid]) -> bool {
        let max = COUNT_MAX as usize;
        pids.iter().any(|pid| self.members.membership.count(group, *pid) + pids.len() > max)
    }

    /// Tells the scopes of other nodes what members of this one do.
    fn share(&mut self, context: &Context, group: &str, change: GroupChange, pids: &[Pid]) {
        let stamp = (change == GroupChange::Join).then_some(0);
        let change = |pid: &Pid| Change { key: group.to_owned(), pid: *pid, count: 1, stamp };
        self.sharer.share(context, pids.iter().map(change).collect());
    }

    /// Members of another node have come or gone.
    fn others_changed(&mut self, context: &Context, change: &Change) {
        let Change { key: group, pid, count, stamp } = change;
        let mut members = Vec::new();
        for _ in 0..*count {
            if stamp.is_some() {
                self.others.add(group, *pid, ());
            } else if !self.others.remove(group, *pid) {
                break;
            }
            members.push(*pid);
        }
        let change = if stamp.is_some() { GroupChange::Join } else { GroupChange::Leave };
        self.tell(context, group, change, members);
    }

    fn watch(&mut self, context: &Context, reference: Reference, pid: Pid, group: Option<String>) {
        let monitor = context.monitor(pid);
        self.watchers.insert(reference, Watcher { pid, group, monitor });
    }

    fn tell(&self, context: &Context, group: &str, change: GroupChange, members: Vec<Pid>) {
        if members.is_empty() {
            return;
        }
        for (monitor, watcher) in &self.watchers {
            if watcher.group.as_deref().is_none_or(|watched| watched == group) {
                let (monitor, group) = (*monitor, group.to_owned());
                let event = GroupEvent { monitor, group, change, members: members.clone() };
                let sent = context.send(watcher.pid, Payload::local(event));
                debug_assert!(sent.is_ok(), "sending to a pid never fails");
            }
        }
    }
}
