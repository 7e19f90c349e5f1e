use super::watched::Watched;
use crate::{
    CallError, CallFrom, Called, Calls, Context, Init, Message, Monitored, Next, Node, Payload, Pid, ProcessBody,
    Reference, Server, ServerRef, SpawnOptions, Started,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Named groups of processes, in a process of their own: OTP's `pg`, one scope of it. [`GroupsRef`] asks it.
///
/// A process may join a group several times and is a member as often. When it ends it has left all its groups. A group
/// without members does not exist.
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
    /// Makes processes of this node members of a group, once for each time that they are named. Source: OTP `pg:join/3`.
    ///
    /// # Errors
    /// The scope did not answer.
    pub async fn join(&self, caller: &impl Calls, group: &str, pids: &[Pid]) -> Result<(), CallError> {
        self.ask(caller, Ask::Join(group.to_owned(), pids.to_vec())).await.map(|_| ())
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

    /// Ends a monitor: no event arrives from now on; those in the mailbox stay. False when it was not active. Source: OTP
    /// `pg:demonitor/2`.
    ///
    /// # Errors
    /// The scope did not answer.
    pub async fn demonitor(&self, context: &Context, monitor: Reference) -> Result<bool, CallError> {
        match self.ask(context, Ask::Demonitor(monitor)).await? {
            Answer::Left(active) => Ok(active),
            other => unreachable!("a monitor was to end: {other:?}"),
        }
    }

    async fn ask(&self, caller: &impl Calls, ask: Ask) -> Result<Answer, CallError> {
        self.0.call(caller, ask, Duration::MAX).await
    }
}

/// The process of a scope.
#[derive(Default)]
pub(crate) struct Scope {
    members: Watched<()>,
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

    async fn init(_: &Context, (): ()) -> Init<Self> {
        Init::Up(Self::default(), Next::Receive)
    }

    async fn handle_call(&mut self, context: &Context, ask: Ask, _: CallFrom<Answer>) -> Called<Self> {
        let answer = match ask {
            Ask::Join(group, pids) => {
                for pid in &pids {
                    self.members.add(context, &group, *pid, ());
                }
                self.tell(context, &group, GroupChange::Join, pids);
                Answer::Joined
            }
            Ask::Leave(group, mut pids) => {
                pids.retain(|pid| self.members.remove(context, &group, *pid));
                let left = !pids.is_empty();
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
        if let Message::Down { monitor, object: Monitored::Pid(_), .. } = &message {
            self.watchers.retain(|_, watcher| watcher.monitor != *monitor);
        }
        if let Some((pid, left)) = self.members.down(&message) {
            for (group, count) in left {
                self.tell(context, &group, GroupChange::Leave, vec![pid; count]);
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
        self.members.membership.under(group).map(|(pid, ())| pid).collect()
    }

    fn groups(&self) -> BTreeMap<String, Vec<Pid>> {
        self.members.membership.keys().map(|group| (group.clone(), self.members_of(group))).collect()
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
