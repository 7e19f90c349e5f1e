use super::callbacks::{Event, StateMachine};
use super::timeouts::{Change, TimeoutName};
use crate::{CallFrom, Caller, ExitReason};
use std::time::Duration;

/// What a callback of a state machine returns: where it goes, and what else is to be done, in order. See [`Transition`],
/// [`Enter`] and [`Initial`]. Source: OTP `gen_statem`, type `action()`.
///
/// ```
/// # use rusm_core::{Node, NodeOptions, SpawnOptions, Started, seam::Seams};
/// use rusm_core::{CallFrom, Context, Enter, Event, Initial, MachineInit, StateMachine, StateMachineRef, TimeoutName, Transition};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
/// use std::time::Duration;
///
/// /// A printer that warms up first. What it is asked until then is put off.
/// struct Printer { pages: u32 }
///
/// #[derive(Debug, PartialEq)]
/// enum State { Cold, Warm }
///
/// impl StateMachine for Printer {
///     type State = State;
///     type Args = ();
///     type Call = u32;
///     type Reply = u32;
///     type Cast = ();
///     type Content = &'static str;
///
///     async fn init(_: &Context, (): ()) -> MachineInit<Self> {
///         MachineInit::Up(Printer { pages: 0 }, Initial::state(State::Cold).next_event(Event::Internal("checked")))
///     }
///
///     async fn handle_enter(&mut self, _: &Context, _: &State, state: &State) -> Enter<Self> {
///         match state {
///             State::Cold => Enter::stay().state_timeout(Duration::from_millis(1), "warmed up"),
///             State::Warm => Enter::stay().timeout("service", Duration::from_secs(3600), "clean").hibernate(),
///         }
///     }
///
///     async fn handle_event(&mut self, _: &Context, state: &State, event: Event<Self>) -> Transition<Self> {
///         match (state, event) {
///             (State::Cold, Event::StateTimeout(_)) => Transition::to(State::Warm),
///             (State::Cold, event @ Event::Call(..)) => Transition::keep().postpone(event),
///             (State::Warm, Event::Call(pages, from)) => {
///                 self.pages += pages;
///                 Transition::keep()
///                     .reply(from, self.pages)
///                     .event_timeout(Duration::from_secs(60), "idle")
///                     .update_timeout(TimeoutName::Named("service"), "clean well")
///             }
///             (State::Warm, Event::Timeout(_)) => {
///                 Transition::to(State::Cold).cancel_timeout(TimeoutName::Named("service"))
///             }
///             (_, Event::NamedTimeout("service", _)) => Transition::repeat(),
///             _ => Transition::keep(),
///         }
///     }
/// }
///
/// # let Started::Up(pid) = node.start_process(SpawnOptions::default(), Printer::body(())).await else { panic!() };
/// let printer = StateMachineRef::<Printer>::from(pid);
/// assert_eq!(printer.call(&node, 3, Duration::from_secs(5)).await, Ok(3));
/// # });
/// ```
pub struct Step<M: StateMachine, To> {
    pub(super) to: To,
    pub(super) actions: Actions<M>,
}

/// What came of an event.
pub type Transition<M> = Step<M, Goes<M>>;

/// What came of entering a state.
pub type Enter<M> = Step<M, Stays>;

/// The state that a machine starts in.
pub type Initial<M> = Step<M, StartsIn<M>>;

/// Where an event leads: see [`Transition`].
pub struct Goes<M: StateMachine>(pub(super) Lead<M>);

pub(super) enum Lead<M: StateMachine> {
    Keep,
    Repeat,
    To(M::State),
    Stop(ExitReason),
}

/// Entering a state leads nowhere else: see [`Enter`].
pub struct Stays(());

/// The first state: see [`Initial`].
pub struct StartsIn<M: StateMachine>(pub(super) M::State);

pub(super) struct Actions<M: StateMachine> {
    pub(super) replies: Vec<(Caller, M::Reply)>,
    pub(super) postponed: Option<Event<M>>,
    pub(super) own: Vec<Event<M>>,
    pub(super) timeouts: Vec<(TimeoutName, Change<M::Content>)>,
    pub(super) hibernate: bool,
}

