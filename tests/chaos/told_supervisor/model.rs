//! A supervisor as OTP describes it, in the plainest words: what must be done, in which order.

use rusm_core::{AutoShutdown, Restart, Shutdown, Strategy};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the next starts of a child fail, or whether they come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Fails(u32),
    Ignored,
}

/// In that time no child ends.
pub(super) const TOO_SHORT: Shutdown = Shutdown::Timeout(Duration::from_millis(50));

pub(super) type Starts = BTreeMap<String, Start>;

/// Takes what the next start of that child does: `None` when it succeeds.
pub(super) fn next_start(starts: &mut Starts, id: &str) -> Option<Start> {
    let start = starts.remove(id)?;
    if let Start::Fails(times @ 2..) = start {
        starts.insert(id.to_owned(), Start::Fails(times - 1));
    }
    Some(start)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) id: String,
    pub(super) restart: Restart,
    pub(super) significant: bool,
    pub(super) shutdown: Shutdown,
    pub(super) is_supervisor: bool,
    pub(super) runs: bool,
    /// A restart failed, and will be tried again.
    pub(super) restarting: bool,
    pub(super) restarts: u32,
}

/// What an operator asks for.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Start(Child),
    Terminate(String),
    Restart(String),
    Delete(String),
}

/// What an operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Started,
    NotStarted,
    Done,
    Refused(&'static str),
}

pub(super) struct Model {
    pub(super) strategy: Strategy,
    pub(super) auto_shutdown: AutoShutdown,
    pub(super) intensity: u32,
    /// In start order.
    pub(super) children: Vec<Child>,
    /// In how many steps there may be so many restarts, the present one included; in all, when none is said.
    pub(super) window: Option<u32>,
    pub(super) step: u32,
    /// In which step each restart was tried.
    pub(super) attempts: Vec<u32>,
    /// Whether the supervisor has ended.
    pub(super) ended: bool,
    /// What the children have seen, and what the supervisor has said of them.
    pub(super) log: Vec<String>,
    pub(super) starts: Starts,
    /// A request that comes while a child is being restarted: it is served before a restart is tried again.
    pub(super) waiting: Option<Request>,
    /// What was answered to it.
    pub(super) answer: Option<Answer>,
    /// Whether a request was about a child that was to be restarted.
    pub(super) met_restarting: bool,
}

impl Model {
    fn index(&self, id: &str) -> Option<usize> {
        self.children.iter().position(|child| child.id == id)
    }

    /// All children start, in order.
    pub(super) fn init(&mut self) {
        let ids: Vec<String> = self.children.iter().map(|child| child.id.clone()).collect();
        for id in ids {
            self.start(&id);
        }
    }

    /// Starts a child whose spec is there: whether it runs, or `None` when its start failed.
    fn start(&mut self, id: &str) -> Option<bool> {
        let next = next_start(&mut self.starts, id);
        let at = self.index(id)?;
        match next {
            None => {
                self.log.push(format!("start {id}"));
                (self.children[at].runs, self.children[at].restarting) = (true, false);
                Some(true)
            }
            Some(Start::Fails(_)) => {
                self.log.push(format!("fail {id}"));
                None
            }
            Some(Start::Ignored) => {
                self.log.push(format!("ignore {id}"));
                Some(false)
            }
        }
    }

    fn stop(&mut self, id: &str) {
        let Some(at) = self.index(id) else { return };
        self.children[at].restarting = false;
        if self.children[at].runs {
            self.children[at].runs = false;
            if self.children[at].shutdown != Shutdown::BrutalKill {
                self.log.push(format!("stop {id} shutdown"));
            }
            if self.children[at].shutdown == TOO_SHORT {
                self.log.push(format!("{id}: was stopping it"));
            }
        }
        self.forget_temporary(id);
    }

    fn forget_temporary(&mut self, id: &str) {
        self.children.retain(|child| child.id != id || child.restart != Restart::Temporary);
    }

    /// The supervisor ends: the last child first.
    pub(super) fn end(&mut self) {
        let ids: Vec<String> = self.children.iter().rev().map(|child| child.id.clone()).collect();
        ids.iter().for_each(|id| self.stop(id));
        self.ended = true;
    }

