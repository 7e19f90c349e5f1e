//! A supervisor as OTP describes it, in the plainest words: what must be done, in which order.

use rusm_core::{AutoShutdown, Restart, Shutdown, Strategy};
use std::collections::BTreeMap;

/// How often the next starts of a child fail, or whether they come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Fails(u32),
    Ignored,
}

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
    pub(super) restarts: u32,
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
    /// What the children have seen.
    pub(super) log: Vec<String>,
    pub(super) starts: Starts,
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
                self.children[at].runs = true;
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
        if self.children[at].runs {
            self.children[at].runs = false;
            if self.children[at].shutdown != Shutdown::BrutalKill {
                self.log.push(format!("stop {id} shutdown"));
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
            self.end();
        }
    }

    pub(super) fn is_too_often(&self) -> bool {
        let counts = |tried: &&u32| self.window.is_none_or(|window| **tried + window > self.step);
        self.attempts.iter().filter(counts).count() > self.intensity as usize
    }

    fn restart(&mut self, id: &str) {
        self.attempts.push(self.step);
        if self.is_too_often() {
            return self.end();
        }
        let Some(at) = self.index(id) else { return };
        let ids: Vec<String> = self.children.iter().map(|child| child.id.clone()).collect();
        let group = match self.strategy {
            Strategy::OneForAll => &ids[..],
            Strategy::RestForOne => &ids[at..],
            Strategy::OneForOne | Strategy::SimpleOneForOne => &ids[at..=at],
        };
        if self.strategy != Strategy::OneForOne {
            group.iter().rev().for_each(|id| self.stop(id));
        }
        for id in group {
            let Some(at) = self.index(id) else { continue };
            match self.start(id) {
                Some(runs) => {
                    self.children[at].restarts += 1;
                    if !runs {
                        self.forget_temporary(id);
                    }
                }
                // It is tried again, and those behind it with it.
                None => return self.restart(id),
            }
        }
    }

    pub(super) fn start_child(&mut self, child: Child) -> Answer {
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

    pub(super) fn terminate_child(&mut self, id: &str) -> Answer {
        if self.index(id).is_none() {
            return Answer::Refused("not_found");
        }
        self.stop(id);
        Answer::Done
    }

    pub(super) fn restart_child(&mut self, id: &str) -> Answer {
        match self.index(id).map(|at| self.children[at].runs) {
            None => Answer::Refused("not_found"),
            Some(true) => Answer::Refused("running"),
            Some(false) => match self.start(id) {
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

    pub(super) fn delete_child(&mut self, id: &str) -> Answer {
        match self.index(id) {
            None => Answer::Refused("not_found"),
            Some(at) if self.children[at].runs => Answer::Refused("running"),
            Some(at) => {
                self.children.remove(at);
                Answer::Done
            }
        }
    }
}
