//! A state machine that does as it is told, and tells the process that started it what happens to it.

use crate::tell;
use rusm_core::{
    Context, Enter, Event, ExitReason, Initial, MachineInit, Pid, SpawnOptions, StateMachine, StateMachineRef,
    Transition,
};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Told {
    to: Pid,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    A,
    B,
    C,
}

pub(crate) type Machine = StateMachineRef<Told>;
type Init = fn(&Context, Pid) -> MachineInit<Told>;
type Job = dyn Fn(&Seen<'_>) -> Transition<Told> + Send + Sync;

/// What a cast has the machine do.
#[derive(Clone)]
pub(crate) struct Do {
    job: Arc<Job>,
    /// In which state it is put off.
    put_off_in: Option<State>,
}

/// What a job sees.
pub(crate) struct Seen<'a> {
    pub(crate) context: &'a Context,
    to: Pid,
}

impl Seen<'_> {
    pub(crate) fn tell(&self, text: impl Into<String>) {
        tell(self.context, self.to, text);
    }
}

pub(crate) fn told(job: impl Fn(&Seen<'_>) -> Transition<Told> + Send + Sync + 'static) -> Do {
    Do { job: Arc::new(job), put_off_in: None }
}

impl Do {
    pub(crate) fn put_off_in(self, state: State) -> Self {
        Self { put_off_in: Some(state), ..self }
    }
}

impl StateMachine for Told {
    type State = State;
    type Args = (Pid, Init);
    type Call = Do;
    type Reply = String;
    type Cast = Do;
    type Content = &'static str;

    async fn init(context: &Context, (to, init): Self::Args) -> MachineInit<Self> {
        init(context, to)
    }

    async fn handle_event(&mut self, context: &Context, state: &State, event: Event<Self>) -> Transition<Self> {
        let seen = Seen { context, to: self.to };
        match event {
            Event::Cast(told) if told.put_off_in == Some(*state) => (told.job)(&seen).postpone(Event::Cast(told)),
            Event::Cast(told) => (told.job)(&seen),
            Event::Call(told, from) if told.put_off_in == Some(*state) => {
                Transition::keep().postpone(Event::Call(told, from))
            }
            Event::Call(told, from) => (told.job)(&seen).reply(from, format!("{state:?}")),
            Event::Info(message) => self.seen(context, state, format!("info {}", crate::text(&message))),
            Event::Internal(content) => self.seen(context, state, format!("internal {content}")),
            Event::StateTimeout(content) => self.seen(context, state, format!("state_timeout {content}")),
            Event::Timeout(content) => self.seen(context, state, format!("timeout {content}")),
            Event::NamedTimeout(name, content) => self.seen(context, state, format!("{name} {content}")),
        }
    }

    async fn handle_enter(&mut self, context: &Context, old: &State, state: &State) -> Enter<Self> {
        tell(context, self.to, format!("enter {old:?} {state:?}"));
        match state {
            State::C => Enter::stay().timeout("entered", crate::ms(5), "c"),
            State::A | State::B => Enter::stay(),
        }
    }

    async fn terminate(&mut self, context: &Context, state: &State, reason: &ExitReason) {
        tell(context, self.to, format!("terminated {reason} in {state:?}"));
    }
}

impl Told {
    pub(crate) fn telling(to: Pid) -> Self {
        Self { to }
    }

    fn seen(&self, context: &Context, state: &State, text: String) -> Transition<Self> {
        tell(context, self.to, format!("{text} in {state:?}"));
        Transition::keep()
    }
}

pub(crate) fn up(_: &Context, to: Pid) -> MachineInit<Told> {
    MachineInit::Up(Told::telling(to), Initial::state(State::A))
}

/// A machine in state `A`, which it has entered.
pub(crate) async fn machine(context: &Context) -> (Pid, Machine) {
    let started = machine_with(context, up).await;
    assert_eq!(crate::next(context).await, "enter A A");
    started
}

pub(crate) async fn machine_with(context: &Context, init: Init) -> (Pid, Machine) {
    let started = Told::start_link(context, SpawnOptions::default(), (context.pid(), init)).await;
    let rusm_core::Started::Up(pid) = started else { panic!("not up: {started:?}") };
    (pid, pid.into())
}
