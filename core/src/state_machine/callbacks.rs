use super::run;
use super::step::{Enter, Initial, Transition};
use crate::{
    Behaviour, BehaviourRef, CallFrom, Context, ExitReason, Message, ProcessBody, SpawnOptions, Started, process_body,
};
use std::any::type_name;
use std::fmt;
use std::future::Future;

/// A state machine, by pid or local name, as its clients see it.
pub type StateMachineRef<M> =
    BehaviourRef<<M as StateMachine>::Call, <M as StateMachine>::Reply, <M as StateMachine>::Cast>;

/// A process that is in one of several states and answers events according to it: OTP's `gen_statem`. The implementing
/// type is its data; which state it is in, the runtime keeps.
///
/// ```
/// use rusm_core::{Context, Event, Initial, MachineInit, StateMachine, StateMachineRef, Transition};
/// # use rusm_core::{Node, NodeOptions, SpawnOptions, Started, seam::Seams};
/// use std::time::Duration;
///
/// /// A door that locks itself.
/// struct Door;
///
/// #[derive(Debug, PartialEq)]
/// enum State { Locked, Open }
///
/// enum Ask { Unlock, State }
///
/// impl StateMachine for Door {
///     type State = State;
///     type Args = ();
///     type Call = Ask;
///     type Reply = String;
///     type Cast = ();
///     type Content = ();
///
///     async fn init(_: &Context, (): ()) -> MachineInit<Self> {
///         MachineInit::Up(Door, Initial::state(State::Locked))
///     }
///
///     async fn handle_event(&mut self, _: &Context, state: &State, event: Event<Self>) -> Transition<Self> {
///         match event {
///             Event::Call(Ask::State, from) => Transition::keep().reply(from, format!("{state:?}")),
///             Event::Call(Ask::Unlock, from) => Transition::to(State::Open)
///                 .reply(from, "come in".to_owned())
///                 .state_timeout(Duration::from_secs(5), ()),
///             Event::StateTimeout(()) => Transition::to(State::Locked),
///             _ => Transition::keep(),
///         }
///     }
/// }
///
/// # const SECOND: Duration = Duration::from_secs(1);
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// let Started::Up(pid) = node.start_process(SpawnOptions::default(), Door::body(())).await else { panic!() };
/// let door = StateMachineRef::<Door>::from(pid);
/// assert_eq!(door.call(&node, Ask::Unlock, SECOND).await, Ok("come in".to_owned()));
/// assert_eq!(door.call(&node, Ask::State, SECOND).await, Ok("Open".to_owned()));
/// # });
/// ```
pub trait StateMachine: Send + Sync + Sized + 'static {
    /// The states. To go to one that is equal to the present one is no change.
    type State: PartialEq + fmt::Debug + Send + Sync + 'static;
    /// What it is started with.
    type Args: Send + 'static;
    /// What it can be asked.
    type Call: Send + 'static;
    /// What it answers.
    type Reply: Send + 'static;
    /// What it can be told.
    type Cast: Send + 'static;
    /// What it tells itself: the content of timeouts and internal events.
    type Content: Send + 'static;

    /// Makes data and state, in the new process; whoever starts it waits. Its name is registered already.
    fn init(context: &Context, args: Self::Args) -> impl Future<Output = MachineInit<Self>> + Send;

    /// An event. Source: OTP `gen_statem`, callback mode `handle_event_function`.
    fn handle_event(
        &mut self,
        context: &Context,
        state: &Self::State,
        event: Event<Self>,
    ) -> impl Future<Output = Transition<Self>> + Send;

    /// The machine is in a state anew: at the start, then `old` is that same state; after a change; and by
    /// [`Transition::repeat`]. It cannot change the state, postpone or insert events. The default does nothing.
    /// Source: OTP `gen_statem`, callback mode `state_enter`.
    fn handle_enter(
        &mut self,
        context: &Context,
        old: &Self::State,
        state: &Self::State,
    ) -> impl Future<Output = Enter<Self>> + Send {
        let _ = (context, old, state);
        std::future::ready(Enter::stay())
    }

    /// Runs when the machine stops itself, is stopped, panics in a callback, or its parent ends while it traps exits; not
    /// when an exit signal ends it. Source: OTP `gen_statem`, `terminate/3`.
    fn terminate(
        &mut self,
        context: &Context,
        state: &Self::State,
        reason: &ExitReason,
    ) -> impl Future<Output = ()> + Send {
        let _ = (context, state, reason);
        std::future::ready(())
    }

    /// State and data in words, for [`sys::status`](crate::sys::status). Default the state. Source: OTP `gen_statem`,
    /// `format_status/1`.
    fn format_status(&self, state: &Self::State) -> String {
        format!("{state:?}")
    }

    /// Runs before the machine hibernates: gives back what the data can do without. Default nothing.
    fn shrink(&mut self) {}

    /// The machine as a process to spawn, for supervisors too.
    fn body(args: Self::Args) -> ProcessBody {
        process_body(move |context| run::state_machine::<Self>(context, args))
            .of_behaviour(Behaviour::StateMachine, type_name::<Self>())
    }

    /// Starts the machine linked to the caller and waits for its [`init`](Self::init).
    fn start_link(context: &Context, options: SpawnOptions, args: Self::Args) -> impl Future<Output = Started> + Send {
        context.start_link(options, Self::body(args))
    }
}

