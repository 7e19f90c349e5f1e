//! A server as its documentation tells it, over a script whose times are known: one list of messages, and a look at the
//! clock. Times are in milliseconds.

use std::collections::{BTreeMap, VecDeque};

/// What a callback does.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: usize,
    /// For how long it works.
    pub(crate) busy: u64,
    pub(crate) then: Then,
}

#[derive(Clone, Debug)]
pub(crate) enum Then {
    Receive,
    Timeout(u64),
    Hibernate,
    Continue(Box<Job>),
    Stop,
    Panic,
}

/// When a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Now,
    /// By a later [`What::Answer`].
    Later,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Call {
        answer: Answer,
        timeout: u64,
    },
    CallUntil {
        answer: Answer,
        within: u64,
    },
    Cast,
    Info,
    /// Has the server answer the oldest call that it put off.
    Answer,
    Stop,
}

/// Something that a client sends, at a time.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: u64,
    pub(crate) what: What,
    pub(crate) job: Job,
}

/// What is seen: what each callback did, and what came of each call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) callbacks: Vec<String>,
    pub(crate) calls: BTreeMap<usize, String>,
}

/// What a client must see of that script; nothing, when two things happen at the same time, of which either may come first.
pub(crate) fn expected(script: &[Step]) -> Option<Seen> {
    let mut reference = Reference::default();
    let mut messages: VecDeque<&Step> = script.iter().collect();
    let mut next = Then::Receive;
    let (ended_at, reason) = loop {
        next = match next {
            Then::Continue(job) => {
                reference.callbacks.push(format!("continue {}", job.id));
                reference.works(&job)
            }
            Then::Stop => break (reference.free_at, "done"),
            Then::Panic => break (reference.free_at, "panic"),
            Then::Timeout(time) => {
                let deadline = reference.free_at + time;
                let message = *messages.front()?;
                // One that is there already comes before a time of zero.
                let comes_first = match time {
                    0 => reference.is_before(message.at, reference.free_at)?,
                    _ => reference.is_before(message.at, deadline)?,
                };
                if comes_first {
                    messages.pop_front();
                    reference.begins(message.at)?;
                    match reference.handles(message, Then::Timeout(time))? {
                        Some(next) => next,
                        None => break (reference.free_at, "stopped"),
                    }
                } else {
                    reference.callbacks.push("timeout".to_owned());
                    reference.free_at = deadline;
                    Then::Receive
                }
            }
            waits @ (Then::Receive | Then::Hibernate) => {
                let message = messages.pop_front()?;
                reference.begins(message.at)?;
                match reference.handles(message, waits)? {
                    Some(next) => next,
                    None => break (reference.free_at, "stopped"),
                }
            }
        };
    };
    reference.callbacks.push(format!("terminate {reason}"));
    let mut calls = BTreeMap::new();
    for step in script {
        let time = match step.what {
            What::Call { timeout, .. } => timeout,
            What::CallUntil { within, .. } => within,
            What::Cast | What::Info | What::Answer | What::Stop => continue,
        };
        let gives_up = step.at + time;
        let answered = reference.answered.get(&step.job.id);
        let outcome = match answered {
            Some(at) if reference.is_before(*at, gives_up)? => format!("answer {}", step.job.id),
            Some(_) => "timeout".to_owned(),
            None if !reference.is_before(step.at, ended_at)? => "down noproc".to_owned(),
            None if reference.is_before(ended_at, gives_up)? => format!("down {reason}"),
            None => "timeout".to_owned(),
        };
        calls.insert(step.job.id, outcome);
    }
    Some(Seen { callbacks: reference.callbacks, calls })
}

#[derive(Default)]
struct Reference {
    callbacks: Vec<String>,
    /// When the callback that runs is done.
    free_at: u64,
    /// Calls that are put off.
    later: VecDeque<usize>,
    answered: BTreeMap<usize, u64>,
}

impl Reference {
    /// Nothing, when they are the same to whoever looks.
    fn is_before(&self, one: u64, other: u64) -> Option<bool> {
        (one.abs_diff(other) > 1).then_some(one < other)
    }

    fn begins(&mut self, at: u64) -> Option<()> {
        if self.is_before(self.free_at, at)? {
            self.free_at = at;
        }
        Some(())
    }

    fn works(&mut self, job: &Job) -> Then {
        self.free_at += job.busy;
        job.then.clone()
    }

    /// What is next; the inner nothing, when the server is stopped.
    fn handles(&mut self, step: &Step, waited: Then) -> Option<Option<Then>> {
        let id = step.job.id;
        let next = match step.what {
            What::Call { answer, .. } => self.call(format!("call {id}"), step, answer),
            What::CallUntil { answer, within } => {
                let deadline = step.at + within;
                if self.is_before(deadline, self.free_at)? {
                    return Some(Some(waited));
                }
                self.call(format!("call {id} until {deadline}"), step, answer)
            }
            What::Cast => {
                self.callbacks.push(format!("cast {id}"));
                self.works(&step.job)
            }
            What::Info => {
                self.callbacks.push(format!("info {id}"));
                self.works(&step.job)
            }
            What::Answer => {
                let oldest = self.later.pop_front();
                self.callbacks.push(format!("answers {oldest:?}"));
                if let Some(oldest) = oldest {
                    self.answered.insert(oldest, self.free_at);
                }
                Then::Receive
            }
            What::Stop => return Some(None),
        };
        Some(Some(next))
    }

    fn call(&mut self, callback: String, step: &Step, answer: Answer) -> Then {
        self.callbacks.push(callback);
        let next = self.works(&step.job);
        match answer {
            // A callback that panics answers nobody.
            Answer::Now if matches!(next, Then::Panic) => {}
            Answer::Now => drop(self.answered.insert(step.job.id, self.free_at)),
            Answer::Later => self.later.push_back(step.job.id),
        }
        next
    }
}
