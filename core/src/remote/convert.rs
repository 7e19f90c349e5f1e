//! Signals of this node as they cross, and back.

use crate::process::Over;
use crate::signal::Kind;
use crate::{
    Badarg, Caller, Message, Node, Payload, Pid, ProcessSpec, Reference, RemoteKind, RemoteTarget, SpawnOutcome,
    SpawnRequest, Started, TimerFired,
};

/// Whether a message can be sent to another node.
///
/// # Errors
/// It is no term, or longer than one may be.
pub(crate) fn check_message(node: &Node, payload: &Payload) -> Result<(), Badarg> {
    let fired = payload.downcast_ref::<TimerFired>();
    let Some(term) = fired.map_or(payload, |fired| &fired.payload).as_term() else {
        return Err(Badarg("only a term can be sent to a process of another node".to_owned()));
    };
    check_len(node, term.bytes.len())
}

/// Whether a request can be sent to another node.
///
/// # Errors
/// It is longer than a message may be.
pub(crate) fn check_request(node: &Node, request: &SpawnRequest) -> Result<(), Badarg> {
    let ProcessSpec { kind, target, args, grants, .. } = &request.spec;
    let terms = args.bytes.len() + grants.as_ref().map_or(0, |grants| grants.bytes.len());
    let len = kind.len() + target.len() + terms + request.name.as_ref().map_or(0, String::len);
    check_len(node, len)
}

