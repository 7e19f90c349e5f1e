use crate::{CallError, ExitReason, Message, Payload, Pid, ProcessInfo};
use std::any::Any;

/// Looks at a state, when it is of the type that it knows.
pub(super) type Look = Box<dyn FnOnce(&mut dyn Any) -> Option<Payload> + Send>;

/// What any behaviour can be asked; it travels as a call.
pub(crate) enum SystemRequest {
    Status,
    Suspend,
    Resume,
    Terminate(ExitReason),
    /// With the name of the type that the look knows.
    State(Look, &'static str),
}

/// Whether a message is a system request.
pub(crate) fn is_system(message: &Message) -> bool {
    matches!(message, Message::Call { payload, .. } if payload.downcast_ref::<SystemRequest>().is_some())
}

#[derive(Debug)]
pub(super) enum Answer {
    Done,
    Status(Box<Status>),
    Looked(Payload),
}

/// A behaviour's process, looked at from inside.
#[derive(Clone, Debug)]
pub struct Status {
    /// What the runtime knows of it.
    pub info: ProcessInfo,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Its state, in the words of its behaviour: `format_status`.
    pub state: String,
}

/// Why a process was not looked at, or did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SysError {
    /// It is no behaviour. Nothing was sent.
    #[error("{pid} is a plain process, of {function}: only a behaviour answers system requests")]
    Plain {
        /// Which process.
        pid: Pid,
        /// What it runs.
        function: &'static str,
    },
    /// Its state is of another type. Nothing changed.
    #[error("the state is a {found}, not a {expected}")]
    OtherState {
        /// What was asked for.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A supervisor shows its state in words and in `which_children`, and takes a new spec by `change`. Nothing changed.
    #[error("a supervisor's state cannot be reached")]
    Hidden,
    /// The closure panicked; what it had changed by then stays.
    #[error("the closure panicked: {0}")]
    Panicked(String),
    /// The process did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}
