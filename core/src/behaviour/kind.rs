use std::fmt;

/// What a process is an instance of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// An async function with a mailbox, and nothing more.
    #[default]
    Plain,
    /// A [`Server`](crate::Server).
    Server,
    /// A [`StateMachine`](crate::StateMachine).
    StateMachine,
    /// A [`Supervisor`](crate::Supervisor).
    Supervisor,
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain process",
            Self::Server => "server",
            Self::StateMachine => "state machine",
            Self::Supervisor => "supervisor",
        })
    }
}
