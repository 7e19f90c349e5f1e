//! How pids, reasons and refusals are written, and what turns into a destination.

use std::fmt;

use crate::bindings::actor::rusm::actor::types::{
    Destination, ExitReason, Monitored, Pid, Reference, Refusal, RemoteName,
};

/// As OTP writes it: `<index.serial>`.
impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}.{}>", self.index, self.serial)
    }
}

impl ExitReason {
    /// A reason of one word and no detail.
    pub fn new(word: impl Into<String>) -> Self {
        Self { word: word.into(), detail: None }
    }

    /// The orderly end.
    pub fn normal() -> Self {
        Self::new("normal")
    }

    /// The same reason with an explanation for people; the host keeps its first 4 KiB.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

/// `word`, or `word(detail)`.
impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{}({detail})", self.word),
            None => f.write_str(&self.word),
        }
    }
}

impl From<Pid> for Destination {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

/// A local registered name.
impl From<&str> for Destination {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<&String> for Destination {
    fn from(name: &String) -> Self {
        Self::Name(name.clone())
    }
}

/// An alias.
impl From<Reference> for Destination {
    fn from(alias: Reference) -> Self {
        Self::Alias(alias)
    }
}

impl RemoteName {
    /// A registered name on another node of the cluster. The grant is `reach = ["NAME@NODE"]`.
    pub fn new(name: impl Into<String>, node: impl Into<String>) -> Self {
        Self { name: name.into(), node: node.into() }
    }
}

impl From<RemoteName> for Destination {
    fn from(name: RemoteName) -> Self {
        Self::NameAt(name)
    }
}

impl From<RemoteName> for Monitored {
    fn from(name: RemoteName) -> Self {
        Self::NameAt(name)
    }
}

impl From<Pid> for Monitored {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

impl From<&str> for Monitored {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl Refusal {
    /// The host's text: the missing grant, or what does not fit.
    pub fn text(&self) -> &str {
        match self {
            Self::Denied(text) | Self::Badarg(text) => text,
        }
    }
}
