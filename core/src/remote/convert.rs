//! Signals of this node as they cross, and back.

use crate::process::Over;
use crate::signal::Kind;
use crate::{Badarg, Caller, Message, Node, Payload, Pid, Reference, RemoteKind, RemoteTarget};

/// Whether a message can be sent to another node.
///
/// # Errors
/// It is no term, or longer than one may be.
pub(crate) fn check_message(node: &Node, payload: &Payload) -> Result<(), Badarg> {
    let Some(term) = payload.as_term() else {
        return Err(Badarg("only a term can be sent to a process of another node".to_owned()));
    };
    match node.peers() {
        Some(peers) if term.bytes.len() > peers.message_len_max() => {
            let (len, max) = (term.bytes.len(), peers.message_len_max());
            Err(Badarg(format!("a message of {len} bytes is too long for another node: at most {max}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// A signal that only this node can carry.
pub(super) struct Local {
    /// The call that it answers, when it does.
    pub(super) answers: Option<Reference>,
}

/// What a signal is for another node, and whom it goes to when that is not the pid.
pub(super) fn outwards(kind: Kind) -> Result<(Option<RemoteTarget>, RemoteKind), Local> {
    let kind = match kind {
        Kind::Message(Message::Plain(Payload::Term(term))) => RemoteKind::Message(term),
        Kind::Message(Message::Call { from, payload: Payload::Term(request) }) => {
            RemoteKind::Call { reference: from.reference, request }
        }
        Kind::Alias { alias, payload: Payload::Term(term) } => {
            return Ok((Some(RemoteTarget::Alias(alias)), RemoteKind::Message(term)));
        }
        Kind::Reply { call, payload: Payload::Term(answer), .. } => {
            return Ok((Some(RemoteTarget::Alias(call)), RemoteKind::Reply { reference: call, answer }));
        }
        Kind::Link { .. } => RemoteKind::Link,
        Kind::Unlink { id } => RemoteKind::Unlink { id },
        Kind::UnlinkAck { id } => RemoteKind::UnlinkAck { id },
        Kind::Exit { reason, linked } => RemoteKind::Exit { reason, linked: linked.is_some() },
        Kind::Monitor { monitor } => RemoteKind::Monitor { monitor },
        Kind::Demonitor { monitor } => RemoteKind::Demonitor { monitor },
        Kind::Down { monitor, reason } => RemoteKind::Down { monitor, reason },
        Kind::Alive { request } => RemoteKind::Alive { request },
        Kind::AliveReply { request, alive } => RemoteKind::AliveReply { request, alive },
        Kind::Reply { call, .. } => return Err(Local { answers: Some(call) }),
        // To another node a call goes as the monitor and the message that it is.
        Kind::Message(_) | Kind::Call { .. } | Kind::Alias { .. } | Kind::Started { .. } => {
            return Err(Local { answers: None });
        }
    };
    Ok((None, kind))
}

/// What a signal of another node is here, over that association.
pub(super) fn inwards(over: Over, from: Pid, to: &RemoteTarget, kind: RemoteKind) -> Kind {
    match (kind, to) {
        // Nobody calls an alias: whoever does is held to the alias, and waits in vain.
        (RemoteKind::Message(term) | RemoteKind::Call { request: term, .. }, RemoteTarget::Alias(alias)) => {
            Kind::Alias { alias: *alias, payload: term.into() }
        }
        (RemoteKind::Reply { answer, .. }, RemoteTarget::Alias(alias)) => {
            Kind::Reply { call: *alias, payload: answer.into(), demonitored: false }
        }
        (RemoteKind::Message(term), _) => Kind::Message(Message::Plain(term.into())),
        (RemoteKind::Call { reference, request }, _) => {
            Kind::Message(Message::Call { from: Caller { pid: from, reference }, payload: request.into() })
        }
        (RemoteKind::Reply { reference, answer }, _) => {
            Kind::Message(Message::Reply { reference, payload: answer.into() })
        }
        (RemoteKind::Link, _) => Kind::Link { over },
        (RemoteKind::Unlink { id }, _) => Kind::Unlink { id },
        (RemoteKind::UnlinkAck { id }, _) => Kind::UnlinkAck { id },
        (RemoteKind::Exit { reason, linked }, _) => Kind::Exit { reason, linked: linked.then_some(over) },
        (RemoteKind::Monitor { monitor }, _) => Kind::Monitor { monitor },
        (RemoteKind::Demonitor { monitor }, _) => Kind::Demonitor { monitor },
        (RemoteKind::Down { monitor, reason }, _) => Kind::Down { monitor, reason },
        (RemoteKind::Alive { request }, _) => Kind::Alive { request },
        (RemoteKind::AliveReply { request, alive }, _) => Kind::AliveReply { request, alive },
    }
}
