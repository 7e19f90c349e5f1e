use super::{Registered, SingletonProcess, UniqueError, UniqueHolder, UniqueLease, UniqueRegistry};
use crate::{BoxFuture, ChildSpec, ChildStart, Context, ExitReason, Node, Pid, ProcessBody, Shutdown, process_body};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Tokens of one life of a node before those of the next, as a power of two: with 32 bits of the life's number they have 53 bits.
const TOKENS_OF_A_LIFE_LOG2: u32 = 21;

/// Bytes of a name.
const NAME_LEN_MAX: usize = 255;

/// A node that is in no cluster grants unique names itself: one of its processes has a name until it ends or gives it back. Tokens
/// grow over the node's lives, as its incarnation does; a life has 2,097,151 of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnUniqueNames;

/// Who holds what on one node.
#[derive(Default)]
struct Held {
    names: BTreeMap<String, UniqueHolder>,
    granted: u64,
}

type SharedHeld = Arc<Mutex<Held>>;

fn held(node: &Node) -> SharedHeld {
    node.extension(|_| SharedHeld::default())
}

impl OwnUniqueNames {
    fn grant(node: &Node, name: &str, pid: Pid) -> Result<OwnLease, UniqueError> {
        if name.is_empty() || name.len() > NAME_LEN_MAX {
            return Err(UniqueError::Refused("a unique name has 1 to 255 bytes".to_owned()));
        }
        if let Some(holder) = Self::holder(node, name) {
            return Err(UniqueError::Taken(holder));
        }
        let held = held(node);
        let mut held = held.lock();
        held.granted += 1;
        if held.granted >> TOKENS_OF_A_LIFE_LOG2 != 0 {
            let why = "this life of the node has no token left: start the node again, or make it a cluster with voters";
            return Err(UniqueError::Refused(why.to_owned()));
        }
        let token = (u64::from(node.incarnation()) << TOKENS_OF_A_LIFE_LOG2) + held.granted;
        held.names.insert(name.to_owned(), UniqueHolder { pid, token });
        Ok(OwnLease { node: node.clone(), name: name.to_owned(), token })
    }

    /// Whoever has it and lives.
    fn holder(node: &Node, name: &str) -> Option<UniqueHolder> {
        let holder = held(node).lock().names.get(name).copied();
        holder.filter(|holder| node.process_info(holder.pid).is_some())
    }
}

impl UniqueRegistry for OwnUniqueNames {
    fn register(&self, context: Arc<Context>, name: String, _: Duration) -> BoxFuture<Registered> {
        let granted = Self::grant(context.node(), &name, context.pid());
        Box::pin(async move { granted.map(|lease| Arc::new(lease) as Arc<dyn UniqueLease>) })
    }

    fn whereis(
        &self,
        context: Arc<Context>,
        name: String,
        _: Duration,
    ) -> BoxFuture<Result<Option<UniqueHolder>, UniqueError>> {
        let holder = Self::holder(context.node(), &name);
        Box::pin(async move { Ok(holder) })
    }

    /// There is one node: it runs the process.
    fn singleton(&self, name: &str, stop: Duration, process: SingletonProcess) -> ChildSpec {
        let id = name.to_owned();
        let name = id.clone();
        let start = move |_| -> ProcessBody {
            let (name, process) = (name.clone(), process.clone());
            process_body(move |context: Context| async move {
                match Self::grant(context.node(), &name, context.pid()) {
                    Ok(lease) => process(Arc::new(lease)).run(context).await,
                    Err(error) => ExitReason::new("unique_name").with_detail(error.to_string()),
                }
            })
        };
        ChildSpec::new(id, ChildStart::Native(Arc::new(start))).shutdown(Shutdown::Timeout(stop))
    }
}

struct OwnLease {
    node: Node,
    name: String,
    token: u64,
}

impl UniqueLease for OwnLease {
    fn token(&self) -> u64 {
        self.token
    }

    fn is_held(&self) -> bool {
        OwnUniqueNames::holder(&self.node, &self.name).is_some_and(|holder| holder.token == self.token)
    }

    fn release(&self, _: Arc<Context>, _: Duration) -> BoxFuture<Result<(), UniqueError>> {
        let held = held(&self.node);
        let mut held = held.lock();
        if held.names.get(&self.name).is_some_and(|holder| holder.token == self.token) {
            held.names.remove(&self.name);
        }
        Box::pin(async { Ok(()) })
    }
}
