//! A server or a state machine that others look into and hold, as OTP's `sys` tells it: one list of what waits, and a look
//! at the clock. Its callbacks take no time. Times are in milliseconds.

use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its timeout is how it waits for the next message: what it is asked by `sys` begins the wait anew. Source: OTP
    /// `gen_server`, `system_continue/3`.
    Server,
    /// Its timeout runs whatever it is asked by `sys`, and while it is suspended. Source: OTP `gen_statem`,
    /// `system_continue/3`.
    StateMachine,
}

/// What comes behind a number that it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Receive,
    Timeout(u64),
    Panic,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Cast(Then),
    Info(Then),
    Call {
        then: Then,
        timeout: u64,
        /// Whether the other drops it unseen when it comes too late.
        until: bool,
    },
    Suspend,
    Resume,
    Status,
    State,
    Replace,
    ReplaceAndPanic,
    /// A look at a state of another type.
    OtherType,
    Terminate,
    Stop,
    Kill,
    ParentExits,
    StrangerExits,
}

/// Something that is done to the process, at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) at: u64,
    pub(crate) id: usize,
    pub(crate) what: What,
}

/// What is seen: what was said to those who asked by `sys`, with which numbers it terminated, and what came of each call
/// and stop.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) said: Vec<String>,
    pub(crate) terminated: Option<String>,
    pub(crate) calls: BTreeMap<usize, String>,
}

/// What must be seen of that script; nothing, when two things happen at the same time, of which either may come first.
pub(crate) fn expected(kind: Kind, script: &[Step]) -> Option<Seen> {
    let mut reference = Reference::new(kind);
    for step in script {
        reference.pass(step.at)?;
        reference.step(*step)?;
    }
    let calls = script.iter().filter_map(|step| Some((step, gives_up(step)?)));
    for (step, gives_up) in calls {
        let outcome = match (reference.answered.get(&step.id), reference.ended) {
            (Some((at, answer)), _) if is_before(*at, gives_up)? => answer.clone(),
            (Some(_), _) => "timeout".to_owned(),
            (None, Some((at, _))) if at < step.at => "down noproc".to_owned(),
            (None, Some((_, "stopped"))) if matches!(step.what, What::Stop) => "stopped".to_owned(),
            (None, Some((at, reason))) if is_before(at, gives_up)? => format!("down {reason}"),
            (None, _) => "timeout".to_owned(),
        };
        reference.seen.calls.insert(step.id, outcome);
    }
    Some(reference.seen)
}

/// When whoever called waits no longer.
fn gives_up(step: &Step) -> Option<u64> {
    match step.what {
        What::Call { timeout, .. } => Some(step.at + timeout),
        What::Stop => Some(u64::MAX),
        _ => None,
    }
}

/// Nothing, when they are the same to whoever looks.
fn is_before(one: u64, other: u64) -> Option<bool> {
    (one.abs_diff(other) > 1).then_some(one < other)
}

/// What waits in its mailbox.
enum Waiting {
    Step(Step),
    /// The timeout of that number is over.
    Over(usize),
}

struct Reference {
    kind: Kind,
    numbers: Vec<usize>,
    suspended: bool,
    mailbox: VecDeque<Waiting>,
    timeout: Option<Timeout>,
    timeouts: usize,
    /// When, and why.
    ended: Option<(u64, &'static str)>,
    answered: BTreeMap<usize, (u64, String)>,
    seen: Seen,
}

#[derive(Clone, Copy)]
struct Timeout {
    number: usize,
    /// Who asked for it.
    asked: usize,
    time: u64,
    /// When it is over; nothing, when it waits for the resume or is over already.
    deadline: Option<u64>,
}

impl Reference {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            numbers: Vec::new(),
            suspended: false,
            mailbox: VecDeque::new(),
            timeout: None,
            timeouts: 0,
            ended: None,
            answered: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    /// Time passes: the timeout may be over by then.
    fn pass(&mut self, now: u64) -> Option<()> {
        let Some(Timeout { number, deadline: Some(deadline), .. }) = self.timeout else { return Some(()) };
        if is_before(deadline, now)? && self.ended.is_none() {
            if let Some(timeout) = &mut self.timeout {
                timeout.deadline = None;
            }
            self.mailbox.push_back(Waiting::Over(number));
            self.run(deadline)?;
        }
        Some(())
    }

