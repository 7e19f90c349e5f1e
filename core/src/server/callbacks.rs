use super::run;
use crate::{
    Behaviour, BehaviourRef, CallFrom, Context, ExitReason, Message, ProcessBody, SpawnOptions, Started, process_body,
};
use std::any::type_name;
use std::future::Future;
use std::time::Duration;

/// A server, by pid or local name, as its clients see it.
pub type ServerRef<S> = BehaviourRef<<S as Server>::Call, <S as Server>::Reply, <S as Server>::Cast>;

/// A process that keeps a state and answers calls: OTP's `gen_server`. The implementing type is the state.
///
/// ```
/// use rusm_core::{CallFrom, Called, Context, Init, Next, Server, ServerRef};
/// # use rusm_core::{ExitReason, Node, NodeOptions, SpawnOptions, Started, seam::Seams};
/// # use std::time::Duration;
///
/// struct Counter(u64);
///
/// impl Server for Counter {
///     type Args = u64;
///     type Call = u64;
///     type Reply = u64;
///     type Cast = ();
///     type Continue = ();
///
///     async fn init(_: &Context, start: u64) -> Init<Self> {
///         Init::Up(Counter(start), Next::Receive)
///     }
///
///     async fn handle_call(&mut self, _: &Context, add: u64, _: CallFrom<u64>) -> Called<Self> {
///         self.0 += add;
///         Called::Reply(self.0, Next::Receive)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// let Started::Up(pid) = node.start_process(SpawnOptions::default(), Counter::body(40)).await else { panic!() };
/// let counter = ServerRef::<Counter>::from(pid);
/// assert_eq!(counter.call(&node, 2, Duration::from_secs(5)).await, Ok(42));
/// counter.stop(&node, ExitReason::NORMAL, Duration::from_secs(5)).await.unwrap();
/// # });
/// ```
pub trait Server: Send + Sync + Sized + 'static {
    /// What it is started with.
    type Args: Send + 'static;
    /// What it can be asked.
    type Call: Send + 'static;
    /// What it answers.
    type Reply: Send + 'static;
    /// What it can be told.
    type Cast: Send + 'static;
    /// What it can leave itself to do before the next message.
    type Continue: Send + 'static;

    /// Makes the state, in the new process; whoever starts it waits. Its name is registered already.
    fn init(context: &Context, args: Self::Args) -> impl Future<Output = Init<Self>> + Send;

    /// A call.
    fn handle_call(
        &mut self,
        context: &Context,
        request: Self::Call,
        from: CallFrom<Self::Reply>,
    ) -> impl Future<Output = Called<Self>> + Send;

    /// A cast. The default ignores it.
    fn handle_cast(&mut self, context: &Context, message: Self::Cast) -> impl Future<Output = Next<Self>> + Send {
        let _ = (context, message);
        std::future::ready(Next::Receive)
    }

    /// Any other message: a `Down`, a trapped `Exit` of anyone but the parent, what was sent by hand. The default
    /// ignores it with a line in the log.
    fn handle_info(&mut self, context: &Context, message: Message) -> impl Future<Output = Next<Self>> + Send {
        tracing::warn!(pid = %context.pid(), "a server without handle_info received {message:?}");
        std::future::ready(Next::Receive)
    }

    /// The time of [`Next::Timeout`] passed without a message.
    fn handle_timeout(&mut self, context: &Context) -> impl Future<Output = Next<Self>> + Send {
        let _ = context;
        std::future::ready(Next::Receive)
    }

    /// What [`Next::Continue`] left to do; runs before anything in the mailbox.
    fn handle_continue(&mut self, context: &Context, todo: Self::Continue) -> impl Future<Output = Next<Self>> + Send {
        let _ = (context, todo);
        std::future::ready(Next::Receive)
    }

    /// Runs when the server stops itself, is stopped, panics in a callback, or its parent ends while it traps exits; not
    /// when an exit signal ends it. Source: OTP `gen_server`, `terminate/2`.
    fn terminate(&mut self, context: &Context, reason: &ExitReason) -> impl Future<Output = ()> + Send {
        let _ = (context, reason);
        std::future::ready(())
    }

    /// The state in words, for [`sys::status`](crate::sys::status). Default the name of its type. Source: OTP `gen_server`,
    /// `format_status/1`.
    fn format_status(&self) -> String {
        type_name::<Self>().to_owned()
    }

    /// Runs before the server hibernates: gives back what the state can do without. Default nothing.
    fn shrink(&mut self) {}

    /// The server as a process to spawn, for supervisors too.
    fn body(args: Self::Args) -> ProcessBody {
        process_body(move |context| run::server::<Self>(context, args))
            .of_behaviour(Behaviour::Server, type_name::<Self>())
    }

    /// Starts the server linked to the caller and waits for its [`init`](Self::init).
    fn start_link(context: &Context, options: SpawnOptions, args: Self::Args) -> impl Future<Output = Started> + Send {
        context.start_link(options, Self::body(args))
    }
}

