use crate::signal::{Kind, Signal};
use crate::{Context, Message, Node, NodeId, Payload, Pid, Reference};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a node knows of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its number.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Its latest life that is known here.
    pub incarnation: u32,
    /// How it is seen from here.
    pub status: NodeStatus,
    /// Why it is seen so.
    pub reason: NodeReason,
    /// What the members of the cluster tell each other of it; none when nobody has said anything, or this node does not take
    /// part in that. A node that is `Unreachable` here and `Up` for the members is one that others do reach.
    pub member: Option<MemberStatus>,
}

/// How another node is seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeStatus {
    /// There is an association with it, and it was heard of not long ago.
    Up,
    /// There is an association with it, and it is silent. Links and monitors stand.
    Suspect,
    /// There is no association with it, and nobody has said that it is gone: the same pids may answer again.
    Unreachable,
    /// There is no association with it, and it has said that it leaves, or the members have given it up. It may come back all
    /// the same: as a new life, or because everybody was wrong.
    Down,
}

impl NodeStatus {
    /// Whether there is an association: OTP's `nodes()` lists those.
    pub fn is_connected(self) -> bool {
        matches!(self, Self::Up | Self::Suspect)
    }
}

/// What the members tell each other of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberStatus {
    /// Some member hears of it.
    Up,
    /// Some member hears nothing of it, directly or through others; it has time to contradict.
    Suspect,
    /// It has left, or has not contradicted in time.
    Down,
}

/// Why a node is seen as it is. The words are those of OTP's `net_kernel:monitor_nodes/2`, `nodedown_reason`, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NodeReason {
    /// It is heard of.
    Heard,
    /// Others have told of it, or this node is to join it; no association with it has begun yet.
    Told,
    /// It is silent.
    Silent,
    /// It was silent for too long: OTP's `net_tick_timeout`.
    NetTickTimeout,
    /// The connection was closed or broke.
    ConnectionClosed,
    /// No connection could be made, or the handshake was refused.
    ConnectionSetupFailed,
    /// It has begun another association: it had lost the last one, or is another life.
    Replaced,
    /// This node ended the association: too much waited to be sent, or the other broke the protocol. OTP's `disconnect`.
    Disconnect,
    /// It has said that it leaves, to this node.
    Shutdown,
    /// The members have given it up, or it has said to them that it leaves.
    GivenUp,
}

impl NodeReason {
    /// The reason in one word, for logs and scripts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::Told => "told",
            Self::Silent => "silent",
            Self::NetTickTimeout => "net_tick_timeout",
            Self::ConnectionClosed => "connection_closed",
            Self::ConnectionSetupFailed => "connection_setup_failed",
            Self::Replaced => "replaced",
            Self::Disconnect => "disconnect",
            Self::Shutdown => "shutdown",
            Self::GivenUp => "given_up",
        }
    }
}

impl fmt::Display for NodeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Something about another node has changed, as a message: `payload.downcast::<NodeEvent>()`. Those of one node come in
/// order, and behind the `noconnection`s that came with the change.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, seam::Seams};
/// use rusm_core::{Message, NodeEvent, NodeId, NodeInfo, NodeReason, NodeStatus};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// let (monitor, known) = context.monitor_nodes();
/// assert!(known.is_empty() && context.node().nodes().is_empty());
/// # let b = NodeInfo {
/// #     id: NodeId::of_name("b"), name: "b".to_owned(), incarnation: 1, status: NodeStatus::Up,
/// #     reason: NodeReason::Heard, member: None,
/// # };
/// # context.node().node_changed(b);
/// // Then the transport says that it has connected to the node `b`:
/// let Message::Plain(payload) = context.receive().await else { panic!("not an event") };
/// let event: NodeEvent = payload.downcast().unwrap();
/// assert!(event.monitor == monitor && event.is_nodeup() && !event.is_nodedown());
/// assert_eq!(event.node.id, NodeId::of_name("b"));
/// assert!(context.demonitor_nodes(monitor));
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEvent {
    /// The monitor.
    pub monitor: Reference,
    /// How the node was seen before; none when nobody here knew of it.
    pub before: Option<NodeStatus>,
    /// What is known now.
    pub node: NodeInfo,
}

impl NodeEvent {
    /// An association has begun: OTP's `nodeup`.
    pub fn is_nodeup(&self) -> bool {
        self.node.status.is_connected() && !self.was_connected()
    }

    /// An association has ended: OTP's `nodedown`.
    pub fn is_nodedown(&self) -> bool {
        !self.node.status.is_connected() && self.was_connected()
    }

    fn was_connected(&self) -> bool {
        self.before.is_some_and(NodeStatus::is_connected)
    }
}

/// The nodes that one node knows of, and who wants to hear of changes.
#[derive(Default)]
pub(crate) struct KnownNodes(Mutex<State>);

#[derive(Default)]
struct State {
    nodes: BTreeMap<NodeId, NodeInfo>,
    monitors: BTreeMap<Reference, Pid>,
    /// The monitors of a process.
    of: BTreeMap<Pid, BTreeSet<Reference>>,
}

impl KnownNodes {
    /// A process has ended.
    pub(crate) fn forget(&self, pid: Pid) {
        let state = &mut *self.0.lock();
        for monitor in state.of.remove(&pid).unwrap_or_default() {
            state.monitors.remove(&monitor);
        }
    }
}

