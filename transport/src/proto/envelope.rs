use super::wire::{
    WORD_LEN_MAX, WirePid, WireReason, WireReference, WireTerm, pid_in, pid_out, reference_in, reference_out,
};
use super::wire_spawn::{WireOutcome, WireSpawn};
use bytes::Bytes;
use rusm_core::{RemoteKind, RemoteSignal, RemoteTarget, Term};
use serde::{Deserialize, Serialize};

/// The first byte of every envelope.
const VERSION: u8 = 1;

/// More extensions than any version has.
const EXTENSIONS_MAX: usize = 16;

/// More than an envelope takes beside its message, mostly.
const SMALL_LEN: usize = 80;

const TRACE: u8 = 1;
const DEADLINE: u8 = 2;
const GRANTS: u8 = 3;

/// A signal with what travels beside it. Extensions that a node does not know it leaves out: that is how a later version
/// adds a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Which trace the sender is part of.
    pub trace: Option<TraceContext>,
    /// Milliseconds from the sending after which nobody waits for an answer.
    pub deadline_ms: Option<u64>,
    /// The signal.
    pub signal: RemoteSignal,
}

/// A position in a trace. Source: W3C Trace Context, `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: u128,
    /// The caller's span.
    pub span_id: u64,
    /// `trace-flags`.
    pub flags: u8,
}

/// Why bytes are no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Another version than 1.
    #[error("an envelope of version {0}")]
    Version(u8),
    /// Not what the format says.
    #[error("not an envelope: {0}")]
    Malformed(&'static str),
}

#[derive(Serialize, Deserialize)]
struct WireEnvelope<'a> {
    #[serde(borrow)]
    extensions: Vec<(u8, &'a [u8])>,
    from: WirePid,
    #[serde(borrow)]
    to: WireTarget<'a>,
    #[serde(borrow)]
    kind: WireKind<'a>,
}

/// A later version may append to this and to [`WireKind`], nothing else; it sends the new only to nodes that say in the
/// handshake that they know it.
#[derive(Serialize, Deserialize)]
enum WireTarget<'a> {
    Pid(WirePid),
    Name(&'a str),
    Alias(WireReference),
    Node,
}

