use super::EventHandler;
use super::handlers::{Answer, Ask, Handlers, Make};
use crate::{
    CallError, Calls, Context, ExitReason, Node, Payload, Pid, ProcessBody, Server, ServerRef, SpawnOptions, Started,
    StopError,
};
use std::marker::PhantomData;
use std::time::Duration;

/// A process that hands each event of type `E` to all its handlers, in the order in which they were added: OTP's
/// `gen_event`. [`EventManagerRef`] adds handlers and notifies.
/// Divergence: in OTP the handler added last comes first.
///
/// ```
/// # use rusm_core::{Context, ExitReason, Node, NodeOptions, seam::Seams};
/// use rusm_core::{EventHandler, EventManager, EventManagerRef, Handled};
///
/// /// Adds up what it hears of.
/// struct Sum(u64);
///
/// impl EventHandler<u64> for Sum {
///     type Call = ();
///     type Reply = u64;
///
///     async fn handle_event(&mut self, _: &Context, event: &u64) -> Handled {
///         self.0 += event;
///         Handled::Keep
///     }
///
///     async fn handle_call(&mut self, _: &Context, (): ()) -> (u64, Handled) {
///         (self.0, Handled::Keep)
///     }
/// }
///
/// # const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// EventManager::<u64>::start(&node, "numbers").await;
/// let numbers = EventManagerRef::<u64>::from("numbers");
/// numbers.add_handler(&node, "sum", Sum(0)).await.unwrap();
/// numbers.notify(&node, 40);
/// numbers.sync_notify(&node, 2).await.unwrap();
/// assert_eq!(numbers.call::<Sum>(&node, "sum", (), SECOND).await, Ok(42));
/// # });
/// ```
pub struct EventManager<E>(PhantomData<E>);

impl<E: Send + Sync + 'static> EventManager<E> {
    /// The body of a manager's process, for supervisors. It traps exits.
    pub fn body() -> ProcessBody {
        Handlers::<E>::body(())
    }

    /// Starts a manager of that local name.
    pub async fn start(node: &Node, name: &str) -> Started {
        node.start_process(options(name), Self::body()).await
    }

    /// Starts a manager of that local name, linked to this process.
    pub async fn start_link(context: &Context, name: &str) -> Started {
        context.start_link(options(name), Self::body()).await
    }
}

fn options(name: &str) -> SpawnOptions {
    SpawnOptions { name: Some(name.to_owned()), label: name.to_owned(), ..SpawnOptions::default() }
}

/// Why an event manager did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventManagerError {
    /// There is a handler of that id. Nothing changed.
    #[error("there is a handler of that id already")]
    AlreadyPresent,
    /// There is no handler of that id. Nothing changed.
    #[error("there is no handler of that id")]
    NotFound,
    /// Its `init` said no, or panicked. It is not added; one whose place it was to take is gone.
    #[error("the handler was not added: {0}")]
    NotAdded(ExitReason),
    /// The handler is of another type. A call changed nothing; a swap took the old one away.
    #[error("the handler is of another type")]
    OtherType,
    /// The handler panicked and is removed.
    #[error("the handler crashed: {0}")]
    Crashed(ExitReason),
    /// The manager did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// An [`EventManager`], by name or pid, as those see it who notify it.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, seam::Seams};
/// use rusm_core::{EventHandler, EventManager, EventManagerError, EventManagerRef, Handled, HandlerEnd, HandlerEnded, Message};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # let (done, ended) = tokio::sync::oneshot::channel();
/// # node.spawn(|context: rusm_core::Context| async move {
/// # use rusm_core::Context;
/// /// Hears of the first so many events.
/// struct First(usize);
///
/// impl EventHandler<u32> for First {
///     type Call = ();
///     type Reply = usize;
///
///     async fn handle_event(&mut self, _: &Context, _: &u32) -> Handled {
///         self.0 -= 1;
///         if self.0 == 0 { Handled::Remove } else { Handled::Keep }
///     }
///
///     async fn handle_call(&mut self, _: &Context, (): ()) -> (usize, Handled) {
///         (self.0, Handled::Keep)
///     }
/// }
///
/// EventManager::<u32>::start_link(&context, "alarms").await;
/// let alarms = EventManagerRef::<u32>::from("alarms");
/// alarms.add_handler(&context, "first two", First(2)).await.unwrap();
/// // Supervised: this process hears of the handler's end, and the handler ends with this process.
/// alarms.add_sup_handler(&context, "first", First(1)).await.unwrap();
/// assert_eq!(alarms.add_handler(&context, "first", First(1)).await, Err(EventManagerError::AlreadyPresent));
/// alarms.sync_notify(&context, 42).await.unwrap();
/// let Message::Plain(payload) = context.receive().await else { panic!("not from the manager") };
/// let HandlerEnded { handler, why, .. } = payload.downcast().unwrap();
/// assert_eq!((handler.as_str(), why), ("first", HandlerEnd::Removed));
///
/// alarms.swap_handler(&context, "first two", "three more", |_: Option<First>| First(3)).await.unwrap();
/// assert_eq!(alarms.which_handlers(&context).await.unwrap(), ["three more"]);
/// alarms.delete_handler(&context, "three more").await.unwrap();
/// # done.send(()).unwrap();
/// # });
/// # ended.await.unwrap();
/// # });
/// ```
pub struct EventManagerRef<E: Send + Sync + 'static>(ServerRef<Handlers<E>>);

