use crate::ExitReason;
use crate::task::panic_message;
use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;

/// A callback's result, or its panic as an exit reason.
pub(crate) async fn caught<T>(callback: impl Future<Output = T>) -> Result<T, ExitReason> {
    AssertUnwindSafe(callback)
        .catch_unwind()
        .await
        .map_err(|panic| ExitReason::PANIC.with_detail(panic_message(panic.as_ref())))
}
