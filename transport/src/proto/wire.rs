//! Core's own values in the form in which they cross: tuples of numbers and borrowed bytes.

use rusm_core::{Encoding, ExitReason, NodeId, Pid, Reference, Term};
use serde::{Deserialize, Serialize};

/// Bytes of an exit reason's word; a longer one is no word.
pub(super) const WORD_LEN_MAX: usize = 256;

/// Node, incarnation, index, serial, random part.
pub(super) type WirePid = (u32, u32, u32, u32, u64);

/// Node, incarnation, index, serial, random part.
pub(super) type WireReference = (u32, u32, u32, u64, u64);

pub(super) fn pid_out(pid: Pid) -> WirePid {
    (pid.node.as_u32(), pid.incarnation, pid.index, pid.serial, pid.random)
}

pub(super) fn pid_in((node, incarnation, index, serial, random): WirePid) -> Pid {
    Pid { node: NodeId::from_u32(node), incarnation, index, serial, random }
}

pub(super) fn reference_out(reference: Reference) -> WireReference {
    (reference.node.as_u32(), reference.incarnation, reference.index, reference.serial, reference.random)
}

pub(super) fn reference_in((node, incarnation, index, serial, random): WireReference) -> Reference {
    Reference { node: NodeId::from_u32(node), incarnation, index, serial, random }
}

/// A term: the number of its encoding, and its bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireTerm<'a>(u8, #[serde(borrow)] &'a [u8]);

impl<'a> WireTerm<'a> {
    pub(super) fn out(term: &'a Term) -> Self {
        let encoding = match term.encoding {
            Encoding::Raw => 0,
            Encoding::Text => 1,
            Encoding::Cbor => 2,
            Encoding::Json => 3,
        };
        Self(encoding, &term.bytes)
    }

    /// `None` for an encoding of a later version. The bytes are not copied: they are a part of `whole`.
    pub(super) fn into_term(self, whole: &bytes::Bytes) -> Option<Term> {
        let encoding = match self.0 {
            0 => Encoding::Raw,
            1 => Encoding::Text,
            2 => Encoding::Cbor,
            3 => Encoding::Json,
            _ => return None,
        };
        Some(Term::new(encoding, whole.slice_ref(self.1)))
    }
}

/// An exit reason.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireReason<'a> {
    word: &'a str,
    detail: Option<&'a str>,
    #[serde(borrow)]
    payload: Option<WireTerm<'a>>,
    backtrace: Option<&'a str>,
}

impl<'a> WireReason<'a> {
    pub(super) fn out(reason: &'a ExitReason) -> Self {
        Self {
            word: reason.word(),
            detail: reason.detail(),
            payload: reason.payload().map(WireTerm::out),
            backtrace: reason.backtrace(),
        }
    }

    /// `None` when it breaks a limit or has a payload of a later version.
    pub(super) fn into_reason(self, whole: &bytes::Bytes) -> Option<ExitReason> {
        if self.word.len() > WORD_LEN_MAX {
            return None;
        }
        let mut reason = ExitReason::new(self.word.to_owned());
        if let Some(detail) = self.detail {
            reason = reason.with_detail(detail);
        }
        if let Some(payload) = self.payload {
            // A reason outlives the message that it came in, which may be large.
            let Term { encoding, bytes } = payload.into_term(whole)?;
            reason = reason.with_payload(Term::new(encoding, bytes.to_vec()));
        }
        if let Some(backtrace) = self.backtrace {
            reason = reason.with_backtrace(backtrace);
        }
        Some(reason)
    }
}