impl<E: Send + Sync + 'static> Clone for EventManagerRef<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E: Send + Sync + 'static> From<Pid> for EventManagerRef<E> {
    fn from(pid: Pid) -> Self {
        Self(pid.into())
    }
}

impl<E: Send + Sync + 'static> From<&str> for EventManagerRef<E> {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl<E: Send + Sync + 'static> EventManagerRef<E> {
    /// Adds a handler, last. Source: OTP `gen_event:add_handler/3`.
    ///
    /// # Errors
    /// There is one of that id, its `init` said no, or the manager did not answer.
    pub async fn add_handler<H: EventHandler<E>>(
        &self,
        caller: &impl Calls,
        id: &str,
        handler: H,
    ) -> Result<(), EventManagerError> {
        self.done(caller, Ask::Add { id: id.to_owned(), handler: Box::new(handler), owner: None }).await
    }

    /// The same, supervised by this process: the two are linked while the handler is there. When this process ends, so does
    /// the handler; when the handler ends, this process gets a [`HandlerEnded`](super::HandlerEnded). Source: OTP
    /// `gen_event:add_sup_handler/3`.
    ///
    /// # Errors
    /// As [`add_handler`](Self::add_handler).
    pub async fn add_sup_handler<H: EventHandler<E>>(
        &self,
        context: &Context,
        id: &str,
        handler: H,
    ) -> Result<(), EventManagerError> {
        let owner = Some(context.pid());
        self.done(context, Ask::Add { id: id.to_owned(), handler: Box::new(handler), owner }).await
    }

    /// Removes a handler. Source: OTP `gen_event:delete_handler/3`.
    ///
    /// # Errors
    /// There is none of that id, or the manager did not answer.
    pub async fn delete_handler(&self, caller: &impl Calls, id: &str) -> Result<(), EventManagerError> {
        self.done(caller, Ask::Delete(id.to_owned())).await
    }

    /// Puts a handler in the place of another, between two events: `make` gets the old one, after its `terminate`, or nothing
    /// when there is none of that id; then the new one is added. Source: OTP `gen_event:swap_handler/3`.
    ///
    /// # Errors
    /// There is one of the new id, the old one is of another type, the new one's `init` said no, or the manager did not
    /// answer. Then the old one is gone, except in the first case.
    pub async fn swap_handler<Old: EventHandler<E>, New: EventHandler<E>>(
        &self,
        caller: &impl Calls,
        old: &str,
        new: &str,
        make: impl FnOnce(Option<Old>) -> New + Send + 'static,
    ) -> Result<(), EventManagerError> {
        let make: Make<E> = Box::new(move |before| {
            let before = before.map(|before| before.downcast::<Old>().map_err(|_| EventManagerError::OtherType));
            Ok(Box::new(make(before.transpose()?.map(|before| *before))))
        });
        self.done(caller, Ask::Swap { old: old.to_owned(), new: new.to_owned(), make }).await
    }

    /// The ids of the handlers, in order. Source: OTP `gen_event:which_handlers/1`.
    ///
    /// # Errors
    /// The manager did not answer.
    pub async fn which_handlers(&self, caller: &impl Calls) -> Result<Vec<String>, CallError> {
        match self.0.call(caller, Ask::Which, Duration::MAX).await? {
            Answer::Handlers(handlers) => Ok(handlers),
            _ => unreachable!("handlers were asked for"),
        }
    }

    /// Tells all handlers, without waiting. Never fails. Source: OTP `gen_event:notify/2`.
    pub fn notify(&self, caller: &impl Calls, event: E) {
        self.0.cast(caller, event);
    }

    /// Tells all handlers and waits until they have all handled it. Source: OTP `gen_event:sync_notify/2`.
    ///
    /// # Errors
    /// The manager did not answer.
    pub async fn sync_notify(&self, caller: &impl Calls, event: E) -> Result<(), CallError> {
        self.0.call(caller, Ask::SyncNotify(event), Duration::MAX).await.map(|_| ())
    }

    /// Asks one handler, which must be an `H`. Source: OTP `gen_event:call/4`.
    ///
    /// # Errors
    /// There is none of that id, it is of another type, it panicked, or the manager did not answer in time.
    pub async fn call<H: EventHandler<E>>(
        &self,
        caller: &impl Calls,
        id: &str,
        request: H::Call,
        timeout: Duration,
    ) -> Result<H::Reply, EventManagerError> {
        match self.0.call(caller, Ask::Call(id.to_owned(), Payload::local(request)), timeout).await? {
            Answer::Replied(reply) => reply?.downcast().map_err(|_| EventManagerError::OtherType),
            _ => unreachable!("a handler was asked"),
        }
    }

    /// Stops the manager: all its handlers end, with [`HandlerEnd::ManagerEnds`](super::HandlerEnd::ManagerEnds).
    ///
    /// # Errors
    /// See [`StopError`].
    pub async fn stop(&self, caller: &impl Calls, reason: ExitReason, timeout: Duration) -> Result<(), StopError> {
        self.0.stop(caller, reason, timeout).await
    }

    async fn done(&self, caller: &impl Calls, ask: Ask<E>) -> Result<(), EventManagerError> {
        match self.0.call(caller, ask, Duration::MAX).await? {
            Answer::Done(result) => result,
            _ => unreachable!("it was asked to do something"),
        }
    }
}
