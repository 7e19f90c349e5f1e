//! The seams: everything that a runtime takes from the machine it runs on.
//!
//! Each is one small trait with a production half here and a simulated half in `rusm-sim`; both pass the seam's
//! conformance suite. Nothing else in the workspace reads a clock, starts a task, opens a socket or a file, or draws a
//! random number.

mod clock;
mod delivery;
mod entropy;
mod executor;
mod peers;
mod sockets;
mod storage;

pub use clock::{Clock, Timestamp, TokioClock};
pub use delivery::{Delivery, Envelope};
pub use entropy::{Entropy, OsEntropy, RandomStream};
pub use executor::{BoxFuture, Executor, TokioExecutor};
pub use peers::{Lanes, Peers, Pressure};
pub use sockets::{ByteStream, Listener, Sockets, TokioSockets};
pub use storage::{DiskStorage, Storage, StorageFile, check_name};

use std::sync::Arc;

/// The seams that one node runs on.
///
/// ```
/// use rusm_core::seam::{BoxFuture, Clock, Seams, Timestamp};
/// use rusm_core::{Node, NodeOptions};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// /// A clock that is fast: what takes an hour elsewhere takes a second here.
/// struct Fast(Arc<dyn Clock>);
///
/// impl Clock for Fast {
///     fn now(&self) -> Timestamp {
///         Timestamp::from_nanos(self.0.now().as_nanos() * 3600)
///     }
///
///     fn wall(&self) -> Duration {
///         self.0.wall()
///     }
///
///     fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<()> {
///         self.0.sleep_until(Timestamp::from_nanos(deadline.as_nanos().div_ceil(3600)))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut seams = Seams::production(std::env::temp_dir());
/// seams.clock = Arc::new(Fast(seams.clock));
/// let node = Node::start(NodeOptions::new("a", seams));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// node.spawn(move |context| async move {
///     let began = context.now();
///     context.sleep(Duration::from_secs(60)).await;
///     assert!(context.now().since(began) >= Duration::from_secs(60));
/// #     done.send(()).unwrap();
/// });
/// # ended.await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct Seams {
    /// What time is it; wake me then.
    pub clock: Arc<dyn Clock>,
    /// Run this future.
    pub executor: Arc<dyn Executor>,
    /// Hand this signal over; `None` puts it straight into the receiver's queue.
    pub delivery: Option<Arc<dyn Delivery>>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Listen, accept, connect, resolve.
    pub sockets: Arc<dyn Sockets>,
    /// Read, write, sync.
    pub storage: Arc<dyn Storage>,
}

impl Seams {
    /// The production half of every seam: tokio, the operating system, and files below `directory`.
    ///
    /// Must be called on a tokio runtime, which then runs everything.
    pub fn production(directory: impl Into<std::path::PathBuf>) -> Self {
        Self {
            clock: Arc::new(TokioClock::new()),
            executor: Arc::new(TokioExecutor::current()),
            delivery: None,
            entropy: Arc::new(OsEntropy),
            sockets: Arc::new(TokioSockets),
            storage: Arc::new(DiskStorage::new(directory)),
        }
    }
}