    /// A child has ended by itself.
    pub(super) fn child_ended(&mut self, id: &str, orderly: bool) {
        let Some(at) = self.index(id) else { return };
        self.children[at].runs = false;
        let Child { restart, significant, .. } = self.children[at].clone();
        let restarts = match restart {
            Restart::Permanent => true,
            Restart::Transient => !orderly,
            Restart::Temporary => false,
        };
        if restarts {
            return self.restart(id);
        }
        self.forget_temporary(id);
        let shuts_down = match self.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => significant,
            AutoShutdown::AllSignificant => {
                significant && !self.children.iter().any(|child| child.significant && child.runs)
            }
        };
        if shuts_down {
            self.log.push(format!("{id}: shuts down"));
            self.end();
        } else if !orderly {
            self.log.push(format!("{id}: let go"));
        }
    }

    /// How many restarts were tried in the window.
    fn tried(&self) -> usize {
        let counts = |tried: &&u32| self.window.is_none_or(|window| **tried + window > self.step);
        self.attempts.iter().filter(counts).count()
    }

    pub(super) fn is_too_often(&self) -> bool {
        self.tried() > self.intensity as usize
    }

    fn restart(&mut self, id: &str) {
        self.attempts.push(self.step);
        if self.is_too_often() {
            self.log.push(format!("{id}: gave up after {}", self.tried()));
            return self.end();
        }
        let Some(at) = self.index(id) else { return };
        self.children[at].restarting = false;
        let ids: Vec<String> = self.children.iter().map(|child| child.id.clone()).collect();
        let group = match self.strategy {
            Strategy::OneForAll => &ids[..],
            Strategy::RestForOne => &ids[at..],
            Strategy::OneForOne | Strategy::SimpleOneForOne => &ids[at..=at],
        };
        if self.strategy != Strategy::OneForOne {
            group.iter().rev().for_each(|id| self.stop(id));
        }
        for other in group {
            let Some(at) = self.index(other) else { continue };
            match self.start(other) {
                Some(runs) => {
                    self.children[at].restarts += 1;
                    if other == id {
                        self.log.push(format!("{id}: restarted, {}", self.tried()));
                    }
                    if !runs {
                        self.forget_temporary(other);
                    }
                }
                None => {
                    self.children[at].restarting = true;
                    self.log.push(format!("{other}: restart failed, {}", self.tried()));
                    return self.retry(other);
                }
            }
        }
    }

    /// A restart is tried again, and those behind the child with it, unless somebody has asked for something else meanwhile.
    fn retry(&mut self, id: &str) {
        if let Some(request) = self.waiting.take() {
            self.answer = Some(self.serve(request));
        }
        if self.index(id).is_some_and(|at| self.children[at].restarting) {
            self.restart(id);
        }
    }

    pub(super) fn serve(&mut self, request: Request) -> Answer {
        if self.ended {
            return Answer::Refused("gone");
        }
        let (Request::Start(Child { id, .. }) | Request::Terminate(id) | Request::Restart(id) | Request::Delete(id)) =
            &request;
        self.met_restarting |= self.index(id).is_some_and(|at| self.children[at].restarting);
        match request {
            Request::Start(child) => self.start_child(child),
            Request::Terminate(id) => self.terminate_child(&id),
            Request::Restart(id) => self.restart_child(&id),
            Request::Delete(id) => self.delete_child(&id),
        }
    }

    fn start_child(&mut self, child: Child) -> Answer {
        if let Some(at) = self.index(&child.id) {
            return Answer::Refused(if self.children[at].runs { "already_started" } else { "already_present" });
        }
        let id = child.id.clone();
        self.children.push(child);
        match self.start(&id) {
            Some(true) => Answer::Started,
            Some(false) => {
                self.forget_temporary(&id);
                Answer::NotStarted
            }
            None => {
                self.children.pop();
                Answer::Refused("start_failed")
            }
        }
    }

    fn terminate_child(&mut self, id: &str) -> Answer {
        if self.index(id).is_none() {
            return Answer::Refused("not_found");
        }
        self.stop(id);
        Answer::Done
    }

    fn restart_child(&mut self, id: &str) -> Answer {
        match self.index(id).map(|at| (self.children[at].runs, self.children[at].restarting)) {
            None => Answer::Refused("not_found"),
            Some((true, _)) => Answer::Refused("running"),
            Some((false, true)) => Answer::Refused("restarting"),
            Some((false, false)) => match self.start(id) {
                Some(true) => Answer::Started,
                Some(false) => Answer::NotStarted,
                None => Answer::Refused("start_failed"),
            },
        }
    }

    /// New specs: those that run go on, none is started, and who has none any more keeps the old one, last in start order.
    pub(super) fn change(&mut self, strategy: Strategy, specs: Vec<Child>) {
        self.strategy = strategy;
        let mut old = std::mem::take(&mut self.children);
        for mut child in specs {
            if let Some(at) = old.iter().position(|old| old.id == child.id) {
                let before = old.remove(at);
                (child.runs, child.restarts) = (before.runs, before.restarts);
            }
            self.children.push(child);
        }
        self.children.append(&mut old);
    }

    fn delete_child(&mut self, id: &str) -> Answer {
        match self.index(id) {
            None => Answer::Refused("not_found"),
            Some(at) if self.children[at].runs => Answer::Refused("running"),
            Some(at) if self.children[at].restarting => Answer::Refused("restarting"),
            Some(at) => {
                self.children.remove(at);
                Answer::Done
            }
        }
    }
}
