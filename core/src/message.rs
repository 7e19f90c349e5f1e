use crate::{ExitReason, NodeId, Pid, Reference};
use bytes::Bytes;
use std::any::Any;
use std::fmt;

/// How to read the bytes of a [`Term`].
// As wide as a word: this is also what tells the kinds of messages apart, and a message whose tag is a byte is copied in
// pieces that the processor waits for.
#[repr(u64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Nobody but the two parties knows.
    Raw,
    /// UTF-8 text.
    Text,
    /// CBOR, RFC 8949.
    Cbor,
    /// JSON, RFC 8259.
    Json,
}

/// A message as bytes: the only form that guests and other nodes see. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// How to read the bytes.
    pub encoding: Encoding,
    /// The content.
    pub bytes: Bytes,
}

impl Term {
    /// A term of that encoding.
    pub fn new(encoding: Encoding, bytes: impl Into<Bytes>) -> Self {
        Self { encoding, bytes: bytes.into() }
    }

    /// No bytes, encoding raw.
    pub const fn empty() -> Self {
        Self { encoding: Encoding::Raw, bytes: Bytes::new() }
    }
}

/// What a message carries: a typed value of this node, or a term.
///
/// ```
/// use rusm_core::{Encoding, Payload, Term};
///
/// let local = Payload::local(42u32);
/// assert_eq!(local.downcast_ref::<u32>(), Some(&42));
/// assert_eq!(local.downcast::<u32>().unwrap(), 42);
///
/// let term = Payload::from(Term::new(Encoding::Text, "hello"));
/// assert_eq!(term.as_term().unwrap().bytes, "hello");
/// assert!(term.downcast::<String>().is_err());
/// ```
pub enum Payload {
    /// Native to native, without a copy. Cannot leave the node or reach a guest.
    Local(Box<dyn Any + Send>),
    /// Bytes with a tag.
    Term(Term),
}

impl Payload {
    /// A typed value.
    pub fn local<T: Any + Send>(value: T) -> Self {
        Self::Local(Box::new(value))
    }

    /// The typed value, or the payload back when it is something else.
    pub fn downcast<T: Any>(self) -> Result<T, Payload> {
        match self {
            Self::Local(value) => value.downcast::<T>().map(|value| *value).map_err(Self::Local),
            Self::Term(_) => Err(self),
        }
    }

    /// The typed value by reference, when it is of that type.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        match self {
            Self::Local(value) => value.downcast_ref(),
            Self::Term(_) => None,
        }
    }

    /// The term, when it is one.
    pub fn as_term(&self) -> Option<&Term> {
        match self {
            Self::Term(term) => Some(term),
            Self::Local(_) => None,
        }
    }
}

impl From<Term> for Payload {
    fn from(term: Term) -> Self {
        Self::Term(term)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(_) => f.write_str("Local(..)"),
            Self::Term(term) => write!(f, "Term({:?}, {} bytes)", term.encoding, term.bytes.len()),
        }
    }
}

/// Who waits for a reply, and to which call. The reference is an alias of the caller: once it gives up, a late reply is
/// dropped. Source: OTP `gen_server:call/3` with process aliases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The process that called.
    pub pid: Pid,
    /// Names this call; the reply goes to it.
    pub reference: Reference,
}

/// What a monitor watches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Monitored {
    /// A process.
    Pid(Pid),
    /// The process that had this local name when the monitor was made.
    Name(String),
    /// The process that had this local name on that node when the monitor arrived there: OTP's `{Name, Node}`.
    NameAt {
        /// The name.
        name: String,
        /// Where.
        node: NodeId,
    },
    /// The process that had this name in the whole cluster when the monitor was made, as this node knew it. Divergence: OTP has no
    /// monitor by a name of `global`; one looks the name up and watches the pid.
    ClusterName(String),
}

/// What lies in a mailbox. Only the runtime makes the kinds `Exit` and `Down`: no send arrives as one.
#[derive(Debug)]
pub enum Message {
    /// An ordinary message.
    Plain(Payload),
    /// A request whose sender waits for a reply.
    Call {
        /// Whom to answer.
        from: Caller,
        /// The request.
        payload: Payload,
    },
    /// The answer to a call of this process.
    Reply {
        /// Which call.
        reference: Reference,
        /// The answer.
        payload: Payload,
    },
    /// An exit signal, as a process that traps exits sees it: OTP's `{'EXIT', From, Reason}`.
    Exit {
        /// Whose exit, or who sent the signal.
        from: Pid,
        /// Why.
        reason: ExitReason,
    },
    /// A monitored process ended: OTP's `{'DOWN', Ref, process, Object, Reason}`.
    Down {
        /// The monitor; it is gone now.
        monitor: Reference,
        /// What it watched.
        object: Monitored,
        /// Why it ended.
        reason: ExitReason,
    },
}

/// Whom a message goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A process.
    Pid(Pid),
    /// Whoever has this local name.
    Name(String),
    /// Whoever has this local name on that node when the message arrives: OTP's `{Name, Node}`. That nobody has it is no
    /// error.
    NameAt {
        /// The name.
        name: String,
        /// Where.
        node: NodeId,
    },
    /// Whoever has this name in the whole cluster, as this node knows it: see [`ClusterNames`](crate::ClusterNames). Source: OTP
    /// `global:send/2` and `{global, Name}`.
    ClusterName(String),
    /// Whoever owns this alias, while it is active.
    Alias(Reference),
}

impl From<Pid> for Destination {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

impl From<&str> for Destination {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Destination {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<Reference> for Destination {
    fn from(alias: Reference) -> Self {
        Self::Alias(alias)
    }
}