#[derive(Serialize, Deserialize)]
enum WireKind<'a> {
    #[serde(borrow)]
    Message(WireTerm<'a>),
    Call(WireReference, WireTerm<'a>),
    Reply(WireReference, WireTerm<'a>),
    Link,
    Unlink(u64),
    UnlinkAck(u64),
    Exit(WireReason<'a>, bool),
    Monitor(WireReference),
    Demonitor(WireReference),
    Down(WireReference, WireReason<'a>),
    Alive(WireReference),
    AliveReply(WireReference, bool),
    #[serde(borrow)]
    Spawn(WireSpawn<'a>),
    SpawnReply(WireReference, WireOutcome<'a>),
    Timeout(WireReference, WireTerm<'a>),
}

impl Envelope {
    /// An envelope with nothing beside the signal.
    pub fn new(signal: RemoteSignal) -> Self {
        Self { trace: None, deadline_ms: None, signal }
    }

    /// The bytes of it.
    pub fn encode(&self) -> Bytes {
        let trace = self.trace.map(TraceContext::encode);
        let deadline = self.deadline_ms.map(u64::to_le_bytes);
        let mut extensions: Vec<(u8, &[u8])> = Vec::new();
        extensions.extend(trace.as_ref().map(|bytes| (TRACE, &bytes[..])));
        extensions.extend(deadline.as_ref().map(|bytes| (DEADLINE, &bytes[..])));
        let RemoteSignal { from, to, kind } = &self.signal;
        let grants = grants_of(kind).map(|grants| {
            let bytes = postcard::to_stdvec(&WireTerm::out(grants));
            bytes.unwrap_or_else(|error| unreachable!("postcard encodes plain values into memory: {error}"))
        });
        extensions.extend(grants.as_ref().map(|bytes| (GRANTS, &bytes[..])));
        let envelope =
            WireEnvelope { extensions, from: pid_out(*from), to: WireTarget::out(to), kind: WireKind::out(kind) };
        let mut bytes = Vec::with_capacity(SMALL_LEN + kind.message_len());
        bytes.push(VERSION);
        let bytes = postcard::to_extend(&envelope, bytes);
        bytes.unwrap_or_else(|error| unreachable!("postcard encodes plain values into memory: {error}")).into()
    }

    /// Reads an envelope. Messages are not copied: they are parts of `bytes`.
    ///
    /// # Errors
    /// It is none.
    pub fn decode(bytes: &Bytes) -> Result<Self, EnvelopeError> {
        let malformed = EnvelopeError::Malformed;
        let (version, rest) = bytes.split_first().ok_or(malformed("no bytes"))?;
        if *version != VERSION {
            return Err(EnvelopeError::Version(*version));
        }
        let (envelope, rest): (WireEnvelope<'_>, _) =
            postcard::take_from_bytes(rest).map_err(|_| malformed("a field is cut off or has no such value"))?;
        if !rest.is_empty() {
            return Err(malformed("there is more behind it"));
        }
        if envelope.extensions.len() > EXTENSIONS_MAX {
            return Err(malformed("too many extensions"));
        }
        let (mut trace, mut deadline_ms, mut grants) = (None, None, None);
        for (tag, content) in envelope.extensions {
            match tag {
                TRACE => trace = Some(TraceContext::decode(content).ok_or(malformed("a trace context"))?),
                DEADLINE => {
                    let content = content.try_into().map_err(|_| malformed("a deadline"))?;
                    deadline_ms = Some(u64::from_le_bytes(content));
                }
                GRANTS => {
                    let term: WireTerm<'_> = postcard::from_bytes(content).map_err(|_| malformed("grants"))?;
                    grants = Some(term.into_term(bytes).ok_or(malformed("grants"))?);
                }
                _ => {}
            }
        }
        let to = envelope.to.into_target();
        let mut kind = envelope.kind.into_kind(bytes).ok_or(malformed("an encoding or an exit reason"))?;
        match (&mut kind, grants) {
            (RemoteKind::Spawn(asked), grants) => asked.spec.grants = grants,
            (_, Some(_)) => return Err(malformed("grants, and nothing is to be started")),
            (_, None) => {}
        }
        Ok(Self { trace, deadline_ms, signal: RemoteSignal { from: pid_in(envelope.from), to, kind } })
    }
}

/// What a process that is to be started is granted.
fn grants_of(kind: &RemoteKind) -> Option<&Term> {
    match kind {
        RemoteKind::Spawn(asked) => asked.spec.grants.as_ref(),
        _ => None,
    }
}

impl TraceContext {
    fn encode(self) -> [u8; 25] {
        let mut bytes = [0; 25];
        bytes[..16].copy_from_slice(&self.trace_id.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.span_id.to_be_bytes());
        bytes[24] = self.flags;
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (trace_id, rest) = bytes.split_first_chunk()?;
        let (span_id, rest) = rest.split_first_chunk()?;
        let [flags] = rest else { return None };
        Some(Self { trace_id: u128::from_be_bytes(*trace_id), span_id: u64::from_be_bytes(*span_id), flags: *flags })
    }
}

impl<'a> WireTarget<'a> {
    fn out(target: &'a RemoteTarget) -> Self {
        match target {
            RemoteTarget::Pid(pid) => Self::Pid(pid_out(*pid)),
            RemoteTarget::Name(name) => Self::Name(name),
            RemoteTarget::Alias(alias) => Self::Alias(reference_out(*alias)),
            RemoteTarget::Node => Self::Node,
        }
    }

    fn into_target(self) -> RemoteTarget {
        match self {
            Self::Pid(pid) => RemoteTarget::Pid(pid_in(pid)),
            Self::Name(name) => RemoteTarget::Name(name.to_owned()),
            Self::Alias(alias) => RemoteTarget::Alias(reference_in(alias)),
            Self::Node => RemoteTarget::Node,
        }
    }
}

impl<'a> WireKind<'a> {
    fn out(kind: &'a RemoteKind) -> Self {
        match kind {
            RemoteKind::Message(term) => Self::Message(WireTerm::out(term)),
            RemoteKind::Call { reference, request } => Self::Call(reference_out(*reference), WireTerm::out(request)),
            RemoteKind::Reply { reference, answer } => Self::Reply(reference_out(*reference), WireTerm::out(answer)),
            RemoteKind::Link => Self::Link,
            RemoteKind::Unlink { id } => Self::Unlink(*id),
            RemoteKind::UnlinkAck { id } => Self::UnlinkAck(*id),
            RemoteKind::Exit { reason, linked } => {
                debug_assert!(reason.word().len() <= WORD_LEN_MAX, "exit reasons are words");
                Self::Exit(WireReason::out(reason), *linked)
            }
            RemoteKind::Monitor { monitor } => Self::Monitor(reference_out(*monitor)),
            RemoteKind::Demonitor { monitor } => Self::Demonitor(reference_out(*monitor)),
            RemoteKind::Down { monitor, reason } => Self::Down(reference_out(*monitor), WireReason::out(reason)),
            RemoteKind::Alive { request } => Self::Alive(reference_out(*request)),
            RemoteKind::AliveReply { request, alive } => Self::AliveReply(reference_out(*request), *alive),
            RemoteKind::Spawn(request) => Self::Spawn(WireSpawn::out(request)),
            RemoteKind::SpawnReply { request, outcome } => {
                Self::SpawnReply(reference_out(*request), WireOutcome::out(outcome))
            }
            RemoteKind::Timeout { timer, message } => Self::Timeout(reference_out(*timer), WireTerm::out(message)),
        }
    }

    fn into_kind(self, whole: &Bytes) -> Option<RemoteKind> {
        Some(match self {
            Self::Message(term) => RemoteKind::Message(term.into_term(whole)?),
            Self::Call(reference, term) => {
                RemoteKind::Call { reference: reference_in(reference), request: term.into_term(whole)? }
            }
            Self::Reply(reference, term) => {
                RemoteKind::Reply { reference: reference_in(reference), answer: term.into_term(whole)? }
            }
            Self::Link => RemoteKind::Link,
            Self::Unlink(id) => RemoteKind::Unlink { id },
            Self::UnlinkAck(id) => RemoteKind::UnlinkAck { id },
            Self::Exit(reason, linked) => RemoteKind::Exit { reason: reason.into_reason(whole)?, linked },
            Self::Monitor(monitor) => RemoteKind::Monitor { monitor: reference_in(monitor) },
            Self::Demonitor(monitor) => RemoteKind::Demonitor { monitor: reference_in(monitor) },
            Self::Down(monitor, reason) => {
                RemoteKind::Down { monitor: reference_in(monitor), reason: reason.into_reason(whole)? }
            }
            Self::Alive(request) => RemoteKind::Alive { request: reference_in(request) },
            Self::AliveReply(request, alive) => RemoteKind::AliveReply { request: reference_in(request), alive },
            Self::Spawn(spawn) => RemoteKind::Spawn(Box::new(spawn.into_request(whole)?)),
            Self::SpawnReply(request, outcome) => {
                RemoteKind::SpawnReply { request: reference_in(request), outcome: outcome.into_outcome(whole)? }
            }
            Self::Timeout(timer, term) => {
                RemoteKind::Timeout { timer: reference_in(timer), message: term.into_term(whole)? }
            }
        })
    }
}
