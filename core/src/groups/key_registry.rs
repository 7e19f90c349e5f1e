use super::watched::Watched;
use crate::{
    CallError, CallFrom, Called, Calls, Context, Init, Message, Next, Node, Pid, ProcessBody, Server, ServerRef,
    SpawnOptions, Started,
};
use std::marker::PhantomData;
use std::time::Duration;

/// Whether several processes may be under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// One process, once.
    Unique,
    /// Any number, and one process several times.
    Duplicate,
}

/// Processes under keys, each with a value, in a process of its own: Elixir's `Registry`. [`KeyRegistryRef`] asks it.
///
/// Unlike a local name, a process may have any number of keys. When it ends it is under none any more.
///
/// ```
/// # use rusm_core::{Context, ExitReason, Node, NodeOptions, seam::Seams};
/// use rusm_core::{KeyRegistry, KeyRegistryRef, Keys};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// KeyRegistry::<u32>::start(&node, "weights", Keys::Duplicate).await;
/// # let ended = node.spawn(|context: Context| async move {
/// let weights = KeyRegistryRef::<u32>::from("weights");
/// weights.register(&context, "light", 3).await.unwrap();
/// weights.register(&context, "light", 5).await.unwrap();
/// assert_eq!(weights.lookup(&context, "light").await.unwrap(), [(context.pid(), 3), (context.pid(), 5)]);
/// assert_eq!(weights.keys(&context, context.pid()).await.unwrap(), ["light"]);
/// weights.unregister(&context, "light").await.unwrap();
/// assert!(weights.lookup(&context, "light").await.unwrap().is_empty());
/// # });
/// # assert_eq!(node.await_exit(ended).await, ExitReason::NORMAL);
/// # });
/// ```
pub struct KeyRegistry<V>(PhantomData<V>);

impl<V: Clone + Send + Sync + 'static> KeyRegistry<V> {
    /// The body of a registry's process, for supervisors.
    pub fn body(keys: Keys) -> ProcessBody {
        Entries::<V>::body(keys)
    }

    /// Starts a registry of that name.
    pub async fn start(node: &Node, name: &str, keys: Keys) -> Started {
        let options = SpawnOptions { name: Some(name.to_owned()), label: name.to_owned(), ..SpawnOptions::default() };
        node.start_process(options, Self::body(keys)).await
    }
}

/// Why a process was not put under a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The keys are unique, and the key is that process's. Nothing changed.
    #[error("already_registered: the key is that of {0}")]
    AlreadyRegistered(Pid),
    /// The registry did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A [`KeyRegistry`], by name or pid, as its users see it.
pub struct KeyRegistryRef<V: Clone + Send + Sync + 'static>(ServerRef<Entries<V>>);

impl<V: Clone + Send + Sync + 'static> Clone for KeyRegistryRef<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Clone + Send + Sync + 'static> From<Pid> for KeyRegistryRef<V> {
    fn from(pid: Pid) -> Self {
        Self(pid.into())
    }
}

impl<V: Clone + Send + Sync + 'static> From<&str> for KeyRegistryRef<V> {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl<V: Clone + Send + Sync + 'static> KeyRegistryRef<V> {
    /// Puts this process under a key. Source: Elixir `Registry.register/3`.
    ///
    /// # Errors
    /// The keys are unique and this one is taken, or the registry did not answer.
    pub async fn register(&self, context: &Context, key: &str, value: V) -> Result<(), RegistryError> {
        match self.ask(context, Ask::Register(context.pid(), key.to_owned(), value)).await? {
            Answer::Registered(Ok(())) => Ok(()),
            Answer::Registered(Err(owner)) => Err(RegistryError::AlreadyRegistered(owner)),
            _ => unreachable!("it was asked to register"),
        }
    }

    /// Takes all entries of this process under a key away. Source: Elixir `Registry.unregister/2`.
    ///
    /// # Errors
    /// The registry did not answer.
    pub async fn unregister(&self, context: &Context, key: &str) -> Result<(), CallError> {
        self.ask(context, Ask::Unregister(context.pid(), key.to_owned())).await.map(|_| ())
    }

