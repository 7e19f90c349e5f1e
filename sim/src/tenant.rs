use crate::FaultKind;
use rusm_core::{BoxFuture, Node, Pid};
use std::sync::Arc;
use std::time::Duration;

/// What runs on a host, as faults see it.
pub(crate) trait Tenant: Send + Sync {
    /// Starts it in the present life of its host.
    ///
    /// # Errors
    /// Why it does not run.
    fn boot(self: Arc<Self>) -> BoxFuture<Result<(), String>>;

    /// Its host has crashed: what it held of that life is of no use any more.
    fn crashed(&self);

    /// Its node, when it is up.
    fn node(&self) -> Option<Node>;

    /// The processes that a fault may hit.
    fn processes(&self) -> Vec<Pid>;

    /// The fault that the next entry into one of its components meets, and how long it lasts.
    fn arm(&self, _which: u64, _fault: FaultKind, _lasts: Duration) {}

    /// What one of its components computes takes that many percent of its time; 100 ends it.
    fn slow_guest(&self, _which: u64, _percent: u64) {}

    /// Guests' faults that have not happened will not.
    fn disarm(&self) {}
}
