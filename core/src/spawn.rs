use crate::{ExitReason, MailboxBound, Pid, Reference};
use std::time::Duration;

/// How to spawn a process.
#[derive(Clone, Debug, Default)]
pub struct SpawnOptions {
    /// Link it to its parent, in one step with the spawn.
    pub link: bool,
    /// Let its parent monitor it, in one step with the spawn.
    pub monitor: bool,
    /// Register it under this name before it runs.
    pub name: Option<String>,
    /// What it is, for people: a component's name.
    pub label: String,
    /// How many messages may lie in its mailbox. Default any number.
    pub mailbox: Option<MailboxBound>,
    /// How long a start that waits gives it to say that it is up; then it is killed, and the start has failed with `timeout`.
    /// Default for ever. Source: OTP `gen_server`, option `timeout`.
    pub start_timeout: Option<Duration>,
    /// Who counts as its parent when it is spawned from outside of any process.
    pub parent: Option<Pid>,
}

/// A spawned process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spawned {
    /// The new process.
    pub pid: Pid,
    /// The monitor, when one was asked for.
    pub monitor: Option<Reference>,
}

/// How a start that waits for the new process's init went. Source: OTP `proc_lib:start_link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// It said that it is up.
    Up(Pid),
    /// It said that there is nothing to run: OTP's `ignore`.
    Ignored,
    /// It said why not, or ended before it said anything.
    Failed(ExitReason),
}
