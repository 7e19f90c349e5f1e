//! What the calling process does to itself and to others.

use std::time::Duration;

use crate::bindings::actor::rusm::actor::process as host;
use crate::{Caller, Destination, ExitReason, Monitored, Pid, Reference, Refusal, Term};

pub use host::{CallError, Place, Relations, Spawned, StartError};

/// The pid of the calling process.
pub fn self_pid() -> Pid {
    host::self_()
}

/// Starts a component of the manifest as a new process and waits for its `init`. Grant: `spawn`.
///
/// # Errors
/// The grant is missing, or the process ended before its `init` returned.
pub fn spawn(component: &str, args: impl Into<Term>, relations: Relations) -> Result<Spawned, StartError> {
    host::spawn(component, &args.into(), relations)
}

impl Place {
    /// The node of that name; that may be one's own.
    pub fn node(name: impl Into<String>) -> Self {
        Self::Node(name.into())
    }

    /// The node that is responsible for a key: rendezvous hashing chooses it among one's own and those that there is a connection with.
    pub fn of_key(key: impl Into<String>) -> Self {
        Self::Key(key.into())
    }
}

/// Starts a component of the manifest on any node of the cluster and waits for its `init`. Grant: `spawn = ["NAME@NODE"]`.
///
/// The other node runs exactly this code: when it does not have it, it takes it from this node, if its operator accepts that. There
/// the process may do what both nodes grant it.
///
/// # Errors
/// The grant is missing; the process ended before its `init` returned; `noconnection`: the node cannot be reached, or was lost before
/// the process was up; `denied`: it does not have the component and takes none from others.
pub fn spawn_on(
    place: &Place,
    component: &str,
    args: impl Into<Term>,
    relations: Relations,
) -> Result<Spawned, StartError> {
    host::spawn_on(place, component, &args.into(), relations)
}

/// Sends a message. Sending to the dead is no error. Grant, for a name: `reach`.
///
/// # Errors
/// The grant is missing, or nobody has that name.
pub fn send(to: impl Into<Destination>, message: impl Into<Term>) -> Result<(), Refusal> {
    host::send(&to.into(), &message.into())
}

/// Sends a request and waits for its reply. Other messages wait in the mailbox meanwhile. Grant, for a name: `reach`.
///
/// # Errors
/// The grant is missing, nobody has that name, no reply came in time, or the called process ended first.
pub fn call(to: impl Into<Destination>, request: impl Into<Term>, timeout: Duration) -> Result<Term, CallError> {
    host::call(&to.into(), &request.into(), millis(timeout))
}

/// Answers a call, now or in a later callback. A caller that no longer waits gets nothing.
pub fn reply(to: Caller, response: impl Into<Term>) {
    host::reply(to, &response.into());
}

/// Links the two processes: when one ends, the other gets an exit signal.
pub fn link(to: Pid) {
    host::link(to);
}

/// Takes a link away.
pub fn unlink(from: Pid) {
    host::unlink(from);
}

/// Watches a process: one [`Event::Down`](crate::Event::Down) when it ends, with `noproc` if it had ended already.
/// Grant, for a name: `reach`.
///
/// # Errors
/// The grant is missing. A pid is never refused.
pub fn monitor(object: impl Into<Monitored>) -> Result<Reference, Refusal> {
    host::monitor(&object.into())
}

/// Ends a monitor; its `Down` will not come any more.
pub fn demonitor(monitor: Reference) {
    host::demonitor(monitor);
}

/// Ends the calling process at once; `terminate` is not called.
pub fn exit(reason: &ExitReason) -> ! {
    host::exit(reason);
    unreachable!("a process does not outlive its exit")
}

/// Sends an exit signal. `kill` cannot be trapped.
pub fn exit_signal(to: Pid, reason: &ExitReason) {
    host::exit_signal(to, reason);
}

/// Whether a process lives. The question goes behind what this process has sent it. Of one on another node also false when that cannot
/// be reached: a monitor tells which.
pub fn is_alive(pid: Pid) -> bool {
    host::is_alive(pid)
}

/// Turns exit signals into [`Event::Exit`](crate::Event::Exit) (true) or lets them end this process (false, the default).
pub fn trap_exit(on: bool) {
    host::trap_exit(on);
}

/// Gives the calling process a name on this node. Grant: `register`.
///
/// # Errors
/// The grant is missing, or the name is in use.
pub fn register(name: &str) -> Result<(), Refusal> {
    host::register(name)
}

/// Takes a name of this process away. Grant: `register`.
///
/// # Errors
/// The grant is missing, or this process does not have that name.
pub fn unregister(name: &str) -> Result<(), Refusal> {
    host::unregister(name)
}

/// The process that has this name on this node. Grant: `reach`.
///
/// # Errors
/// The grant is missing.
pub fn whereis(name: &str) -> Result<Option<Pid>, Refusal> {
    host::whereis(name)
}

/// Sends a message later, never earlier than after `delay`.
///
/// # Errors
/// The grant for a name is missing.
pub fn send_after(delay: Duration, to: impl Into<Destination>, message: impl Into<Term>) -> Result<Reference, Refusal> {
    host::send_after(millis(delay), &to.into(), &message.into())
}

/// Cancels a timer: what was left of it, nothing when it has fired.
pub fn cancel_timer(timer: Reference) -> Option<Duration> {
    host::cancel_timer(timer).map(Duration::from_millis)
}

/// Whole milliseconds, rounded up, at most about 49 days.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_never_rounded_down() {
        assert_eq!(millis(Duration::from_micros(1)), 1);
        assert_eq!(millis(Duration::from_millis(7)), 7);
        assert_eq!(millis(Duration::MAX), u32::MAX);
    }
}
