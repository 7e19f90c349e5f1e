//! How a node makes processes.

use super::Node;
use crate::factory::{ProcessBody, Run};
use crate::process::{Link, Monitor, Over, Process, Starter, State, Watcher};
use crate::registry::Badarg;
use crate::signal::{Kind, Signal};
use crate::spawn::{SpawnOptions, Spawned, Started};
use crate::task::ProcessTask;
use crate::trace::TraceEvent;
use crate::{Behaviour, Context, ExitReason, Pid, Reference};
use std::future::Future;
use std::sync::Arc;

impl Node {
    /// Spawns a process without a parent.
    pub fn spawn<F, Fut, R>(&self, body: F) -> Pid
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        self.spawn_async(None, SpawnOptions::default(), body).pid
    }

    /// Spawns a process. From outside there is nobody to link or monitor: those options only count with a parent.
    ///
    /// A process whose name is in use ends at once with `already_started`; above
    /// [`PROCESSES_MAX`](crate::PROCESSES_MAX) the pid is of a process that never was.
    pub fn spawn_with(&self, options: SpawnOptions, body: ProcessBody) -> Spawned {
        self.spawn_process(None, None, options, body)
    }

    /// Spawns a process and waits until it says that it is up. See [`Context::start_link`].
    pub async fn start_process(&self, options: SpawnOptions, body: ProcessBody) -> Started {
        let started = self.inside(move |context| async move { context.start(options, body).await.0 }).await;
        started.unwrap_or_else(|| Started::Failed(ExitReason::new("system_limit")))
    }

    pub(crate) fn spawn_process(
        &self,
        parent: Option<&Process>,
        start_request: Option<Reference>,
        options: SpawnOptions,
        ProcessBody { run, function, behaviour }: ProcessBody,
    ) -> Spawned {
        match self.make_process(parent, start_request, options, function, behaviour) {
            Ok((process, monitor)) => Spawned { pid: self.run_process(process, run), monitor },
            Err(refused) => refused,
        }
    }

    /// Spawns a process without a box around its body.
    pub(crate) fn spawn_async<F, Fut, R>(&self, parent: Option<&Process>, options: SpawnOptions, body: F) -> Spawned
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        match self.make_process(parent, None, options, std::any::type_name::<F>(), Behaviour::Plain) {
            Ok((process, monitor)) => {
                let context = Context::new(self.clone(), process.clone());
                // All of it runs in the new process, as in `process_body`.
                let body = async move { body(context).await.into() };
                let bytes = size_of_val(&body);
                Spawned { pid: self.start_body(process, body, bytes), monitor }
            }
            Err(refused) => refused,
        }
    }

    /// Lets a process run that is in the table.
    pub(super) fn run_process(&self, process: Arc<Process>, run: Run) -> Pid {
        let body = run(Context::new(self.clone(), process.clone()));
        let bytes = size_of_val(&*body);
        self.start_body(process, body, bytes)
    }

    fn start_body<B>(&self, process: Arc<Process>, body: B, bytes: usize) -> Pid
    where
        B: Future<Output = ExitReason> + Send + 'static,
    {
        let pid = process.pid;
        process.set_body_bytes(bytes);
        self.0.seams.executor.spawn_future(ProcessTask::new(self.clone(), process, body));
        pid
    }

    /// A process that is in the table and related to its parent, and does not run yet; `Err` when the table is full.
    fn make_process(
        &self,
        parent: Option<&Process>,
        start_request: Option<Reference>,
        options: SpawnOptions,
        function: &'static str,
        behaviour: Behaviour,
    ) -> Result<(Arc<Process>, Option<Reference>), Spawned> {
        let parent_pid = parent.map(|parent| parent.pid).or(options.parent);
        let SpawnOptions { label, mailbox: mailbox_bound, name, .. } = options;
        let mut state = State { label, function, behaviour, mailbox_bound, ..State::default() };
        let monitor = parent.filter(|_| options.monitor).map(|parent| self.reference(parent.pid.index));
        if let Some(parent) = parent {
            if options.link {
                state.links.insert(parent.pid, Link::Active(Over::NONE));
            }
            if let Some(monitor) = monitor {
                state.monitored_by.insert(monitor, Watcher { pid: parent.pid, calls: false });
            }
            state.starter = start_request.map(|request| Box::new(Starter { pid: parent.pid, request, outcome: None }));
        }
        let Some(process) = self.enter(parent_pid, name.as_deref(), state) else {
            return Err(self.spawn_refused(parent, start_request, monitor));
        };
        let pid = process.pid;
        if let Some(parent) = parent
            && (options.link || monitor.is_some())
        {
            let mut state = parent.state.lock();
            if options.link {
                state.links.insert(pid, Link::Active(Over::NONE));
            }
            if let Some(monitor) = monitor {
                state.monitors.insert(monitor, Monitor::Pid(pid));
            }
        }
        Ok((process, monitor))
    }

    /// Puts a process into the table that does not run yet; `None` when that is full.
    pub(super) fn enter(&self, parent: Option<Pid>, name: Option<&str>, state: State) -> Option<Arc<Process>> {
        let label = if self.0.tracer.is_some() { state.label.clone() } else { String::new() };
        let now = self.0.seams.clock.now();
        let random = |number| self.unguessable("pid", number);
        let process = self.0.table.insert(random, |pid| Process::new(pid, parent, now, state))?;
        let pid = process.pid;
        self.trace(|| TraceEvent::Spawned { pid, parent, label: &label });
        if let Some(Err(Badarg(why))) = name.map(|name| self.register(name, pid)) {
            // It ends before it runs.
            process.state.lock().exit = Some(ExitReason::new("already_started").with_detail(why));
            process.set_exiting();
        }
        Some(process)
    }

    /// The process table is full: a pid that reaches nobody, and whoever relates to it hears so.
    fn spawn_refused(
        &self,
        parent: Option<&Process>,
        start_request: Option<Reference>,
        monitor: Option<Reference>,
    ) -> Spawned {
        tracing::error!(processes = self.0.table.len(), "a spawn failed: the process table is full");
        let nobody = Pid { random: self.reference(0).random, ..self.outside() };
        if let Some(parent) = parent {
            let reason = ExitReason::new("system_limit");
            if let Some(monitor) = monitor {
                parent.state.lock().monitors.insert(monitor, Monitor::Pid(nobody));
                let reason = reason.clone();
                self.signal(nobody, parent.pid, Signal(Kind::Down { monitor, reason }));
            }
            if let Some(request) = start_request {
                let outcome = Started::Failed(reason);
                self.signal(nobody, parent.pid, Signal(Kind::Started { request, outcome }));
            }
        }
        Spawned { pid: nobody, monitor }
    }
}