/// What [`Server::init`] says.
pub enum Init<S: Server> {
    /// It is up, with this state.
    Up(S, Next<S>),
    /// There is nothing to run: OTP's `ignore`.
    Ignore,
    /// It cannot start.
    Stop(ExitReason),
}

/// What a server does after a callback.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, Payload, SpawnOptions, Started, seam::Seams};
/// use rusm_core::{CallFrom, Called, Context, ExitReason, Init, Message, Next, Server, ServerRef};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// use std::time::Duration;
///
/// /// Writes down what it is told, and puts it away when it was not told anything for a while.
/// struct Clerk { desk: Vec<u32>, shelf: Vec<u32> }
///
/// impl Server for Clerk {
///     type Args = ();
///     type Call = ();
///     type Reply = usize;
///     type Cast = u32;
///     type Continue = ();
///
///     async fn init(context: &Context, (): ()) -> Init<Self> {
///         context.trap_exit(true); // So that `terminate` also runs when its parent ends.
///         Init::Up(Clerk { desk: Vec::new(), shelf: Vec::new() }, Next::Receive)
///     }
///
///     async fn handle_call(&mut self, _: &Context, (): (), _: CallFrom<usize>) -> Called<Self> {
///         Called::Reply(self.desk.len() + self.shelf.len(), Next::Hibernate)
///     }
///
///     async fn handle_cast(&mut self, _: &Context, number: u32) -> Next<Self> {
///         self.desk.push(number);
///         if self.desk.len() < 100 { Next::Timeout(Duration::from_secs(1)) } else { Next::Continue(()) }
///     }
///
///     async fn handle_info(&mut self, _: &Context, _: Message) -> Next<Self> {
///         Next::Stop(ExitReason::new("nobody else may write"))
///     }
///
///     async fn handle_timeout(&mut self, _: &Context) -> Next<Self> {
///         Next::Continue(())
///     }
///
///     async fn handle_continue(&mut self, _: &Context, (): ()) -> Next<Self> {
///         self.shelf.append(&mut self.desk);
///         Next::Receive
///     }
///
///     async fn terminate(&mut self, _: &Context, _: &ExitReason) {
///         self.shelf.append(&mut self.desk);
///     }
///
///     fn shrink(&mut self) {
///         self.desk.shrink_to_fit();
///     }
/// }
///
/// # let Started::Up(pid) = node.start_process(SpawnOptions::default(), Clerk::body(())).await else { panic!() };
/// let clerk = ServerRef::<Clerk>::from(pid);
/// clerk.cast(&node, 42);
/// assert_eq!(clerk.call(&node, (), Duration::from_secs(5)).await, Ok(1));
/// # node.send(pid, Payload::local(())).unwrap();
/// # node.await_exit(pid).await;
/// # });
/// ```
pub enum Next<S: Server> {
    /// Waits for the next message.
    Receive,
    /// The same, at most for so long: then [`Server::handle_timeout`] runs. Any message cancels it; zero comes behind
    /// what the mailbox holds.
    Timeout(Duration),
    /// The same, for long: gives memory back before it waits. See [`Context::hibernate`].
    Hibernate,
    /// Runs [`Server::handle_continue`] before anything else.
    Continue(S::Continue),
    /// Ends: [`Server::terminate`], then the exit.
    Stop(ExitReason),
}

/// What a server does with a call.
pub enum Called<S: Server> {
    /// Answers. With [`Next::Stop`] it terminates first and answers then. Source: OTP `gen_server`, `{stop, R, Reply, S}`.
    Reply(S::Reply, Next<S>),
    /// Answers later, through [`CallFrom::reply`], or lets the caller time out.
    NoReply(Next<S>),
}
