//! Names that one process of a whole cluster has at a time: what an app's host asks of whoever grants them on its node, and what a node
//! does that is in no cluster.

mod own;
mod refused;
#[cfg(test)]
mod tests;

pub use own::OwnUniqueNames;
pub use refused::NoUniqueNames;

use crate::{BoxFuture, ChildSpec, Context, Node, Pid, ProcessBody};
use parking_lot::RwLock;
use std::sync::Arc;
use std::time::Duration;

/// Who grants unique names on a node.
pub trait UniqueRegistry: Send + Sync + 'static {
    /// Makes the calling process the holder of a name, until it ends or gives it back. When the name is lost, the process gets the exit
    /// signal `unique_name_lost`, whose detail is the name.
    fn register(&self, context: Arc<Context>, name: String, timeout: Duration) -> BoxFuture<Registered>;

    /// Who holds that name.
    fn whereis(
        &self,
        context: Arc<Context>,
        name: String,
        timeout: Duration,
    ) -> BoxFuture<Result<Option<UniqueHolder>, UniqueError>>;

    /// The child of a supervisor of each node that may run a process which runs once in the cluster, while that name is held here. `stop`
    /// is how long it gets to end by itself when the name is lost.
    fn singleton(&self, name: &str, stop: Duration, process: SingletonProcess) -> ChildSpec;
}

/// What came of a request for a name.
pub type Registered = Result<Arc<dyn UniqueLease>, UniqueError>;

/// Makes the process of a singleton, each time that the name is held here. It says itself when it is [up](Context::init_ack).
pub type SingletonProcess = Arc<dyn Fn(Arc<dyn UniqueLease>) -> ProcessBody + Send + Sync>;

/// A unique name, as its holder has it.
pub trait UniqueLease: Send + Sync + 'static {
    /// Greater than that of each lease before it, of whatever name. At most 53 bits.
    fn token(&self) -> u64;

    /// Whether the name is still its holder's.
    fn is_held(&self) -> bool;

    /// Gives the name back. From the call on it is not held.
    fn release(&self, context: Arc<Context>, timeout: Duration) -> BoxFuture<Result<(), UniqueError>>;
}

/// Who has a name, and by which lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniqueHolder {
    /// The process.
    pub pid: Pid,
    /// See [`UniqueLease::token`].
    pub token: u64,
}

/// Why a unique name was not registered, given back or found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UniqueError {
    /// It is another's, or this process's already. Nothing has changed.
    #[error("the name is {}'s", .0.pid)]
    Taken(UniqueHolder),
    /// No majority of the voters has answered in time. What was asked for may have happened, or may happen yet.
    #[error("no majority of the voters has answered in time")]
    NoMajority,
    /// It cannot be asked for so, or not on this node. Nothing has changed.
    #[error("{0}")]
    Refused(String),
}

#[derive(Clone)]
struct Granting(Arc<RwLock<Arc<dyn UniqueRegistry>>>);

impl Node {
    /// Who grants unique names on this node. Unless [another](Self::set_unique_names) was named, the node itself: [`OwnUniqueNames`].
    pub fn unique_names(&self) -> Arc<dyn UniqueRegistry> {
        self.granting().0.read().clone()
    }

    /// Names who grants unique names on this node from now on: in a cluster its voters.
    pub fn set_unique_names(&self, registry: Arc<dyn UniqueRegistry>) {
        *self.granting().0.write() = registry;
    }

    fn granting(&self) -> Granting {
        self.extension(|_| Granting(Arc::new(RwLock::new(Arc::new(OwnUniqueNames)))))
    }
}
