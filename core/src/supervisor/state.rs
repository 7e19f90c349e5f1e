use super::children::{ChildKey, Children, Run};
use super::request::Reply;
use super::restart_window::RestartWindow;
use super::{
    AutoShutdown, ChildArgs, ChildRef, ChildSpec, Decision, Restart, Shutdown, SpecError, Strategy, SupervisorError,
    SupervisorFlags, SupervisorReport, SupervisorSpec,
};
use crate::seam::Timestamp;
use crate::{Caller, ExitReason, Pid, Started};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A supervisor without I/O: OTP's `supervisor.erl` as a state machine.
///
/// Its driver calls [`start`](Self::start) once and then, again and again: performs what [`poll_action`](Self::poll_action)
/// gives until there is nothing more, and waits for what [`waits_for`](Self::waits_for) says, no longer than
/// [`poll_timeout`](Self::poll_timeout). What it does not wait for stays in the mailbox, as in OTP, where a supervisor
/// that starts or stops a child sees nothing else.
#[derive(Debug)]
pub(super) struct SupervisorState {
    pub(super) flags: SupervisorFlags,
    pub(super) template: Option<Arc<ChildSpec>>,
    pub(super) children: Children,
    pub(super) window: RestartWindow,
    pub(super) phase: Phase,
    pub(super) actions: VecDeque<Action>,
}

/// What the driver is to do.
#[derive(Debug)]
pub(super) enum Action {
    /// Start this child and answer with [`SupervisorState::handle_started`].
    Start { spec: Arc<ChildSpec>, args: ChildArgs },
    /// Monitor this process, send it this exit signal and answer its end with [`SupervisorState::handle_down`].
    Stop { pid: Pid, signal: ExitReason },
    /// Send it `kill` as well.
    Kill(Pid),
    /// Ask whether it lives and answer with [`SupervisorState::handle_alive`].
    AskAlive(Pid),
    /// Send [`SupervisorState::handle_retry`] of this child through the supervisor's own mailbox.
    Retry(ChildRef),
    /// Answer this call.
    Reply(Caller, Reply),
    /// Tell people.
    Report(SupervisorReport),
    /// Say that the supervisor is up.
    Up,
    /// End with this reason; when it is not up yet, the start failed.
    End(ExitReason),
}

/// What the driver is to take out of the mailbox next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitsFor {
    /// Anything.
    Mailbox,
    /// The answer to an action.
    Answer,
    /// The ends of the processes being stopped, and nothing else.
    Down,
}

#[derive(Debug)]
pub(super) enum Phase {
    Ready,
    Starting(Starting),
    Stopping(Stopping),
    /// Whether a process lives that a caller wants terminated.
    Asking(Caller),
    Ended,
}

/// Children are being started, one after the other.
#[derive(Debug)]
pub(super) struct Starting {
    current: ChildKey,
    /// After it, in start order.
    queue: VecDeque<ChildKey>,
    why: StartingFor,
}

#[derive(Debug)]
pub(super) enum StartingFor {
    Init,
    /// A new child; it is not kept when it does not start.
    NewChild(Caller),
    RestartChild(Caller),
    Restart(Restarting),
}

/// A child that ended and is being restarted, perhaps with others.
#[derive(Debug)]
pub(super) struct Restarting {
    child: ChildKey,
    old: Option<Pid>,
    reason: ExitReason,
}

/// Children are being stopped: one after the other, instances of a template all at once.
#[derive(Debug)]
pub(super) struct Stopping {
    waiting: BTreeMap<Pid, ChildKey>,
    deadline: Option<Timestamp>,
    /// To be stopped after those, in this order.
    queue: VecDeque<ChildKey>,
    then: AfterStop,
}

#[derive(Debug)]
pub(super) enum AfterStop {
    Reply(Caller),
    Start(VecDeque<ChildKey>, Restarting),
    End(ExitReason),
}

impl SupervisorState {
    /// A supervisor that has started nothing yet.
    ///
    /// # Errors
    /// The spec contradicts itself.
    pub(super) fn new(spec: SupervisorSpec) -> Result<Self, SpecError> {
        spec.check()?;
        let SupervisorSpec { flags, children: specs, .. } = spec;
        let mut children = Children::default();
        let mut template = None;
        if flags.strategy == Strategy::SimpleOneForOne {
            template = specs.into_iter().next().map(Arc::new);
        } else {
            for spec in specs {
                children.add(Arc::new(spec));
            }
        }
        let window = RestartWindow::new(flags.intensity, flags.period);
        Ok(Self { flags, template, children, window, phase: Phase::Ready, actions: VecDeque::new() })
    }

