use super::leases::FencingToken;
use super::names::UniqueNameError;
use rusm_core::seam::Clock;
use rusm_core::{Context, Payload, Pid, Timestamp};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A unique name, as its holder has it. Another process renews it; dropped, this changes nothing.
#[derive(Clone)]
pub struct Lease {
    pub(super) name: Arc<str>,
    pub(super) token: FencingToken,
    pub(super) keeper: Pid,
    pub(super) until: Until,
}

/// Until when a lease holds, by its node's clock; written by its keeper.
#[derive(Clone)]
pub(super) struct Until {
    clock: Arc<dyn Clock>,
    nanos: Arc<AtomicU64>,
}

impl Until {
    pub(super) fn new(clock: Arc<dyn Clock>, at: Timestamp) -> Self {
        Self { clock, nanos: Arc::new(AtomicU64::new(at.as_nanos())) }
    }

    pub(super) fn set(&self, at: Timestamp) {
        self.nanos.store(at.as_nanos(), Ordering::SeqCst);
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}

/// Asks the keeper to give the name up.
pub(super) struct GiveUp;

/// Tells the keeper that another process of this node is the holder for all others.
pub(super) struct PassTo(pub(super) Pid);

impl Lease {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Marks what this holder does, for whoever must refuse an earlier one's.
    pub fn token(&self) -> FencingToken {
        self.token
    }

    /// Whether the name is still this process's. What it does without waiting after it has seen true, it does as the only one: see
    /// [`UniqueNames`](super::UniqueNames), "What holds".
    pub fn is_held(&self) -> bool {
        self.until.clock.now() < self.until.at()
    }

    /// Until when the name is this process's, by its node's clock, when nothing is heard of the voters any more. Each renewal moves it
    /// on.
    pub fn held_until(&self) -> Timestamp {
        self.until.at()
    }

    /// Returns when the lease has not been renewed in time, by its node's clock.
    pub(super) async fn run_out(&self) {
        loop {
            let at = self.until.at();
            self.until.clock.sleep_until(at).await;
            if !self.is_held() {
                return;
            }
        }
    }

    /// Makes another process of this node the holder for all others, as soon as that can be. The lease lives and ends as before.
    pub(super) fn pass_to(&self, context: &Context, holder: Pid) {
        // To a pid: the dead are no error.
        let _ = context.send(self.keeper, Payload::local(PassTo(holder)));
    }

    /// Gives the name up. From the call on it is not [held](Self::is_held).
    ///
    /// # Errors
    /// No majority of the voters has said in time that it is free; it is not held any more, and will be free when its time is over.
    pub async fn release(self, context: &Context, timeout: Duration) -> Result<(), UniqueNameError> {
        self.until.set(Timestamp::default());
        let answer = context.call(self.keeper, Payload::local(GiveUp), timeout).await?;
        answer.downcast().unwrap_or(Err(UniqueNameError::NoMajority))
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({:?}, token {}, until {:?})", self.name, self.token, self.until.at())
    }
}
