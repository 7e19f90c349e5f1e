//! What the supervisor's tests share: a world of scripted children, and a driver that performs the machine's actions in
//! it at once.

use super::request::{Reply, Request};
use super::state::{Action, SupervisorState, WaitsFor};
use super::{ChildArgs, ChildRef, ChildSpec, ChildStart, Decision, Shutdown, SupervisorSpec};
use crate::seam::Timestamp;
use crate::{Caller, ExitReason, NodeId, Pid, Reference, Started};
use std::collections::VecDeque;
use std::time::Duration;

/// Children that start and end as scripted, and the log of what happened to them.
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) log: Vec<String>,
    started: u32,
    outcome: Script,
}

type Script = Box<dyn Fn(u32, &str) -> Outcome>;

/// How the n-th start goes, and how the process then ends when it is stopped.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Fails,
    Ignores,
    Up(Ends),
}

/// How a process takes `shutdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Obeys,
    Otherwise,
    Never,
}

impl World {
    pub(super) fn new(outcome: impl Fn(u32, &str) -> Outcome + 'static) -> Self {
        Self { now: Timestamp::default(), log: Vec::new(), started: 0, outcome: Box::new(outcome) }
    }

    pub(super) fn start(&mut self, id: &str) -> Started {
        self.started += 1;
        match (self.outcome)(self.started, id) {
            Outcome::Fails => {
                self.log.push(format!("fail {id}"));
                Started::Failed(ExitReason::new("bad"))
            }
            Outcome::Ignores => {
                self.log.push(format!("ignore {id}"));
                Started::Ignored
            }
            Outcome::Up(_) => {
                self.log.push(format!("start {id} as {}", self.started));
                Started::Up(pid(self.started))
            }
        }
    }

    /// The reason with which the process ends, and whether it must be killed first.
    pub(super) fn end_of(&mut self, stopped: Pid, signal: &ExitReason, shutdown: Shutdown) -> (ExitReason, bool) {
        let ends = match (self.outcome)(stopped.index, "") {
            Outcome::Up(ends) => ends,
            Outcome::Fails | Outcome::Ignores => Ends::Obeys,
        };
        let (reason, killed) = match (signal.is_kill(), ends, shutdown) {
            (true, ..) => (ExitReason::KILLED, false),
            (false, Ends::Never, Shutdown::Timeout(_)) => (ExitReason::KILLED, true),
            (false, Ends::Otherwise, _) => (ExitReason::new("weird"), false),
            (false, Ends::Obeys | Ends::Never, _) => (ExitReason::SHUTDOWN, false),
        };
        self.log.push(format!("stop {} {reason}", stopped.index));
        (reason, killed)
    }
}

pub(super) fn pid(index: u32) -> Pid {
    Pid { node: NodeId::from_u32(1), incarnation: 1, index, serial: 0, random: 0 }
}

pub(super) fn caller() -> Caller {
    let reference = Reference { node: NodeId::from_u32(1), incarnation: 1, index: 0, serial: 0, random: 0 };
    Caller { pid: pid(0), reference }
}

pub(super) fn child(id: &str) -> ChildSpec {
    ChildSpec::new(id, ChildStart::native(|_, _| async {}))
}

/// The machine with a driver that performs everything at once.
pub(super) struct Driven {
    pub(super) state: SupervisorState,
    pub(super) world: World,
    pub(super) retries: VecDeque<ChildRef>,
    pub(super) reply: Option<Reply>,
    pub(super) decisions: Vec<Decision>,
    pub(super) up: bool,
    pub(super) ended: Option<ExitReason>,
}

impl Driven {
    pub(super) fn start(spec: SupervisorSpec, world: World) -> Self {
        let state = SupervisorState::new(spec).expect("a spec without contradictions");
        let mut driven =
            Self { state, world, retries: VecDeque::new(), reply: None, decisions: Vec::new(), up: false, ended: None };
        driven.state.start();
        driven.perform();
        driven
    }

    pub(super) fn exit(&mut self, index: u32, reason: ExitReason) {
        self.state.handle_exit(self.world.now, pid(index), reason);
        self.perform();
    }

    pub(super) fn ask(&mut self, request: Request) -> Option<Reply> {
        self.state.handle_request(self.world.now, caller(), request);
        self.perform();
        self.reply.take()
    }

    pub(super) fn stop(&mut self, reason: ExitReason) {
        self.state.stop(self.world.now, reason);
        self.perform();
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.world.now = self.world.now + time;
    }

    /// Delivers the oldest retry that the supervisor sent itself.
    pub(super) fn retry(&mut self) -> bool {
        let Some(child) = self.retries.pop_front() else { return false };
        self.state.handle_retry(self.world.now, &child);
        self.perform();
        true
    }

    pub(super) fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.world.log)
    }

    fn perform(&mut self) {
        let mut stopping: VecDeque<(Pid, ExitReason)> = VecDeque::new();
        loop {
            if let Some(action) = self.state.poll_action() {
                match action {
                    Action::Start { spec, args } => {
                        let id = instance(&spec.id, &args);
                        let started = self.world.start(&id);
                        self.state.handle_started(self.world.now, started);
                    }
                    Action::Stop { pid, signal } => stopping.push_back((pid, signal)),
                    Action::Kill(_) => {}
                    Action::AskAlive(pid) => self.state.handle_alive(pid.index.is_multiple_of(2)),
                    Action::Retry(child) => self.retries.push_back(child),
                    Action::Reply(_, reply) => self.reply = Some(reply),
                    Action::Report(report) => self.decisions.push(report.decision),
                    Action::Up => self.up = true,
                    Action::End(reason) => self.ended = Some(reason),
                }
            } else if !stopping.is_empty() {
                self.end_all(&mut stopping);
            } else {
                return;
            }
        }
    }
}

impl Driven {
    /// Ends the processes that are being stopped: at the deadline the machine kills whatever is left of them.
    fn end_all(&mut self, stopping: &mut VecDeque<(Pid, ExitReason)>) {
        assert_eq!(self.state.waits_for(), WaitsFor::Down);
        let deadline = self.state.poll_timeout();
        let shutdown = deadline.map_or(Shutdown::Infinity, |at| Shutdown::Timeout(at.since(self.world.now)));
        let ends = stopping.drain(..).map(|(pid, signal)| (pid, self.world.end_of(pid, &signal, shutdown)));
        let (late, in_time): (Vec<_>, Vec<_>) =
            ends.collect::<Vec<_>>().into_iter().partition(|(_, (_, killed))| *killed);
        for (pid, (reason, _)) in in_time {
            self.state.handle_down(self.world.now, pid, reason);
        }
        if late.is_empty() {
            return;
        }
        self.state.handle_timeout(deadline.expect("only a timeout leads to a kill"));
        let mut killed = Vec::new();
        while let Some(action) = self.state.poll_action() {
            match action {
                Action::Kill(pid) => killed.push(pid),
                Action::Report(report) => self.decisions.push(report.decision),
                other => panic!("{other:?} while children are being stopped"),
            }
        }
        for (pid, (reason, _)) in late {
            assert!(killed.contains(&pid));
            self.state.handle_down(self.world.now, pid, reason);
        }
    }
}

pub(super) fn instance(id: &str, args: &ChildArgs) -> String {
    match args.downcast::<u32>() {
        Some(number) => format!("{id}({number})"),
        None => id.to_owned(),
    }
}
