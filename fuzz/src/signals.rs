use bytes::Bytes;
use rusm_core::seam::{Lanes, Pressure, Seams};
use rusm_core::{
    Context, Node, NodeId, NodeOptions, Pid, ProcessSpec, Reference, RemoteSignal, RemoteTarget, SpawnOptions, Started,
    process_body,
};
use rusm_transport::proto::Envelope;
use std::sync::Arc;

/// Where signals for the other node go.
struct Nowhere;

impl Lanes for Nowhere {
    fn number(&self) -> u64 {
        1
    }

    fn send(&self, _: RemoteSignal) -> Pressure {
        Pressure::None
    }

    fn holds(&self, _: Pid) -> bool {
        false
    }
}

/// Takes envelopes, each with its length in two bytes before it, for those of a node that has associations with the nodes
/// whose processes send them. The node serves on.
pub fn signals(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let node = Node::start(NodeOptions::new("b", Seams::production(std::env::temp_dir())));
        node.register_factory("idle", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(idle))));
        let process = node.spawn(idle);
        let association = node.associate(NodeId::of_name("a"), Arc::new(Nowhere));
        let mut rest = bytes;
        while let Some((len, behind)) = rest.split_first_chunk::<2>() {
            let len = usize::from(u16::from_le_bytes(*len)).min(behind.len());
            let (one, behind) = behind.split_at(len);
            rest = behind;
            let Ok(envelope) = Envelope::decode(&Bytes::copy_from_slice(one)) else { continue };
            let mut signal = envelope.signal;
            // The random part cannot be guessed: what would be refused for that alone tells nothing.
            signal.from.node = NodeId::of_name("a");
            match &mut signal.to {
                RemoteTarget::Pid(pid) => *pid = process,
                RemoteTarget::Alias(alias) => *alias = Reference { node: node.id(), ..*alias },
                RemoteTarget::Name(_) | RemoteTarget::Node => {}
            }
            // Refused or not, nothing else is promised.
            let _ = association.receive(&node, signal);
            tokio::task::yield_now().await;
        }
        association.end(&node);
        let alive = node
            .start_process(SpawnOptions::default(), process_body(|context: Context| async move { context.init_ack() }));
        assert!(matches!(alive.await, Started::Up(_)), "the node serves on");
        assert_eq!(association.relations(), 0, "nothing is kept of it");
    });
}

async fn idle(context: Context) {
    context.trap_exit(true);
    loop {
        context.receive().await;
    }
}
