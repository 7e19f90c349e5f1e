use crate::actor::bindings::exports::rusm::actor::callbacks::Guest;
use crate::actor::bindings::rusm::actor::types;
use crate::component::{Component, World};
use crate::exit::START_FAILED;
use crate::host::Host;
use crate::instance::{InstanceOptions, ProcessInstance};
use crate::state::{Leases, ProcessState};
use rusm_core::{
    Caller, Context, ExitReason, GroupEvent, Message, NodeEvent, Payload, ProcessBody, Term, process_body,
};
use std::sync::Arc;

/// A process made of callbacks: `rusm:actor/callbacks`, with OTP's `gen_server` as its model.
pub struct CallbackProcess {
    instance: ProcessInstance,
    callbacks: Guest,
}

/// The body of a process that is nothing but its callbacks.
pub fn callback_body(host: &Host, component: &Component, args: Term) -> ProcessBody {
    callback_body_with(host, component, args, Leases::new())
}

/// The same, of a process that has unique names from its beginning.
pub(crate) fn callback_body_with(host: &Host, component: &Component, args: Term, leases: Leases) -> ProcessBody {
    let (host, component) = (host.clone(), component.clone());
    process_body(async move |context: Context| -> Result<(), ExitReason> {
        let ready = |state: &mut ProcessState| state.leases = leases;
        let mut process = CallbackProcess::start(&host, &component, context, args, ready).await?;
        process.run().await
    })
}

impl CallbackProcess {
    /// Instantiates a component and runs its `init`; whoever waits for the start hears how it went. `ready` sees the
    /// state before any guest code runs.
    ///
    /// # Errors
    /// Why the process must end.
    pub async fn start(
        host: &Host,
        component: &Component,
        context: Context,
        args: Term,
        ready: impl FnOnce(&mut ProcessState) + Send,
    ) -> Result<Self, ExitReason> {
        let mut process = Self::new(host, component, context, ready).await?;
        process.init(args).await?;
        process.context().init_ack();
        Ok(process)
    }

    /// Instantiates a component, without running its `init`.
    ///
    /// # Errors
    /// Why the process must end.
    pub async fn new(
        host: &Host,
        component: &Component,
        context: Context,
        ready: impl FnOnce(&mut ProcessState) + Send,
    ) -> Result<Self, ExitReason> {
        let failed = |why: String| ExitReason::new(START_FAILED).with_detail(why);
        component.require(World::Actor).map_err(|wrong| failed(wrong.to_string()))?;
        let options = InstanceOptions::default();
        let mut instance = ProcessInstance::new_with(host, component, context, options, ready).await?;
        let indices = component.actor_indices().map_err(failed)?;
        let exports = instance.instance();
        let actor = indices.load(instance.store(), &exports).map_err(|error| failed(format!("{error:#}")))?;
        let callbacks = actor.rusm_actor_callbacks().clone();
        Ok(Self { instance, callbacks })
    }

    /// Runs `init`. The start is not acknowledged by this.
    ///
    /// # Errors
    /// Why the process must end.
    pub async fn init(&mut self, args: Term) -> Result<(), ExitReason> {
        let Self { instance, callbacks } = self;
        let args = types::Term::from(args);
        let started = instance.enter("init", async |store| callbacks.call_init(store, &args).await).await?;
        started.map_err(|why| ExitReason::new(START_FAILED).with_detail(why))
    }

    /// The process.
    pub fn context(&self) -> &Arc<Context> {
        self.instance.context()
    }

    /// The instance, to call what else it exports.
    pub fn instance(&mut self) -> &mut ProcessInstance {
        &mut self.instance
    }

    /// Receives and handles messages until the process must end.
    ///
    /// # Errors
    /// Why it must. It never ends otherwise.
    pub async fn run(&mut self) -> Result<(), ExitReason> {
        loop {
            let context = self.context().clone();
            let message = context.receive().await;
            self.handle(message).await?;
        }
    }

    /// Handles one message of the mailbox with the callback that it is for.
    ///
    /// # Errors
    /// Why the process must end.
    pub async fn handle(&mut self, message: Message) -> Result<(), ExitReason> {
        match message {
            Message::Plain(payload) => self.message(payload, None).await,
            Message::Call { from, payload } => self.message(payload, Some(from)).await,
            // Of a call that was given up; the core drops them, so that there is none.
            Message::Reply { .. } => Ok(()),
            Message::Exit { from, reason } if Some(from) == self.context().parent() => {
                self.terminate(reason.clone()).await?;
                Err(reason)
            }
            Message::Exit { from, reason } => {
                let exit = types::ExitEvent { from: from.into(), reason: reason.into() };
                self.info(types::Event::Exit(exit)).await
            }
            Message::Down { monitor, object, reason } => {
                let object = self.instance.state().monitored(object);
                let down = types::DownEvent { monitor: monitor.into(), object, reason: reason.into() };
                self.info(types::Event::Down(down)).await
            }
        }
    }

    async fn message(&mut self, payload: Payload, caller: Option<Caller>) -> Result<(), ExitReason> {
        let payload = match payload.downcast::<GroupEvent>() {
            Ok(event) => return self.info(types::Event::Group(event.into())).await,
            Err(payload) => payload,
        };
        let payload = match payload.downcast::<NodeEvent>() {
            Ok(event) => return self.info(types::Event::Node(event.into())).await,
            Err(payload) => payload,
        };
        let Payload::Term(term) = payload else {
            let pid = self.context().pid();
            tracing::warn!(
                %pid,
                component = self.instance.state().component().name(),
                "a native value was sent to a component, which cannot read it: dropped"
            );
            return Ok(());
        };
        let (term, caller) = (types::Term::from(term), caller.map(types::Caller::from));
        let Self { instance, callbacks } = self;
        instance.enter("message", async |store| callbacks.call_message(store, &term, caller).await).await
    }

    async fn info(&mut self, event: types::Event) -> Result<(), ExitReason> {
        let Self { instance, callbacks } = self;
        instance.enter("info", async |store| callbacks.call_info(store, &event).await).await
    }

    /// Runs `terminate`: the process is about to end in an orderly way.
    ///
    /// # Errors
    /// Why it must end instead.
    pub async fn terminate(&mut self, reason: ExitReason) -> Result<(), ExitReason> {
        let Self { instance, callbacks } = self;
        let reason = types::ExitReason::from(reason);
        instance.enter("terminate", async |store| callbacks.call_terminate(store, &reason).await).await
    }
}
