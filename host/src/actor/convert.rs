//! Between the values of `rusm:actor/types` and the core's.

use super::bindings::rusm::actor::types as wit;
use crate::limits::REASON_WORD_BYTES_MAX;
use rusm_core::{Caller, Destination, Encoding, ExitReason, NodeId, Pid, Reference, Term};

impl From<Pid> for wit::Pid {
    fn from(pid: Pid) -> Self {
        let Pid { node, incarnation, index, serial, random } = pid;
        Self { node: node.as_u32(), incarnation, index, serial, random }
    }
}

impl From<wit::Pid> for Pid {
    fn from(pid: wit::Pid) -> Self {
        let wit::Pid { node, incarnation, index, serial, random } = pid;
        Self { node: NodeId::from_u32(node), incarnation, index, serial, random }
    }
}

impl From<Reference> for wit::Reference {
    fn from(reference: Reference) -> Self {
        let Reference { node, incarnation, index, serial, random } = reference;
        Self { node: node.as_u32(), incarnation, index, serial, random }
    }
}

impl From<wit::Reference> for Reference {
    fn from(reference: wit::Reference) -> Self {
        let wit::Reference { node, incarnation, index, serial, random } = reference;
        Self { node: NodeId::from_u32(node), incarnation, index, serial, random }
    }
}

impl From<Term> for wit::Term {
    fn from(term: Term) -> Self {
        let encoding = match term.encoding {
            Encoding::Raw => wit::Encoding::Raw,
            Encoding::Text => wit::Encoding::Text,
            Encoding::Cbor => wit::Encoding::Cbor,
            Encoding::Json => wit::Encoding::Json,
        };
        Self { encoding, bytes: term.bytes.into() }
    }
}

impl From<wit::Term> for Term {
    fn from(term: wit::Term) -> Self {
        let encoding = match term.encoding {
            wit::Encoding::Raw => Encoding::Raw,
            wit::Encoding::Text => Encoding::Text,
            wit::Encoding::Cbor => Encoding::Cbor,
            wit::Encoding::Json => Encoding::Json,
        };
        Self::new(encoding, term.bytes)
    }
}

impl From<ExitReason> for wit::ExitReason {
    fn from(reason: ExitReason) -> Self {
        Self { word: reason.word().to_owned(), detail: reason.detail().map(str::to_owned) }
    }
}

impl From<wit::ExitReason> for ExitReason {
    fn from(reason: wit::ExitReason) -> Self {
        let mut word = reason.word;
        word.truncate(word.floor_char_boundary(REASON_WORD_BYTES_MAX));
        let word = Self::new(word);
        match reason.detail {
            Some(detail) => word.with_detail(detail),
            None => word,
        }
    }
}

impl From<Caller> for wit::Caller {
    fn from(caller: Caller) -> Self {
        Self { pid: caller.pid.into(), reference: caller.reference.into() }
    }
}

impl From<wit::Caller> for Caller {
    fn from(caller: wit::Caller) -> Self {
        Self { pid: caller.pid.into(), reference: caller.reference.into() }
    }
}

impl From<wit::Destination> for Destination {
    fn from(to: wit::Destination) -> Self {
        match to {
            wit::Destination::Pid(pid) => Self::Pid(pid.into()),
            wit::Destination::Name(name) => Self::Name(name),
            wit::Destination::ClusterName(name) => Self::ClusterName(name),
            wit::Destination::Alias(alias) => Self::Alias(alias.into()),
            wit::Destination::NameAt(wit::RemoteName { name, node }) => {
                Self::NameAt { name, node: NodeId::of_name(&node) }
            }
        }
    }
}