    /// Handles what waits, unless it is suspended.
    fn run(&mut self, now: u64) -> Option<()> {
        while !self.suspended && self.ended.is_none() {
            match self.mailbox.pop_front() {
                None => break,
                Some(Waiting::Over(number)) => match self.timeout {
                    Some(timeout) if timeout.number == number => {
                        self.timeout = None;
                        self.numbers.push(1000 + timeout.asked);
                    }
                    // An event has cancelled it.
                    _ => {}
                },
                Some(Waiting::Step(step)) => self.handles(now, step)?,
            }
        }
        Some(())
    }

    fn handles(&mut self, now: u64, Step { at, id, what }: Step) -> Option<()> {
        match what {
            What::Cast(then) | What::Info(then) => self.keeps(now, id, then),
            What::Call { timeout, until: true, .. } if is_before(at + timeout, now)? => self.waits_anew(now),
            What::Call { then, .. } => {
                self.keeps(now, id, then);
                if then != Then::Panic {
                    self.answered.insert(id, (now, format!("{:?}", self.numbers)));
                }
            }
            What::StrangerExits => self.keeps(now, id, Then::Receive),
            What::Stop => self.terminates(now, "stopped"),
            other => unreachable!("it does not wait: {other:?}"),
        }
        Some(())
    }

    fn keeps(&mut self, now: u64, id: usize, then: Then) {
        self.numbers.push(id);
        self.timeout = None;
        match then {
            Then::Receive => {}
            Then::Timeout(time) => {
                self.timeouts += 1;
                let (number, deadline) = (self.timeouts, Some(now + time));
                self.timeout = Some(Timeout { number, asked: id, time, deadline });
            }
            Then::Panic => self.terminates(now, "panic"),
        }
    }

    /// A server begins to wait again for what it waited for.
    fn waits_anew(&mut self, now: u64) {
        if self.kind == Kind::Server
            && let Some(timeout) = &mut self.timeout
        {
            timeout.deadline = (!self.suspended).then_some(now + timeout.time);
        }
    }

    fn terminates(&mut self, now: u64, reason: &'static str) {
        self.seen.terminated = Some(format!("{reason}: {:?}", self.numbers));
        self.ended = Some((now, reason));
    }

    fn step(&mut self, step: Step) -> Option<()> {
        let Step { at, id, what } = step;
        let text = match what {
            What::Cast(_) | What::Info(_) | What::Call { .. } | What::StrangerExits | What::Stop => {
                if self.ended.is_none() {
                    self.mailbox.push_back(Waiting::Step(step));
                    self.run(at)?;
                }
                return Some(());
            }
            What::Kill | What::ParentExits => {
                match what {
                    _ if self.ended.is_some() => {}
                    What::Kill => self.ended = Some((at, "killed")),
                    _ => self.terminates(at, "orphaned"),
                }
                return Some(());
            }
            _ if self.ended.is_some() => "down noproc".to_owned(),
            What::Suspend => {
                self.suspended = true;
                "suspended".to_owned()
            }
            What::Resume => {
                self.suspended = false;
                "resumed".to_owned()
            }
            What::Status => {
                format!("{}: {:?}", if self.suspended { "suspended" } else { "runs" }, self.numbers)
            }
            What::State => format!("{:?}", self.numbers),
            What::Replace => {
                self.numbers.push(id);
                format!("{} are kept", self.numbers.len())
            }
            What::ReplaceAndPanic => {
                self.numbers.push(id);
                "panicked: no".to_owned()
            }
            What::OtherType => "another type".to_owned(),
            What::Terminate => {
                self.terminates(at, "terminated");
                "ends".to_owned()
            }
        };
        self.waits_anew(at);
        self.run(at)?;
        self.seen.said.push(format!("{id}: {text}"));
        Some(())
    }
}