impl<M: StateMachine> Step<M, Goes<M>> {
    fn new(lead: Lead<M>) -> Self {
        Self { to: Goes(lead), actions: Actions::default() }
    }

    /// Stays in the state. Source: `keep_state`.
    pub fn keep() -> Self {
        Self::new(Lead::Keep)
    }

    /// Stays in the state and enters it anew. What is postponed stays so, and the state timeout goes on. Source: `repeat_state`.
    pub fn repeat() -> Self {
        Self::new(Lead::Repeat)
    }

    /// Goes to that state. When it is equal to the present one, it is as [`keep`](Self::keep). Source: `next_state`.
    pub fn to(state: M::State) -> Self {
        Self::new(Lead::To(state))
    }

    /// Ends the machine, after its replies. Source: `stop_and_reply`.
    pub fn stop(reason: ExitReason) -> Self {
        Self::new(Lead::Stop(reason))
    }

    /// Puts the event off, which the callback was given and gives back: it comes again when the state has changed, in its old
    /// place among others and before newer ones.
    pub fn postpone(mut self, event: Event<M>) -> Self {
        self.actions.postponed = Some(event);
        self
    }

    /// Handles this event next, before everything else; several in the order given. Source: `next_event`.
    pub fn next_event(mut self, event: Event<M>) -> Self {
        self.actions.own.push(event);
        self
    }
}

impl<M: StateMachine> Step<M, Stays> {
    /// Nothing to be done.
    pub fn stay() -> Self {
        Self { to: Stays(()), actions: Actions::default() }
    }
}

impl<M: StateMachine> Step<M, StartsIn<M>> {
    /// Starts in that state.
    pub fn state(state: M::State) -> Self {
        Self { to: StartsIn(state), actions: Actions::default() }
    }

    /// Handles this event first, before the mailbox; several in the order given.
    pub fn next_event(mut self, event: Event<M>) -> Self {
        self.actions.own.push(event);
        self
    }
}

impl<M: StateMachine, To> Step<M, To> {
    /// Answers a call.
    pub fn reply(mut self, to: CallFrom<M::Reply>, reply: M::Reply) -> Self {
        self.actions.replies.push((to.caller(), reply));
        self
    }

    /// An [`Event::StateTimeout`] after so long in the state that this step leads to; a state change ends it. Like every
    /// timeout: starting it again takes the place of the first, [`Duration::MAX`] cancels it, and one of zero comes before
    /// anything from outside, behind what the machine gave itself.
    pub fn state_timeout(self, after: Duration, content: M::Content) -> Self {
        self.change(TimeoutName::State, Change::Start(after, content))
    }

    /// An [`Event::Timeout`] after so long without an event of any kind.
    pub fn event_timeout(self, after: Duration, content: M::Content) -> Self {
        self.change(TimeoutName::Event, Change::Start(after, content))
    }

    /// An [`Event::NamedTimeout`] of that name after so long, whatever happens meanwhile. Source: `{timeout, Name}`.
    pub fn timeout(self, name: &'static str, after: Duration, content: M::Content) -> Self {
        self.change(TimeoutName::Named(name), Change::Start(after, content))
    }

    /// Cancels a timeout; of one that does not run it is no error.
    pub fn cancel_timeout(self, name: TimeoutName) -> Self {
        self.change(name, Change::Cancel)
    }

    /// Gives a timeout that runs other content; one that does not run fires at once.
    pub fn update_timeout(self, name: TimeoutName, content: M::Content) -> Self {
        self.change(name, Change::Update(content))
    }

    /// Gives memory back before it waits for the next message. See [`Context::hibernate`](crate::Context::hibernate).
    pub fn hibernate(mut self) -> Self {
        self.actions.hibernate = true;
        self
    }

    fn change(mut self, name: TimeoutName, change: Change<M::Content>) -> Self {
        self.actions.timeouts.push((name, change));
        self
    }
}

impl<M: StateMachine> Default for Actions<M> {
    fn default() -> Self {
        Self { replies: Vec::new(), postponed: None, own: Vec::new(), timeouts: Vec::new(), hibernate: false }
    }
}
