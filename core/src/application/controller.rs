use super::plan::start_order;
use super::{ApplicationError, ApplicationSpec, RunningApplication, StartType, master};
use crate::{CallFrom, Called, Context, ExitReason, Init, Message, Next, Pid, Server, SpawnOptions, Started};
use std::collections::BTreeMap;

/// The process that starts and stops applications: OTP's `application_controller`. While one starts or stops it answers
/// nobody.
#[derive(Default)]
pub(crate) struct Controller {
    loaded: BTreeMap<String, ApplicationSpec>,
    /// In the order of their start.
    running: Vec<RunningApplication>,
}

pub(crate) enum Ask {
    Load(ApplicationSpec),
    Unload(String),
    Start(String, StartType),
    StartAll(String, StartType),
    Stop(String),
    Loaded,
    Running,
}

pub(crate) enum Answer {
    Done(Result<(), ApplicationError>),
    Started(Result<Vec<String>, ApplicationError>),
    Loaded(Vec<String>),
    Running(Vec<RunningApplication>),
}

impl Server for Controller {
    type Args = ();
    type Call = Ask;
    type Reply = Answer;
    type Cast = ();
    type Continue = ();

    async fn init(context: &Context, (): ()) -> Init<Self> {
        context.trap_exit(true);
        Init::Up(Self::default(), Next::Receive)
    }

    async fn handle_call(&mut self, context: &Context, ask: Ask, _: CallFrom<Answer>) -> Called<Self> {
        let answer = match ask {
            Ask::Load(spec) => Answer::Done(self.load(spec)),
            Ask::Unload(name) => Answer::Done(self.unload(&name)),
            Ask::Start(name, start_type) => Answer::Done(self.start(context, &name, start_type).await),
            Ask::StartAll(name, start_type) => Answer::Started(self.start_all(context, &name, start_type).await),
            Ask::Stop(name) => Answer::Done(match self.place(&name) {
                Some(place) => {
                    self.stop(context, place).await;
                    Ok(())
                }
                None => Err(ApplicationError::NotStarted(name)),
            }),
            Ask::Loaded => Answer::Loaded(self.loaded.keys().cloned().collect()),
            Ask::Running => Answer::Running(self.running.clone()),
        };
        Called::Reply(answer, Next::Receive)
    }

    async fn handle_info(&mut self, context: &Context, message: Message) -> Next<Self> {
        let Message::Exit { from, reason } = message else { return Next::Receive };
        match self.running.iter().position(|application| application.master == from) {
            Some(place) => self.ended(context, place, reason),
            None => Next::Receive,
        }
    }

    async fn terminate(&mut self, context: &Context, _: &ExitReason) {
        while let Some(last) = self.running.len().checked_sub(1) {
            self.stop(context, last).await;
        }
    }

    fn format_status(&self) -> String {
        let running: Vec<String> = self
            .running
            .iter()
            .map(|application| format!("{} {:?}", application.name, application.start_type))
            .collect();
        format!("running {running:?} of {} loaded", self.loaded.len())
    }
}

impl Controller {
    fn place(&self, name: &str) -> Option<usize> {
        self.running.iter().position(|application| application.name == name)
    }

    fn load(&mut self, spec: ApplicationSpec) -> Result<(), ApplicationError> {
        if self.loaded.contains_key(&spec.name) {
            return Err(ApplicationError::AlreadyLoaded(spec.name));
        }
        self.loaded.insert(spec.name.clone(), spec);
        Ok(())
    }

    fn unload(&mut self, name: &str) -> Result<(), ApplicationError> {
        if self.place(name).is_some() {
            return Err(ApplicationError::Running(name.to_owned()));
        }
        self.loaded.remove(name).map(drop).ok_or_else(|| ApplicationError::NotLoaded(name.to_owned()))
    }

    async fn start(&mut self, context: &Context, name: &str, start_type: StartType) -> Result<(), ApplicationError> {
        if self.place(name).is_some() {
            return Err(ApplicationError::AlreadyStarted(name.to_owned()));
        }
        let spec = self.loaded.get(name).ok_or_else(|| ApplicationError::NotLoaded(name.to_owned()))?;
        if let Some(missing) = spec.dependencies.iter().find(|dependency| self.place(dependency).is_none()) {
            return Err(ApplicationError::NotStarted(missing.clone()));
        }
        let options = SpawnOptions { label: name.to_owned(), ..SpawnOptions::default() };
        match context.start_link(options, master::body(spec.clone(), start_type)).await {
            Started::Up(master) => {
                self.running.push(RunningApplication { name: name.to_owned(), start_type, master });
                Ok(())
            }
            Started::Failed(reason) => Err(ApplicationError::StartFailed(name.to_owned(), reason)),
            Started::Ignored => unreachable!("a master never ignores its start"),
        }
    }

    /// What this start began is stopped again when a part of it fails.
    async fn start_all(
        &mut self,
        context: &Context,
        name: &str,
        start_type: StartType,
    ) -> Result<Vec<String>, ApplicationError> {
        let dependencies = |name: &str| self.loaded.get(name).map(|spec| spec.dependencies.clone());
        let order = start_order(name, dependencies, |name| self.place(name).is_some())?;
        let before = self.running.len();
        for name in &order {
            if let Err(error) = self.start(context, name, start_type).await {
                while self.running.len() > before {
                    self.stop(context, self.running.len() - 1).await;
                }
                return Err(error);
            }
        }
        Ok(order)
    }

    async fn stop(&mut self, context: &Context, place: usize) {
        let application = self.running.remove(place);
        stop_master(context, application.master).await;
        tracing::info!(application = application.name, "an application was stopped");
    }

    /// The tree of an application ended by itself. Source: OTP `application_controller`, `handle_application_exit`.
    fn ended(&mut self, context: &Context, place: usize, reason: ExitReason) -> Next<Self> {
        let RunningApplication { name, start_type, .. } = self.running.remove(place);
        tracing::error!(controller = %context.pid(), application = name, %reason, "a {start_type:?} application ended");
        match start_type {
            StartType::Temporary => Next::Receive,
            StartType::Transient if reason.is_normal() => Next::Receive,
            // `terminate` stops the others, the last one started first.
            StartType::Transient | StartType::Permanent => {
                Next::Stop(ExitReason::new("application_terminated").with_detail(format!("{name}: {reason}")))
            }
        }
    }
}

/// Stops an application, for as long as it takes. One that ends by itself meanwhile has ended as well.
async fn stop_master(context: &Context, master: Pid) {
    context.exit_signal(master, ExitReason::SHUTDOWN);
    context.receive_match(|message| matches!(message, Message::Exit { from, .. } if *from == master)).await;
}
