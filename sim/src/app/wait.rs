use futures_util::future::{Either, select};
use rusm_core::seam::Seams;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

/// What the future gives, or `None` when that takes longer.
pub(super) async fn within<F: Future>(seams: &Seams, timeout: Duration, future: F) -> Option<F::Output> {
    let deadline = seams.clock.sleep_until(seams.clock.now() + timeout);
    match select(pin!(future), deadline).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