fn check_len(node: &Node, len: usize) -> Result<(), Badarg> {
    match node.peers().map(|peers| peers.message_len_max()) {
        Some(max) if len > max => {
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
        Kind::Message(Message::Plain(payload)) => timeout(payload)?,
        Kind::Alias { alias, payload: payload @ Payload::Local(_) } => {
            return Ok((Some(RemoteTarget::Alias(alias)), timeout(payload)?));
        }
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
        Kind::Unlink { id, .. } => RemoteKind::Unlink { id },
        Kind::UnlinkAck { id } => RemoteKind::UnlinkAck { id },
        Kind::Exit { reason, linked } => RemoteKind::Exit { reason, linked: linked.is_some() },
        Kind::Monitor { monitor } => RemoteKind::Monitor { monitor },
        Kind::Demonitor { monitor } => RemoteKind::Demonitor { monitor },
        Kind::Down { monitor, reason } => RemoteKind::Down { monitor, reason },
        Kind::Alive { request } => RemoteKind::Alive { request },
        Kind::AliveReply { request, alive } => RemoteKind::AliveReply { request, alive },
        Kind::Spawn(request) => return Ok((Some(RemoteTarget::Node), RemoteKind::Spawn(request))),
        Kind::Started { request, outcome } => RemoteKind::SpawnReply {
            request,
            outcome: match outcome {
                Started::Up(_) => SpawnOutcome::Up,
                Started::Ignored => SpawnOutcome::Ignored,
                Started::Failed(reason) => SpawnOutcome::Failed(reason),
            },
        },
        Kind::Reply { call, .. } => return Err(Local { answers: Some(call) }),
        // To another node a call goes as the monitor and the message that it is.
        Kind::Message(_) | Kind::Call { .. } | Kind::SpawnReply(_) => return Err(Local { answers: None }),
    };
    Ok((None, kind))
}

/// The one typed value that crosses: what a timer sends.
fn timeout(payload: Payload) -> Result<RemoteKind, Local> {
    match payload.downcast() {
        Ok(TimerFired { timer, payload: Payload::Term(message) }) => Ok(RemoteKind::Timeout { timer, message }),
        Ok(_) | Err(_) => Err(Local { answers: None }),
    }
}

/// What a signal of another node is here, over that association; nothing, if only the association knows what was asked for.
pub(super) fn inwards(over: Over, from: Pid, to: &RemoteTarget, kind: RemoteKind) -> Option<Kind> {
    Some(match (kind, to) {
        // Nobody calls an alias: whoever does is held to the alias, and waits in vain.
        (RemoteKind::Message(term) | RemoteKind::Call { request: term, .. }, RemoteTarget::Alias(alias)) => {
            Kind::Alias { alias: *alias, payload: term.into() }
        }
        (RemoteKind::Reply { answer, .. }, RemoteTarget::Alias(alias)) => {
            Kind::Reply { call: *alias, payload: answer.into(), demonitored: false }
        }
        (RemoteKind::Timeout { timer, message }, to) => {
            let payload = Payload::local(TimerFired { timer, payload: message.into() });
            match to {
                RemoteTarget::Alias(alias) => Kind::Alias { alias: *alias, payload },
                _ => Kind::Message(Message::Plain(payload)),
            }
        }
        (RemoteKind::Message(term), _) => Kind::Message(Message::Plain(term.into())),
        (RemoteKind::Call { reference, request }, _) => {
            Kind::Message(Message::Call { from: Caller { pid: from, reference }, payload: request.into() })
        }
        (RemoteKind::Reply { reference, answer }, _) => {
            Kind::Message(Message::Reply { reference, payload: answer.into() })
        }
        (RemoteKind::Link, _) => Kind::Link { over },
        (RemoteKind::Unlink { id }, _) => Kind::Unlink { id, over },
        (RemoteKind::UnlinkAck { id }, _) => Kind::UnlinkAck { id },
        (RemoteKind::Exit { reason, linked }, _) => Kind::Exit { reason, linked: linked.then_some(over) },
        (RemoteKind::Monitor { monitor }, _) => Kind::Monitor { monitor },
        (RemoteKind::Demonitor { monitor }, _) => Kind::Demonitor { monitor },
        (RemoteKind::Down { monitor, reason }, _) => Kind::Down { monitor, reason },
        (RemoteKind::Alive { request }, _) => Kind::Alive { request },
        (RemoteKind::AliveReply { request, alive }, _) => Kind::AliveReply { request, alive },
        (RemoteKind::Spawn(request), _) => Kind::Spawn(request),
        (RemoteKind::SpawnReply { .. }, _) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::{Lanes, Peers, Seams};
    use crate::{Encoding, NodeId, NodeOptions, Term};
    use std::sync::Arc;

    /// Nobody, to whom only short messages go.
    struct Short;

    impl Peers for Short {
        fn associate(&self, _: NodeId) -> Option<Arc<dyn Lanes>> {
            None
        }

        fn message_len_max(&self) -> usize {
            100
        }
    }

    fn term(len: usize) -> Term {
        Term::new(Encoding::Raw, vec![0; len])
    }

    #[tokio::test]
    async fn what_goes_to_an_alias_is_held_to_it() {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        let (alias, other) = (node.reference(0), node.reference(0));
        let kinds = [
            RemoteKind::Message(term(1)),
            RemoteKind::Call { reference: other, request: term(1) },
            RemoteKind::Timeout { timer: other, message: term(1) },
        ];
        for kind in kinds {
            let said = format!("{kind:?}");
            let kind = inwards(Over(1), node.outside(), &RemoteTarget::Alias(alias), kind);
            assert!(matches!(kind, Some(Kind::Alias { alias: of, .. }) if of == alias), "{said}");
        }
    }

    #[tokio::test]
    async fn a_message_or_a_request_may_be_so_long_and_no_longer() {
        let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
        assert_eq!(check_message(&node, &term(101).into()), Ok(()), "nobody has said how long");
        node.set_peers(Arc::new(Short));
        let request = node.reference(0);
        for (extra, may) in [(0, true), (1, false)] {
            assert_eq!(check_message(&node, &term(100 + extra).into()).is_ok(), may);
            let fired = TimerFired { timer: request, payload: term(100 + extra).into() };
            assert_eq!(check_message(&node, &Payload::local(fired)).is_ok(), may);
            // All that it says counts.
            let text = |len| "x".repeat(len);
            let (args, grants) = (term(25 + extra), Some(term(5)));
            let spec = ProcessSpec { kind: text(10), target: text(20), digest: None, args, grants };
            let (link, monitor, init, name) = (false, false, false, Some(text(40)));
            let asked = SpawnRequest { request, spec, link, monitor, init, name, mailbox: None };
            assert_eq!(check_request(&node, &asked).is_ok(), may);
        }
        assert!(check_message(&node, &Payload::local(1u8)).is_err(), "it is no term");
    }
}