/// What [`StateMachine::init`] says.
pub enum MachineInit<M: StateMachine> {
    /// It is up, with this data, in that state.
    Up(M, Initial<M>),
    /// There is nothing to run: OTP's `ignore`.
    Ignore,
    /// It cannot start.
    Stop(ExitReason),
}

/// What a state machine handles.
pub enum Event<M: StateMachine> {
    /// A call.
    Call(M::Call, CallFrom<M::Reply>),
    /// A cast.
    Cast(M::Cast),
    /// Any other message: a `Down`, a trapped `Exit` of anyone but the parent, what was sent by hand.
    Info(Message),
    /// What the machine told itself with [`Step::next_event`](super::Step::next_event).
    Internal(M::Content),
    /// It has been in this state for so long.
    StateTimeout(M::Content),
    /// No event came for so long.
    Timeout(M::Content),
    /// The timeout of that name.
    NamedTimeout(&'static str, M::Content),
}

impl<M: StateMachine> fmt::Debug for Event<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(_, from) => write!(f, "Call({from:?})"),
            Self::Cast(_) => f.write_str("Cast"),
            Self::Info(message) => write!(f, "Info({message:?})"),
            Self::Internal(_) => f.write_str("Internal"),
            Self::StateTimeout(_) => f.write_str("StateTimeout"),
            Self::Timeout(_) => f.write_str("Timeout"),
            Self::NamedTimeout(name, _) => write!(f, "NamedTimeout({name})"),
        }
    }
}

/// A state machine as [`sys::state`](crate::sys::state) and [`sys::replace_state`](crate::sys::replace_state) see it.
/// To replace the state is no state change: nothing is entered, cancelled or tried again.
///
/// ```
/// # use rusm_core::{Context, Event, Initial, MachineInit, Node, NodeOptions, SpawnOptions, Started, StateMachine, Transition, seam::Seams};
/// use rusm_core::{Standing, sys};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// # struct Lamp;
/// # impl StateMachine for Lamp {
/// #     type State = bool; type Args = (); type Call = (); type Reply = (); type Cast = (); type Content = ();
/// #     async fn init(_: &Context, (): ()) -> MachineInit<Self> { MachineInit::Up(Lamp, Initial::state(false)) }
/// #     async fn handle_event(&mut self, _: &Context, _: &bool, _: Event<Self>) -> Transition<Self> { Transition::keep() }
/// # }
/// # const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
/// # let Started::Up(lamp) = node.start_process(SpawnOptions::default(), Lamp::body(())).await else { panic!() };
/// let was = sys::replace_state(&node, lamp, SECOND, |at: &mut Standing<Lamp>| std::mem::replace(&mut at.state, true)).await;
/// assert_eq!(was, Ok(false));
/// assert_eq!(sys::status(&node, lamp, SECOND).await.unwrap().state, "true");
/// # });
/// ```
#[derive(Debug)]
pub struct Standing<M: StateMachine> {
    /// The state it is in.
    pub state: M::State,
    /// Its data.
    pub data: M,
}
