use super::callbacks::{Event, MachineInit, Standing, StateMachine};
use super::event_queue::{EventQueue, Queued};
use super::step::{Actions, Goes, Lead, StartsIn, Step};
use super::timeouts::{Change, Effect, TimeoutName};
use crate::behaviour::{Cast, Stop, Timed, caught};
use crate::sys::{self, Observed, SystemRequest};
use crate::{CallFrom, Caller, Context, ExitReason, Message, Payload, Reference, Timestamp};
use std::any::{Any, type_name};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// The whole life of a state machine.
pub(super) async fn state_machine<M: StateMachine>(context: Context, args: M::Args) -> ExitReason {
    let (data, Step { to: StartsIn(state), actions }) = match caught(M::init(&context, args)).await {
        Ok(MachineInit::Up(data, initial)) => (data, initial),
        Ok(MachineInit::Ignore) => {
            context.init_ignore();
            return ExitReason::NORMAL;
        }
        Ok(MachineInit::Stop(reason)) | Err(reason) => {
            context.init_fail(reason.clone());
            return reason;
        }
    };
    context.init_ack();
    let at = Standing { state, data };
    let mut driver = Driver { context, at, events: EventQueue::default(), timers: BTreeMap::new(), hibernate: false };
    match driver.run(actions).await {
        Err(reason) => driver.terminated(reason).await,
        Ok(never) => match never {},
    }
}

/// What a timeout's timer sends.
struct TimeIsOver(u64);

/// An event, and until when its answer is wanted.
struct Wanted<M: StateMachine> {
    event: Event<M>,
    deadline: Option<Timestamp>,
}

struct Driver<M: StateMachine> {
    context: Context,
    at: Standing<M>,
    events: EventQueue<Wanted<M>, M::Content>,
    /// The timers of the timeouts that run.
    timers: BTreeMap<u64, Reference>,
    /// Whether to give memory back at the next wait.
    hibernate: bool,
}

impl<M: StateMachine> From<Event<M>> for Wanted<M> {
    fn from(event: Event<M>) -> Self {
        Self { event, deadline: None }
    }
}

impl<M: StateMachine> Observed for Standing<M> {
    fn format_status(&self) -> String {
        self.data.format_status(&self.state)
    }

    fn state(&mut self) -> Option<(&mut dyn Any, &'static str)> {
        Some((self, type_name::<Self>()))
    }
}

impl<M: StateMachine> Driver<M> {
    /// Handles events until there is a reason to end.
    async fn run(&mut self, initial: Actions<M>) -> Result<Infallible, ExitReason> {
        let Actions { replies, own, timeouts, hibernate, .. } = initial;
        self.reply(replies);
        self.events.transition(false, None, own.into_iter().map(Wanted::from).collect());
        self.hibernate = hibernate;
        let entered = caught(self.at.data.handle_enter(&self.context, &self.at.state, &self.at.state)).await?;
        self.finish(timeouts, entered.actions);
        loop {
            let Wanted { event, deadline } = self.next().await?;
            self.events.begin();
            self.context.set_deadline(deadline);
            let Standing { state, data } = &mut self.at;
            let step = caught(data.handle_event(&self.context, state, event)).await;
            self.context.set_deadline(None);
            self.step(step?, deadline).await?;
        }
    }

    async fn step(
        &mut self,
        Step { to, actions }: Step<M, Goes<M>>,
        deadline: Option<Timestamp>,
    ) -> Result<(), ExitReason> {
        let Actions { replies, postponed, own, timeouts, hibernate } = actions;
        self.reply(replies);
        self.hibernate = hibernate;
        let old = match to.0 {
            Lead::Stop(reason) => return Err(reason),
            Lead::To(state) if state != self.at.state => Some(std::mem::replace(&mut self.at.state, state)),
            Lead::To(_) | Lead::Keep => {
                self.postpone(false, postponed, deadline, own);
                self.finish(timeouts, Actions::default());
                return Ok(());
            }
            Lead::Repeat => None,
        };
        self.postpone(old.is_some(), postponed, deadline, own);
        let Standing { state, data } = &mut self.at;
        let entered = caught(data.handle_enter(&self.context, old.as_ref().unwrap_or(state), state)).await?;
        self.finish(timeouts, entered.actions);
        Ok(())
    }

    fn postpone(
        &mut self,
        changed: bool,
        postponed: Option<Event<M>>,
        deadline: Option<Timestamp>,
        own: Vec<Event<M>>,
    ) {
        let postponed = postponed.map(|event| Wanted { event, deadline });
        self.events.transition(changed, postponed, own.into_iter().map(Wanted::from).collect());
    }

