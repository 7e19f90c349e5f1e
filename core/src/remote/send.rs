use super::convert::{Local, inwards, outwards};
use crate::handle::answer;
use crate::process::Over;
use crate::seam::Pressure;
use crate::signal::{Kind, Signal};
use crate::{ExitReason, Node, NodeId, Pid, RemoteSignal, RemoteTarget};

/// Sends a signal to a process of another node. `there` stands for whoever it goes to when that is not known by pid. Without
/// a connection whoever must hear of it gets `noconnection`. Returns which association it crosses.
pub(crate) fn send(node: &Node, from: Pid, there: Pid, target: Option<RemoteTarget>, signal: Signal) -> Over {
    let (alias, kind) = match outwards(signal.0) {
        Ok(remote) => remote,
        Err(local) => {
            cannot_cross(node, from, there, &local);
            return Over::NONE;
        }
    };
    let to = target.or(alias).unwrap_or(RemoteTarget::Pid(there));
    let mut signal = Some(RemoteSignal { from, to, kind });
    // A second time when the association ends at this moment: then a new one begins.
    for _ in 0..2 {
        let present = node.associations().present(there.node);
        let present = present.or_else(|| begin(node, there.node));
        let Some(association) = present else { break };
        match association.send(there, &mut signal) {
            Some(Pressure::None) => return association.over(),
            Some(Pressure::Hold) => {
                association.hold(node, from);
                return association.over();
            }
            None => {}
        }
    }
    let Some(RemoteSignal { to, kind, .. }) = signal else { return Over::NONE };
    let kind = inwards(Over::NONE, from, &to, kind);
    if let Some(kind) = kind.and_then(|kind| answer(kind, &ExitReason::NOCONNECTION)) {
        drop(node.push(there, from, Signal(kind)));
    }
    Over::NONE
}

fn begin(node: &Node, peer: NodeId) -> Option<super::Association> {
    let lanes = node.peers()?.associate(peer)?;
    Some(node.associate(peer, lanes))
}

/// Only a term can leave the node. A reply that is none ends the call, so that nobody waits for it.
fn cannot_cross(node: &Node, from: Pid, there: Pid, local: &Local) {
    tracing::error!(%from, to = ?there, "a signal cannot be sent to another node: only a term can");
    if let Some(call) = local.answers {
        let reason = ExitReason::new("badarg").with_detail("the reply is no term: it cannot be sent to another node");
        node.signal(from, there, Signal(Kind::Down { monitor: call, reason }));
    }
}