    /// Starts the children.
    pub(super) fn start(&mut self) {
        let queue = self.children.iter().map(|(key, _)| key).collect();
        self.start_next(queue, StartingFor::Init);
    }

    /// What to do next, if anything.
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Stopping(stopping) => stopping.deadline,
            _ => None,
        }
    }

    pub(super) fn waits_for(&self) -> WaitsFor {
        match self.phase {
            Phase::Ready => WaitsFor::Mailbox,
            Phase::Stopping(_) => WaitsFor::Down,
            Phase::Starting(_) | Phase::Asking(_) | Phase::Ended => WaitsFor::Answer,
        }
    }

    /// An `Exit` message. Source: `supervisor:handle_info/2`; one of a stranger is ignored.
    pub(super) fn handle_exit(&mut self, now: Timestamp, pid: Pid, reason: ExitReason) {
        self.assert_ready();
        let Some(key) = self.children.by_pid(pid) else { return };
        let Some(child) = self.children.get(key).filter(|child| child.run == Run::Running(pid)) else { return };
        match child.spec.restart {
            Restart::Permanent => self.restart(now, key, Some(pid), reason),
            Restart::Transient if !reason.is_orderly() => self.restart(now, key, Some(pid), reason),
            Restart::Transient | Restart::Temporary => self.let_go(now, key, pid, reason),
        }
    }

    /// The end of a child that is not restarted. Source: `supervisor:do_auto_shutdown/2`.
    fn let_go(&mut self, now: Timestamp, key: ChildKey, pid: Pid, reason: ExitReason) {
        let Some(child) = self.children.get(key) else { return };
        let (id, significant) = (child.spec.id.clone(), child.spec.significant);
        self.forget_process(key);
        let ends = significant
            && match self.flags.auto_shutdown {
                AutoShutdown::Never => false,
                AutoShutdown::AnySignificant => true,
                AutoShutdown::AllSignificant => {
                    !self.children.iter().any(|(_, other)| other.spec.significant && other.run != Run::Stopped)
                }
            };
        if ends {
            self.report(id, Some(pid), reason, Decision::AutoShutdown);
            self.end(now, ExitReason::SHUTDOWN);
        } else if !reason.is_orderly() {
            self.report(id, Some(pid), reason, Decision::LetGo);
        }
    }

    /// The supervisor's own message of [`Action::Retry`]: nothing when the child was stopped or deleted meanwhile.
    pub(super) fn handle_retry(&mut self, now: Timestamp, child: &ChildRef) {
        self.assert_ready();
        let Some(key) = self.find(child) else { return };
        let Some(Run::Restarting { old, reason }) = self.children.get(key).map(|child| child.run.clone()) else {
            return;
        };
        self.restart(now, key, old, reason);
    }

    /// The parent's exit, or a request to stop: ends the children, then itself with this reason.
    pub(super) fn stop(&mut self, now: Timestamp, reason: ExitReason) {
        self.assert_ready();
        self.end(now, reason);
    }

    /// Every attempt counts, failed ones too. Source: `supervisor:restart/2`.
    fn restart(&mut self, now: Timestamp, key: ChildKey, old: Option<Pid>, reason: ExitReason) {
        if !self.window.add(now) {
            let decision = Decision::GaveUp {
                count: self.window.count(),
                intensity: self.flags.intensity,
                period: self.flags.period,
            };
            self.report(self.id_of(key), old, reason, decision);
            self.forget_process(key);
            return self.end(now, ExitReason::SHUTDOWN);
        }
        self.children.set_run(key, Run::Stopped);
        let affected: VecDeque<ChildKey> = match self.flags.strategy {
            Strategy::OneForOne | Strategy::SimpleOneForOne => VecDeque::from([key]),
            Strategy::RestForOne => self.children.from(key).collect(),
            Strategy::OneForAll => self.children.iter().map(|(key, _)| key).collect(),
        };
        // In a group all are stopped, and the temporary ones forgotten: also the one that ended, when new specs have made
        // it temporary meanwhile. Source: `supervisor:terminate_children/2`.
        let stops = match self.flags.strategy {
            Strategy::OneForOne | Strategy::SimpleOneForOne => VecDeque::new(),
            Strategy::RestForOne | Strategy::OneForAll => affected.iter().rev().copied().collect(),
        };
        let restarting = Restarting { child: key, old, reason };
        self.stop_next(now, stops, AfterStop::Start(affected, restarting));
    }

    /// Starts the first of `queue` that still exists, or goes on when there is none.
    pub(super) fn start_next(&mut self, mut queue: VecDeque<ChildKey>, why: StartingFor) {
        while let Some(current) = queue.pop_front() {
            if let Some(child) = self.children.get(current) {
                self.actions.push_back(Action::Start { spec: child.spec.clone(), args: child.args.clone() });
                self.phase = Phase::Starting(Starting { current, queue, why });
                return;
            }
        }
        self.phase = Phase::Ready;
        if let StartingFor::Init = why {
            self.actions.push_back(Action::Up);
        }
    }

    /// How [`Action::Start`] went.
    pub(super) fn handle_started(&mut self, now: Timestamp, outcome: Started) {
        let Phase::Starting(Starting { current, queue, why }) = std::mem::replace(&mut self.phase, Phase::Ready) else {
            unreachable!("a start that the supervisor did not ask for");
        };
        let pid = match outcome {
            Started::Failed(reason) => return self.start_failed(now, current, why, reason),
            Started::Up(pid) => Some(pid),
            Started::Ignored => None,
        };
        self.children.set_run(current, pid.map_or(Run::Stopped, Run::Running));
        match &why {
            StartingFor::Init => {}
            StartingFor::NewChild(from) | StartingFor::RestartChild(from) => self.reply_started(*from, Ok(pid)),
            StartingFor::Restart(restarting) => {
                if let Some(child) = self.children.get_mut(current) {
                    child.restarts += 1;
                }
                if current == restarting.child {
                    let decision = Decision::Restarted {
                        pid,
                        count: self.window.count(),
                        intensity: self.flags.intensity,
                        period: self.flags.period,
                    };
                    self.report(self.id_of(current), restarting.old, restarting.reason.clone(), decision);
                } else {
                    let decision = Decision::RestartedWith { cause: self.id_of(restarting.child), pid };
                    self.report(self.id_of(current), None, restarting.reason.clone(), decision);
                }
            }
        }
        // A temporary child that ignores is forgotten, but not by `restart_child`: new specs may have made it temporary.
        if pid.is_none() && !matches!(why, StartingFor::RestartChild(_)) {
            self.forget_process(current);
        }
        self.start_next(queue, why);
    }

    fn start_failed(&mut self, now: Timestamp, key: ChildKey, why: StartingFor, reason: ExitReason) {
        match why {
            StartingFor::Init => {
                let id = self.id_of(key);
                let failed = format!("failed_to_start_child({id}, {reason})");
                self.report(id, None, reason, Decision::StartFailed);
                self.end(now, ExitReason::SHUTDOWN.with_detail(failed));
            }
            StartingFor::NewChild(from) => {
                self.children.remove(key);
                self.reply_started(from, Err(SupervisorError::StartFailed(reason)));
            }
            StartingFor::RestartChild(from) => self.reply_started(from, Err(SupervisorError::StartFailed(reason))),
            StartingFor::Restart(restarting) => {
                let old = if key == restarting.child { restarting.old } else { None };
                let decision = Decision::RestartFailed { count: self.window.count(), intensity: self.flags.intensity };
                self.report(self.id_of(key), old, reason.clone(), decision);
                self.children.set_run(key, Run::Restarting { old, reason });
                let child = match old.filter(|_| self.template.is_some()) {
                    Some(pid) => ChildRef::Pid(pid),
                    None => ChildRef::Id(self.id_of(key)),
                };
                self.actions.push_back(Action::Retry(child));
            }
        }
    }

    /// Stops all children in reverse start order, instances of a template all at once, then itself.
    pub(super) fn end(&mut self, now: Timestamp, reason: ExitReason) {
        let then = AfterStop::End(reason);
        let Some(template) = self.template.clone() else {
            let queue = self.children.iter().rev().map(|(key, _)| key).collect();
            return self.stop_next(now, queue, then);
        };
        let waiting: BTreeMap<Pid, ChildKey> =
            self.children.iter().filter_map(|(key, child)| child.run.pid().map(|pid| (pid, key))).collect();
        if waiting.is_empty() {
            return self.stopped_all(then);
        }
        for (_, child) in self.children.iter() {
            if let Some(pid) = child.run.pid() {
                self.actions.push_back(Action::Stop { pid, signal: stop_signal(template.shutdown) });
            }
        }
        let deadline = deadline(now, template.shutdown);
        self.phase = Phase::Stopping(Stopping { waiting, deadline, queue: VecDeque::new(), then });
    }

    /// Stops the first of `queue` that runs, or goes on when there is none.
    pub(super) fn stop_next(&mut self, now: Timestamp, mut queue: VecDeque<ChildKey>, then: AfterStop) {
        while let Some(key) = queue.pop_front() {
            let Some(child) = self.children.get(key) else { continue };
            if let Some(pid) = child.run.pid() {
                let shutdown = child.spec.shutdown;
                self.actions.push_back(Action::Stop { pid, signal: stop_signal(shutdown) });
                let waiting = BTreeMap::from([(pid, key)]);
                self.phase = Phase::Stopping(Stopping { waiting, deadline: deadline(now, shutdown), queue, then });
                return;
            }
            self.forget_process(key);
        }
        self.stopped_all(then);
    }

    fn stopped_all(&mut self, then: AfterStop) {
        self.phase = Phase::Ready;
        match then {
            AfterStop::Reply(from) => self.reply_done(from, Ok(())),
            AfterStop::Start(queue, restarting) => self.start_next(queue, StartingFor::Restart(restarting)),
            AfterStop::End(reason) => {
                self.phase = Phase::Ended;
                self.actions.push_back(Action::End(reason));
            }
        }
    }

    /// The end of a process that is being stopped, with the reason of its EXIT when there was one.
    pub(super) fn handle_down(&mut self, now: Timestamp, pid: Pid, reason: ExitReason) {
        let Phase::Stopping(stopping) = &mut self.phase else {
            unreachable!("the end of a process that is not being stopped");
        };
        let Some(key) = stopping.waiting.remove(&pid) else { return };
        let done = stopping.waiting.is_empty();
        if let Some(child) = self.children.get(key)
            && !ended_as_asked(&child.spec, &reason)
        {
            self.report(child.spec.id.clone(), Some(pid), reason, Decision::StoppedOtherwise);
        }
        self.forget_process(key);
        if done && let Phase::Stopping(Stopping { queue, then, .. }) = std::mem::replace(&mut self.phase, Phase::Ready)
        {
            self.stop_next(now, queue, then);
        }
    }

    /// The deadline of [`poll_timeout`](Self::poll_timeout) is over: what has not ended is killed.
    pub(super) fn handle_timeout(&mut self, now: Timestamp) {
        let Phase::Stopping(stopping) = &mut self.phase else { return };
        if stopping.deadline.is_some_and(|deadline| now >= deadline) {
            stopping.deadline = None;
            self.actions.extend(stopping.waiting.keys().map(|pid| Action::Kill(*pid)));
        }
    }

    /// The child has no process any more; a temporary one and an instance of a template have no spec any more either.
    /// Source: `supervisor:del_child/2`.
    fn forget_process(&mut self, key: ChildKey) {
        let Some(child) = self.children.get(key) else { return };
        if child.spec.restart == Restart::Temporary || self.template.is_some() {
            self.children.remove(key);
        } else {
            self.children.set_run(key, Run::Stopped);
        }
    }

    fn id_of(&self, key: ChildKey) -> String {
        self.children.get(key).map(|child| child.spec.id.clone()).unwrap_or_default()
    }

    fn report(&mut self, child: String, pid: Option<Pid>, reason: ExitReason, decision: Decision) {
        self.actions.push_back(Action::Report(SupervisorReport { child, pid, reason, decision }));
    }

    pub(super) fn find(&self, child: &ChildRef) -> Option<ChildKey> {
        match child {
            ChildRef::Id(id) => self.children.by_id(id),
            ChildRef::Pid(pid) if self.template.is_some() => self.children.by_pid(*pid),
            ChildRef::Pid(_) => None,
        }
    }

    pub(super) fn assert_ready(&self) {
        assert!(matches!(self.phase, Phase::Ready), "a supervisor sees nothing else while it starts or stops a child");
    }
}

fn stop_signal(shutdown: Shutdown) -> ExitReason {
    match shutdown {
        Shutdown::BrutalKill => ExitReason::KILL,
        Shutdown::Timeout(_) | Shutdown::Infinity => ExitReason::SHUTDOWN,
    }
}

fn deadline(now: Timestamp, shutdown: Shutdown) -> Option<Timestamp> {
    match shutdown {
        Shutdown::Timeout(timeout) => Some(now + timeout),
        Shutdown::Infinity | Shutdown::BrutalKill => None,
    }
}

/// Whether the end of a child that was being stopped needs no report. Source: `supervisor:shutdown/1`.
fn ended_as_asked(spec: &ChildSpec, reason: &ExitReason) -> bool {
    let asked = match spec.shutdown {
        Shutdown::BrutalKill => ExitReason::KILLED,
        Shutdown::Timeout(_) | Shutdown::Infinity => ExitReason::SHUTDOWN,
    };
    *reason == asked || (spec.restart != Restart::Permanent && reason.is_orderly())
}
