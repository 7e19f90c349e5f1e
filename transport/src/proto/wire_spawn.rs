//! The start of a process in the form in which it crosses.

use super::wire::{WireReason, WireReference, WireTerm, reference_in, reference_out};
use rusm_core::{MailboxBound, Overflow, ProcessSpec, SpawnOutcome, SpawnRequest};
use serde::{Deserialize, Serialize};

/// What is to be started. What a later version adds goes into an extension of the envelope.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireSpawn<'a> {
    request: WireReference,
    kind: &'a str,
    target: &'a str,
    digest: Option<[u8; 32]>,
    #[serde(borrow)]
    args: WireTerm<'a>,
    link: bool,
    monitor: bool,
    init: bool,
    name: Option<&'a str>,
    /// Messages, and whether one more goes back.
    mailbox: Option<(u64, bool)>,
}

impl<'a> WireSpawn<'a> {
    pub(super) fn out(asked: &'a SpawnRequest) -> Self {
        let SpawnRequest { request, spec, link, monitor, init, name, mailbox } = asked;
        // The grants are an extension of the envelope.
        let ProcessSpec { kind, target, digest, args, grants: _ } = spec;
        let mailbox = mailbox.map(|bound| (bound.messages as u64, bound.overflow == Overflow::Return));
        Self {
            request: reference_out(*request),
            kind,
            target,
            digest: *digest,
            args: WireTerm::out(args),
            link: *link,
            monitor: *monitor,
            init: *init,
            name: name.as_deref(),
            mailbox,
        }
    }

    /// `None` when the arguments are of a later version.
    pub(super) fn into_request(self, whole: &bytes::Bytes) -> Option<SpawnRequest> {
        let Self { request, kind, target, digest, args, link, monitor, init, name, mailbox } = self;
        let args = args.into_term(whole)?;
        let mailbox = mailbox.map(|(messages, goes_back)| MailboxBound {
            messages: usize::try_from(messages).unwrap_or(usize::MAX),
            overflow: if goes_back { Overflow::Return } else { Overflow::End },
        });
        let spec = ProcessSpec { kind: kind.to_owned(), target: target.to_owned(), digest, args, grants: None };
        let (request, name) = (reference_in(request), name.map(str::to_owned));
        Some(SpawnRequest { request, spec, link, monitor, init, name, mailbox })
    }
}

/// How that went.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum WireOutcome<'a> {
    Spawned,
    Up,
    Ignored,
    #[serde(borrow)]
    Failed(WireReason<'a>),
}

impl<'a> WireOutcome<'a> {
    pub(super) fn out(outcome: &'a SpawnOutcome) -> Self {
        match outcome {
            SpawnOutcome::Spawned => Self::Spawned,
            SpawnOutcome::Up => Self::Up,
            SpawnOutcome::Ignored => Self::Ignored,
            SpawnOutcome::Failed(reason) => Self::Failed(WireReason::out(reason)),
        }
    }

    /// `None` when the reason is of a later version.
    pub(super) fn into_outcome(self, whole: &bytes::Bytes) -> Option<SpawnOutcome> {
        Some(match self {
            Self::Spawned => SpawnOutcome::Spawned,
            Self::Up => SpawnOutcome::Up,
            Self::Ignored => SpawnOutcome::Ignored,
            Self::Failed(reason) => SpawnOutcome::Failed(reason.into_reason(whole)?),
        })
    }
}
