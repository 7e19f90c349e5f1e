//! What a supervisor does when it is asked something.

use super::children::{Child, ChildKey, Run};
use super::request::{Reply, Request};
use super::state::{Action, AfterStop, Phase, StartingFor, SupervisorState};
use super::{
    ChildCounts, ChildInfo, ChildKind, ChildRef, ChildSpec, SpecError, Strategy, SupervisorError, SupervisorFlags,
    SupervisorSpec,
};
use crate::seam::Timestamp;
use crate::{Caller, Pid};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// As `sys::status` shows it.
impl fmt::Display for SupervisorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SupervisorFlags { strategy, intensity, period, .. } = self.flags;
        write!(f, "{strategy:?}, {} of {intensity} restarts in {period:?}:", self.window.count())?;
        for (_, child) in self.children.iter() {
            match child.run.pid() {
                Some(pid) => write!(f, " {}={pid}", child.spec.id)?,
                None => write!(f, " {}=none", child.spec.id)?,
            }
        }
        Ok(())
    }
}

impl SupervisorState {
    /// A call. Source: `supervisor:handle_call/3`.
    pub(super) fn handle_request(&mut self, now: Timestamp, from: Caller, request: Request) {
        self.assert_ready();
        let dynamic = self.template.is_some();
        match request {
            Request::StartInstance(args) => match self.template.clone() {
                None => self.reply_started(from, Err(SupervisorError::NotSimpleOneForOne)),
                Some(template) => {
                    let key = self.children.add_instance(template, args);
                    self.start_next(VecDeque::from([key]), StartingFor::NewChild(from));
                }
            },
            Request::StartChild(_) | Request::RestartChild(_) if dynamic => {
                self.reply_started(from, Err(SupervisorError::SimpleOneForOne));
            }
            Request::StartChild(spec) => self.start_child(from, spec),
            Request::TerminateChild(child) => self.terminate_child(now, from, child),
            Request::RestartChild(id) => match self.not_running(&id) {
                Ok(key) => self.start_next(VecDeque::from([key]), StartingFor::RestartChild(from)),
                Err(error) => self.reply_started(from, Err(error)),
            },
            Request::DeleteChild(_) if dynamic => self.reply_done(from, Err(SupervisorError::SimpleOneForOne)),
            Request::DeleteChild(id) => {
                let deleted = self.not_running(&id).map(|key| drop(self.children.remove(key)));
                self.reply_done(from, deleted);
            }
            Request::WhichChildren => {
                let children = self.children.iter().rev().map(|(_, child)| info(child)).collect();
                self.actions.push_back(Action::Reply(from, Reply::Children(children)));
            }
            Request::CountChildren => {
                let counts = self.counts();
                self.actions.push_back(Action::Reply(from, Reply::Counts(counts)));
            }
            Request::Change(spec) => {
                let changed = self.change(spec).map_err(SupervisorError::from);
                self.reply_done(from, changed);
            }
            Request::Stop(reason) => {
                self.reply_done(from, Ok(()));
                self.end(now, reason);
            }
        }
    }

    fn start_child(&mut self, from: Caller, spec: ChildSpec) {
        if let Err(error) = spec.check(self.flags.auto_shutdown) {
            return self.reply_started(from, Err(error.into()));
        }
        match self.children.by_id(&spec.id).and_then(|key| self.children.get(key)).map(|child| child.run.pid()) {
            Some(Some(pid)) => self.reply_started(from, Err(SupervisorError::AlreadyStarted(pid))),
            Some(None) => self.reply_started(from, Err(SupervisorError::AlreadyPresent)),
            None => {
                let key = self.children.add(Arc::new(spec));
                self.start_next(VecDeque::from([key]), StartingFor::NewChild(from));
            }
        }
    }

    fn terminate_child(&mut self, now: Timestamp, from: Caller, child: ChildRef) {
        if self.template.is_some() && matches!(child, ChildRef::Id(_)) {
            return self.reply_done(from, Err(SupervisorError::SimpleOneForOne));
        }
        match (self.find(&child), child) {
            (Some(key), _) => self.stop_next(now, VecDeque::from([key]), AfterStop::Reply(from)),
            (None, ChildRef::Pid(pid)) if self.template.is_some() => {
                self.phase = Phase::Asking(from);
                self.actions.push_back(Action::AskAlive(pid));
            }
            (None, _) => self.reply_done(from, Err(SupervisorError::NotFound)),
        }
    }

    /// The answer to [`Action::AskAlive`]: to terminate a process that is dead anyway is no error.
    pub(super) fn handle_alive(&mut self, alive: bool) {
        let Phase::Asking(from) = std::mem::replace(&mut self.phase, Phase::Ready) else {
            unreachable!("an answer that the supervisor did not ask for");
        };
        self.reply_done(from, if alive { Err(SupervisorError::NotFound) } else { Ok(()) });
    }

    /// New flags and specs: running children stay, none is started or stopped; a child that has no spec any more keeps
    /// its old one, last in start order. Source: OTP `supervisor:code_change/3`.
    fn change(&mut self, spec: SupervisorSpec) -> Result<(), SpecError> {
        spec.check()?;
        let dynamic = spec.flags.strategy == Strategy::SimpleOneForOne;
        if dynamic != self.template.is_some() {
            return Err(SpecError::OtherKindOfSupervisor);
        }
        self.flags = spec.flags;
        self.window.change(spec.flags.intensity, spec.flags.period);
        let specs = spec.children.into_iter().map(Arc::new);
        if dynamic {
            self.template = specs.last();
            if let Some(template) = &self.template {
                self.children.set_template(template);
            }
        } else {
            self.children.change(specs);
        }
        Ok(())
    }

    fn counts(&self) -> ChildCounts {
        let mut counts =
            ChildCounts { specs: self.children.len(), active: self.children.running(), ..ChildCounts::default() };
        match &self.template {
            Some(template) => {
                counts.specs = 1;
                match template.kind {
                    ChildKind::Worker => counts.workers = self.children.len(),
                    ChildKind::Supervisor => counts.supervisors = self.children.len(),
                }
            }
            None => {
                counts.supervisors =
                    self.children.iter().filter(|(_, child)| child.spec.kind == ChildKind::Supervisor).count();
                counts.workers = self.children.len() - counts.supervisors;
            }
        }
        counts
    }

    fn not_running(&self, id: &str) -> Result<ChildKey, SupervisorError> {
        let key = self.children.by_id(id).ok_or(SupervisorError::NotFound)?;
        match self.children.get(key).map(|child| &child.run) {
            Some(Run::Stopped) => Ok(key),
            Some(Run::Running(_)) => Err(SupervisorError::Running),
            Some(Run::Restarting { .. }) => Err(SupervisorError::Restarting),
            None => Err(SupervisorError::NotFound),
        }
    }

    pub(super) fn reply_started(&mut self, to: Caller, result: Result<Option<Pid>, SupervisorError>) {
        self.actions.push_back(Action::Reply(to, Reply::Started(result)));
    }

    pub(super) fn reply_done(&mut self, to: Caller, result: Result<(), SupervisorError>) {
        self.actions.push_back(Action::Reply(to, Reply::Done(result)));
    }
}

fn info(child: &Child) -> ChildInfo {
    ChildInfo {
        id: child.spec.id.clone(),
        pid: child.run.pid(),
        restarting: matches!(child.run, Run::Restarting { .. }),
        restarts: child.restarts,
        kind: child.spec.kind,
    }
}