impl Node {
    /// The other nodes that there is an association with, by number: OTP's `nodes()`.
    pub fn nodes(&self) -> Vec<NodeInfo> {
        self.known_nodes().into_iter().filter(|node| node.status.is_connected()).collect()
    }

    /// All other nodes that this one knows of, by number: OTP's `nodes(known)`.
    pub fn known_nodes(&self) -> Vec<NodeInfo> {
        self.nodes_table().0.lock().nodes.values().cloned().collect()
    }

    /// Something about another node has changed. Behind the end of an association, when that is the change.
    ///
    /// Only implementations of [`Peers`](crate::seam::Peers) call it.
    pub fn node_changed(&self, info: NodeInfo) {
        let state = &mut *self.nodes_table().0.lock();
        let before = state.nodes.insert(info.id, info.clone());
        if before.as_ref() == Some(&info) {
            return;
        }
        let before = before.map(|before| before.status);
        for (monitor, pid) in &state.monitors {
            let event = NodeEvent { monitor: *monitor, before, node: info.clone() };
            let message = Message::Plain(Payload::local(event));
            // Not through the delivery seam: the signals of an association's end take none either, and come first. Whoever
            // has just ended has nothing to hear.
            drop(self.push(self.outside(), *pid, Signal(Kind::Message(message))));
        }
    }

    /// Nobody knows anything of that node any more.
    ///
    /// Only implementations of [`Peers`](crate::seam::Peers) call it.
    pub fn node_forgotten(&self, node: NodeId) {
        self.nodes_table().0.lock().nodes.remove(&node);
    }
}

impl Context {
    /// From now on changes of other nodes come as [`NodeEvent`]s; and what is known at this moment. A second monitor is another
    /// one, with events of its own. Source: OTP `net_kernel:monitor_nodes/1`.
    ///
    /// Divergence: the snapshot comes with it, atomically; suspicions are told too, and changes of nodes that there is no
    /// association with.
    pub fn monitor_nodes(&self) -> (Reference, Vec<NodeInfo>) {
        let monitor = self.make_reference();
        let alive = self.node().table().living(self.pid()).is_some_and(|process| process.note());
        let state = &mut *self.node().nodes_table().0.lock();
        if alive {
            state.monitors.insert(monitor, self.pid());
            state.of.entry(self.pid()).or_default().insert(monitor);
        }
        (monitor, state.nodes.values().cloned().collect())
    }

    /// Ends such a monitor; events that are in the mailbox stay. False when there is none.
    pub fn demonitor_nodes(&self, monitor: Reference) -> bool {
        let state = &mut *self.node().nodes_table().0.lock();
        let Some(own) = state.of.get_mut(&self.pid()) else { return false };
        let active = own.remove(&monitor);
        if own.is_empty() {
            state.of.remove(&self.pid());
        }
        if active {
            state.monitors.remove(&monitor);
        }
        active
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeOptions;
    use crate::seam::Seams;

    #[tokio::test]
    async fn only_the_first_and_the_last_word_of_an_association_are_its_begin_and_its_end() {
        use NodeStatus::{Down, Suspect, Unreachable, Up};
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        let cases = [
            (None, Up, (true, false)),
            (Some(Unreachable), Up, (true, false)),
            (Some(Down), Suspect, (true, false)),
            (Some(Up), Suspect, (false, false)),
            (Some(Suspect), Up, (false, false)),
            (Some(Suspect), Down, (false, true)),
            (Some(Up), Unreachable, (false, true)),
            (Some(Unreachable), Down, (false, false)),
            (None, Unreachable, (false, false)),
        ];
        for (before, status, expected) in cases {
            let (id, name, reason) = (NodeId::of_name("b"), "b".to_owned(), NodeReason::Heard);
            let info = NodeInfo { id, name, incarnation: 1, status, reason, member: None };
            let event = NodeEvent { monitor: node.reference(0), before, node: info };
            assert_eq!((event.is_nodeup(), event.is_nodedown()), expected, "{before:?} to {status:?}");
        }
    }

    #[test]
    fn each_reason_has_a_word_and_otps_where_there_is_one() {
        use NodeReason::*;
        let all = [
            Heard,
            Told,
            Silent,
            NetTickTimeout,
            ConnectionClosed,
            ConnectionSetupFailed,
            Replaced,
            Disconnect,
            Shutdown,
            GivenUp,
        ];
        let words: BTreeSet<&str> = all.iter().map(|reason| reason.word()).collect();
        assert_eq!(words.len(), all.len());
        for of_otp in ["net_tick_timeout", "connection_closed", "connection_setup_failed", "disconnect"] {
            assert!(words.contains(of_otp), "{of_otp}");
        }
    }

    #[tokio::test]
    async fn of_a_process_that_has_ended_no_monitor_of_nodes_is_kept() {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        let kept = |node: &Node| {
            let state = node.nodes_table().0.lock();
            (state.monitors.len(), state.of.len())
        };
        let during = node.inside({
            let node = node.clone();
            move |context| async move {
                context.monitor_nodes();
                kept(&node)
            }
        });
        assert_eq!(during.await, Some((1, 1)));
        while node.process_count() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(kept(&node), (0, 0));
    }
}
