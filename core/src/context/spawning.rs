//! How a process starts others, and says how its own start went.

use super::Context;
use crate::factory::ProcessBody;
use crate::process::{Answer, Starter};
use crate::signal::Kind;
use crate::spawn::{SpawnOptions, Spawned, Started};
use crate::{ExitReason, Message, Pid, Reference};
use std::future::Future;

impl Context {
    /// Spawns a process.
    pub fn spawn<F, Fut, R>(&self, body: F) -> Pid
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        self.node.spawn_async(Some(&self.process), SpawnOptions::default(), body).pid
    }

    /// Spawns a process and links it, in one step.
    ///
    /// ```
    /// # use rusm_core::{Node, NodeOptions, seam::Seams};
    /// use rusm_core::{ExitReason, Message};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// context.trap_exit(true);
    /// let child = context.spawn_link(|_| async { ExitReason::new("boom") });
    /// let Message::Exit { from, reason } = context.receive().await else { panic!("not an exit") };
    /// assert_eq!((from, reason.word()), (child, "boom"));
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub fn spawn_link<F, Fut, R>(&self, body: F) -> Pid
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        let options = SpawnOptions { link: true, ..SpawnOptions::default() };
        self.node.spawn_async(Some(&self.process), options, body).pid
    }

    /// Spawns a process and monitors it, in one step.
    ///
    /// ```
    /// # use rusm_core::{Node, NodeOptions, seam::Seams};
    /// use rusm_core::{ExitReason, Message, Monitored};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// let (child, monitor) = context.spawn_monitor(|_| async { ExitReason::new("boom") });
    /// let Message::Down { monitor: of, object, reason } = context.receive().await else { panic!("not a down") };
    /// assert_eq!((of, object, reason.word()), (monitor, Monitored::Pid(child), "boom"));
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub fn spawn_monitor<F, Fut, R>(&self, body: F) -> (Pid, Reference)
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<ExitReason>,
    {
        let options = SpawnOptions { monitor: true, ..SpawnOptions::default() };
        let spawned = self.node.spawn_async(Some(&self.process), options, body);
        (spawned.pid, spawned.monitor.unwrap_or_else(|| unreachable!("a monitor was asked for")))
    }

    /// Spawns a process whose parent is this one.
    pub fn spawn_with(&self, options: SpawnOptions, body: ProcessBody) -> Spawned {
        self.node.spawn_process(Some(&self.process), None, options, body)
    }

    /// Spawns a linked process and waits until it says that it is up, or ends. A start that failed leaves no `Exit`
    /// message. Source: OTP `proc_lib:start_link`, as of OTP 26.
    ///
    /// ```
    /// # use rusm_core::{Node, NodeOptions, seam::Seams};
    /// use rusm_core::{ExitReason, SpawnOptions, Started, process_body};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let node = Node::start(NodeOptions::new("a", Seams::production(std::env::temp_dir())));
    /// # let (done, ended) = tokio::sync::oneshot::channel();
    /// # node.spawn(|context: rusm_core::Context| async move {
    /// let good = process_body(|child| async move {
    ///     // What must be ready comes before this.
    ///     child.init_ack();
    ///     child.receive().await;
    /// });
    /// let Started::Up(pid) = context.start_link(SpawnOptions::default(), good).await else { panic!("not up") };
    /// assert!(context.is_alive(pid).await);
    ///
    /// let bad = process_body(|child| async move { child.init_fail(ExitReason::new("no disk")) });
    /// let started = context.start_link(SpawnOptions::default(), bad).await;
    /// assert_eq!(started, Started::Failed(ExitReason::new("no disk")));
    ///
    /// let idle = process_body(|child| async move { child.init_ignore() });
    /// assert_eq!(context.start_link(SpawnOptions::default(), idle).await, Started::Ignored);
    /// # done.send(()).unwrap();
    /// # });
    /// # ended.await.unwrap();
    /// # });
    /// ```
    pub async fn start_link(&self, options: SpawnOptions, body: ProcessBody) -> Started {
        self.start(SpawnOptions { link: true, ..options }, body).await.0
    }

    /// Spawns a process, linked and monitored as the options say, and waits until it says that it is up, or ends. A
    /// start that failed or was ignored leaves neither `Exit` nor `Down` message, and no monitor.
    /// Divergence: OTP's `proc_lib:start_monitor` leaves the `Down`.
    pub async fn start(&self, options: SpawnOptions, body: ProcessBody) -> (Started, Option<Reference>) {
        let request = self.ask();
        let (timeout, link) = (options.start_timeout, options.link);
        let Spawned { pid, monitor } = self.node.spawn_process(Some(&self.process), Some(request), options, body);
        let answer = match timeout {
            None => self.answer_to(request).await,
            Some(timeout) => tokio::select! {
                biased;
                answer = self.answer_to(request) => answer,
                () = self.sleep(timeout) => self.start_timed_out(pid, link).await,
            },
        };
        match answer {
            Answer::Started(outcome @ (Started::Failed(_) | Started::Ignored)) => {
                if let Some(monitor) = monitor {
                    self.demonitor_flush(monitor);
                }
                (outcome, None)
            }
            Answer::Started(outcome) => (outcome, monitor),
            _ => unreachable!("the answer to a start is how it went"),
        }
    }

    /// Kills a process whose start took too long, and waits until its name is free again. Source: OTP `proc_lib:start/5`.
    pub(super) async fn start_timed_out(&self, pid: Pid, link: bool) -> Answer {
        let monitor = self.monitor(pid);
        if link {
            self.unlink(pid);
        }
        self.exit_signal(pid, ExitReason::KILL);
        self.receive_match(|message| matches!(message, Message::Down { monitor: of, .. } if *of == monitor)).await;
        Answer::Started(Started::Failed(ExitReason::new("timeout")))
    }

    /// Says that this process is up: whoever started it goes on.
    pub fn init_ack(&self) {
        let starter = self.process.state.lock().starter.take();
        if let Some(starter) = starter {
            let Starter { pid, request, .. } = *starter;
            self.signal(pid, Kind::Started { request, outcome: Started::Up(self.pid()) });
        }
    }

    /// Says that there is nothing to run: OTP's `ignore`. The process must then return: whoever started it goes on when
    /// it has ended, so that its name is free again. Source: OTP 26, `proc_lib:init_fail/2`.
    pub fn init_ignore(&self) {
        self.will_not_start(Started::Ignored);
    }

    /// Says why this process cannot start. As with [`init_ignore`](Self::init_ignore) it must then return.
    pub fn init_fail(&self, reason: ExitReason) {
        self.will_not_start(Started::Failed(reason));
    }

    fn will_not_start(&self, outcome: Started) {
        if let Some(starter) = &mut self.process.state.lock().starter {
            starter.outcome = Some(outcome);
        }
    }
}