    /// Who is under a key, with which value: by pid, and of one process in the order of registering. Source: Elixir
    /// `Registry.lookup/2`.
    ///
    /// # Errors
    /// The registry did not answer.
    pub async fn lookup(&self, caller: &impl Calls, key: &str) -> Result<Vec<(Pid, V)>, CallError> {
        match self.ask(caller, Ask::Lookup(key.to_owned())).await? {
            Answer::Entries(entries) => Ok(entries),
            _ => unreachable!("entries were asked for"),
        }
    }

    /// The keys that a process is under, sorted. Source: Elixir `Registry.keys/2`. Divergence: each once, also when the
    /// process is under it several times; [`lookup`](Self::lookup) tells how often.
    ///
    /// # Errors
    /// The registry did not answer.
    pub async fn keys(&self, caller: &impl Calls, pid: Pid) -> Result<Vec<String>, CallError> {
        match self.ask(caller, Ask::Keys(pid)).await? {
            Answer::Keys(keys) => Ok(keys),
            _ => unreachable!("keys were asked for"),
        }
    }

    async fn ask(&self, caller: &impl Calls, ask: Ask<V>) -> Result<Answer<V>, CallError> {
        self.0.call(caller, ask, Duration::MAX).await
    }
}

/// The process of a registry.
pub(crate) struct Entries<V> {
    keys: Keys,
    entries: Watched<V>,
}

pub(crate) enum Ask<V> {
    Register(Pid, String, V),
    Unregister(Pid, String),
    Lookup(String),
    Keys(Pid),
}

pub(crate) enum Answer<V> {
    /// Or whose the key is.
    Registered(Result<(), Pid>),
    Unregistered,
    Entries(Vec<(Pid, V)>),
    Keys(Vec<String>),
}

impl<V: Clone + Send + Sync + 'static> Server for Entries<V> {
    type Args = Keys;
    type Call = Ask<V>;
    type Reply = Answer<V>;
    type Cast = ();
    type Continue = ();

    async fn init(_: &Context, keys: Keys) -> Init<Self> {
        Init::Up(Self { keys, entries: Watched::default() }, Next::Receive)
    }

    async fn handle_call(&mut self, context: &Context, ask: Ask<V>, _: CallFrom<Answer<V>>) -> Called<Self> {
        let answer = match ask {
            Ask::Register(pid, key, value) => Answer::Registered(self.register(context, pid, &key, value).await),
            Ask::Unregister(pid, key) => {
                while self.entries.remove(context, &key, pid) {}
                Answer::Unregistered
            }
            Ask::Lookup(key) => {
                let under = self.entries.membership.under(&key);
                Answer::Entries(under.map(|(pid, value)| (pid, value.clone())).collect())
            }
            Ask::Keys(pid) => Answer::Keys(self.entries.membership.keys_of(pid).cloned().collect()),
        };
        Called::Reply(answer, Next::Receive)
    }

    async fn handle_info(&mut self, _: &Context, message: Message) -> Next<Self> {
        self.entries.down(&message);
        Next::Receive
    }

    fn format_status(&self) -> String {
        let keys: Vec<&String> = self.entries.membership.keys().collect();
        format!("{:?} keys {keys:?}", self.keys)
    }
}

impl<V: Sync> Entries<V> {
    /// Of an owner that is dead the DOWN may still be on its way, while who comes after it registers: it frees its keys at
    /// once. Source: Elixir `Registry.register/3`, which looks whether the owner is alive.
    async fn register(&mut self, context: &Context, pid: Pid, key: &str, value: V) -> Result<(), Pid> {
        while self.keys == Keys::Unique
            && let Some(owner) = self.owner(key)
        {
            let is_own = owner.node == context.pid().node;
            if !is_own || context.is_alive(owner).await {
                return Err(owner);
            }
            self.entries.forget(context, owner);
        }
        self.entries.add(context, key, pid, value);
        Ok(())
    }

    fn owner(&self, key: &str) -> Option<Pid> {
        self.entries.membership.under(key).next().map(|(owner, _)| owner)
    }
}
