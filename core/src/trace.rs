use crate::{ExitReason, Node, Pid, SupervisorReport};

/// One thing that happened on a node.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceEvent<'a> {
    /// A process exists; it has not run yet.
    Spawned {
        /// The new process.
        pid: Pid,
        /// Who spawned it; nobody, when it came from outside of any process.
        parent: Option<Pid>,
        /// What it is, for people: a component's name.
        label: &'a str,
    },
    /// A process is dead: its name is free, its pid reaches nobody.
    Exited {
        /// The dead process.
        pid: Pid,
        /// Why.
        reason: &'a ExitReason,
    },
    /// A signal was sent.
    Sent {
        /// By whom.
        from: Pid,
        /// To whom.
        to: Pid,
        /// [`Signal::kind`](crate::Signal::kind).
        kind: &'static str,
    },
    /// A signal was handled by its receiver.
    Handled {
        /// The receiver.
        to: Pid,
        /// The sender.
        from: Pid,
        /// [`Signal::kind`](crate::Signal::kind).
        kind: &'static str,
    },
    /// A process got a name.
    Registered {
        /// The name.
        name: &'a str,
        /// Its process.
        pid: Pid,
    },
    /// A name is free again.
    Unregistered {
        /// The name.
        name: &'a str,
        /// Who had it.
        pid: Pid,
    },
    /// A supervisor did something.
    Supervisor {
        /// Which.
        supervisor: Pid,
        /// What.
        report: &'a SupervisorReport,
    },
    /// Something that a host says about a process.
    Note {
        /// The process.
        pid: Pid,
        /// What it says.
        text: &'a str,
    },
    /// A rare branch was reached.
    Sometimes {
        /// Its name: of a [`Mark`](crate::Mark), or of one of a crate above.
        mark: &'static str,
    },
}

/// Watches a node: OTP's tracer. The simulator records with it, tests look through it.
///
/// It is called in the middle of things, with locks held: it must not call the node.
pub trait Tracer: Send + Sync + 'static {
    /// Called for each event, in the order in which they happen on one thread.
    fn event(&self, node: &Node, event: &TraceEvent<'_>);
}
