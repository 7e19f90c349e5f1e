use super::driver::Inner;
use crate::proto::{Envelope, Features, Lane, SendOutcome};
use rusm_core::seam::{Lanes, Peers, Pressure};
use rusm_core::{NodeId, Pid, RemoteSignal};
use std::sync::Arc;

/// Bytes that an envelope takes beside the message in it, at most.
const ENVELOPE_LEN_MAX: usize = 1024;

/// The node's side: where its signals for other nodes go in.
pub(super) struct Outward(pub(super) Arc<Inner>);

impl Peers for Outward {
    fn associate(&self, node: NodeId) -> Option<Arc<dyn Lanes>> {
        let number = self.0.state.lock().endpoint.associate(self.0.clock.now(), node)?;
        self.0.wake.notify_one();
        Some(Arc::new(Line { inner: self.0.clone(), number }))
    }

    fn message_len_max(&self) -> usize {
        (self.0.signal_len_max as usize).saturating_sub(ENVELOPE_LEN_MAX)
    }
}

/// One association.
pub(super) struct Line {
    pub(super) inner: Arc<Inner>,
    pub(super) number: u64,
}

impl Lanes for Line {
    fn number(&self) -> u64 {
        self.number
    }

    fn send(&self, signal: RemoteSignal) -> Pressure {
        let (from, lane) = (signal.from, Lane::of(signal.from));
        let needs = Features::needed_by(&signal.kind);
        let bytes = Envelope::new(signal).encode();
        let outcome = {
            let mut state = self.inner.state.lock();
            let outcome = state.endpoint.send(self.inner.clock.now(), self.number, lane, bytes, needs);
            if outcome == SendOutcome::Full {
                state.held.insert((self.number, lane, from));
            }
            outcome
        };
        self.inner.wake.notify_one();
        match outcome {
            SendOutcome::Full => Pressure::Hold,
            SendOutcome::Taken | SendOutcome::Ended => Pressure::None,
        }
    }

    fn holds(&self, sender: Pid) -> bool {
        self.inner.state.lock().held.contains(&(self.number, Lane::of(sender), sender))
    }
}
