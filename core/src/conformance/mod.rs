//! What every implementation of a seam must do: one suite a seam, for whoever writes one.
//!
//! Each suite takes an implementation and panics with the promise that it breaks. The production halves run them in the
//! tests of this crate, the simulated ones in those of `rusm-sim`. None waits for wall-clock time beyond a few
//! milliseconds, and none needs more than the seam says.

mod clock;
mod delivery;
mod entropy;
mod executor;
mod peers;
mod sockets;
mod storage;

pub use clock::clock;
pub use delivery::delivery;
pub use entropy::entropy;
pub use executor::executor;
pub use peers::peers;
pub use sockets::sockets;
pub use storage::storage;

use crate::{Context, Node};
use tokio::sync::oneshot;

/// Runs a process to its end; a panic in it is the suite's.
async fn run<Fut: Future<Output = ()> + Send + 'static>(
    node: &Node,
    body: impl FnOnce(Context) -> Fut + Send + 'static,
) {
    let (done, is_done) = oneshot::channel();
    node.spawn(move |context| async move {
        body(context).await;
        // The suite has failed already when nobody listens.
        let _ = done.send(());
    });
    is_done.await.expect("the receiver sees what it expects");
}

#[cfg(test)]
mod tests;