    fn reply(&self, replies: Vec<(Caller, M::Reply)>) {
        for (to, reply) in replies {
            self.context.reply(to, Payload::local(reply));
        }
    }

    /// The last of a step: what entering the state wants, and the timeouts of both.
    fn finish(&mut self, timeouts: Vec<(TimeoutName, Change<M::Content>)>, entered: Actions<M>) {
        self.reply(entered.replies);
        self.hibernate |= entered.hibernate;
        for (name, change) in timeouts.into_iter().chain(entered.timeouts) {
            self.events.timeouts.change(name, change);
        }
        self.set_timers();
    }

    fn set_timers(&mut self) {
        for effect in self.events.timeouts.take_effects() {
            match effect {
                Effect::Start(number, delay) => {
                    let fires = Payload::local(TimeIsOver(number));
                    self.timers.insert(number, self.context.send_after(delay, self.context.pid(), fires));
                }
                Effect::Cancel(number) => {
                    if let Some(timer) = self.timers.remove(&number) {
                        self.context.cancel_timer(timer);
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Wanted<M>, ExitReason> {
        match self.events.next() {
            Some(Queued::Event(event)) => return Ok(event),
            Some(Queued::Timeout(name, content)) => return Ok(timeout(name, content).into()),
            None => {}
        }
        loop {
            let message = if self.hibernate {
                self.at.data.shrink();
                self.context.hibernate().await
            } else {
                self.context.receive().await
            };
            if let Some(event) = self.event(message).await? {
                return Ok(event);
            }
        }
    }

    /// The event that a message is; none when it is for the runtime, or comes too late.
    async fn event(&mut self, message: Message) -> Result<Option<Wanted<M>>, ExitReason> {
        match message {
            Message::Exit { from, reason } if Some(from) == self.context.parent() => Err(reason),
            Message::Call { from, payload } => {
                let (payload, deadline) = match payload.downcast::<Timed>() {
                    Ok(Timed { deadline, .. }) if deadline <= self.context.now() => {
                        tracing::debug!(pid = %self.context.pid(), caller = %from.pid, "a call came too late and was dropped");
                        return Ok(None);
                    }
                    Ok(Timed { deadline, request }) => (request, Some(deadline)),
                    Err(payload) => (payload, None),
                };
                let payload = match payload.downcast::<M::Call>() {
                    Ok(request) => {
                        return Ok(Some(Wanted { event: Event::Call(request, CallFrom::new(from)), deadline }));
                    }
                    Err(payload) => payload,
                };
                let payload = match payload.downcast::<Stop>() {
                    Ok(Stop(reason)) => return Err(reason),
                    Err(payload) => payload,
                };
                match payload.downcast::<SystemRequest>() {
                    Ok(request) => {
                        let ended = sys::handle(&self.context, from, request, &mut self.at).await;
                        ended.map_or(Ok(None), Err)
                    }
                    Err(payload) => Ok(Some(Event::Info(Message::Call { from, payload }).into())),
                }
            }
            Message::Plain(payload) => {
                let payload = match payload.downcast::<Cast<M::Cast>>() {
                    Ok(Cast(message)) => return Ok(Some(Event::Cast(message).into())),
                    Err(payload) => payload,
                };
                match payload.downcast::<TimeIsOver>() {
                    Ok(TimeIsOver(number)) => {
                        self.timers.remove(&number);
                        Ok(self.events.timeouts.fired(number).map(|(name, content)| timeout(name, content).into()))
                    }
                    Err(payload) => Ok(Some(Event::Info(Message::Plain(payload)).into())),
                }
            }
            other => Ok(Some(Event::Info(other).into())),
        }
    }

    /// Runs `terminate`; a panic in it is the reason then.
    async fn terminated(mut self, reason: ExitReason) -> ExitReason {
        if self.events.postponed_len() > 0 {
            tracing::debug!(pid = %self.context.pid(), postponed = self.events.postponed_len(), "ends with events put off");
        }
        let Standing { state, data } = &mut self.at;
        match caught(data.terminate(&self.context, state, &reason)).await {
            Ok(()) => reason,
            Err(panic) => panic,
        }
    }
}

fn timeout<M: StateMachine>(name: TimeoutName, content: M::Content) -> Event<M> {
    match name {
        TimeoutName::State => Event::StateTimeout(content),
        TimeoutName::Event => Event::Timeout(content),
        TimeoutName::Named(name) => Event::NamedTimeout(name, content),
    }
}
