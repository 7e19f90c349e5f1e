use std::fmt;

/// What became of each process, by number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outcome(pub(super) Vec<Ended>);

/// What became of one process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ended {
    /// What its operations gave, as far as it came.
    pub(super) values: Vec<Value>,
    /// Its exit reason, or how it is at rest.
    pub(super) state: Result<AtRest, String>,
}

/// A live process when nothing moves any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AtRest {
    pub(super) mailbox: Vec<Seen>,
    pub(super) links: Vec<usize>,
    /// How many active monitors it has.
    pub(super) monitors: usize,
    /// How many monitors watch it.
    pub(super) monitored_by: usize,
    pub(super) name: Option<u32>,
}

/// What an operation gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Value {
    Done,
    True,
    False,
    Badarg,
    /// Nobody, nothing, or an alias that was not made yet.
    None,
    Process(usize),
    Message(Seen),
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Seen {
    Plain(u32),
    Exit { from: usize, reason: &'static str },
    Down { monitor: u32, reason: &'static str },
}

impl Ended {
    /// Whether a process that has got so far, by the rules, may be seen as this one. The last operation of one that ended
    /// in it may have been carried out without anybody seeing what it gave.
    pub(super) fn starts_with(&self, values: &[Value]) -> bool {
        match values.split_last() {
            Some((_, seen)) if self.state.is_err() && values.len() > self.values.len() => seen == self.values,
            _ => self.values.starts_with(values),
        }
    }
}

impl Outcome {
    /// Whether this is what is seen of a run that the rules permit.
    pub(super) fn is_seen_of(&self, permitted: &Outcome) -> bool {
        self.0.iter().zip(&permitted.0).all(|(seen, permitted)| {
            let whole = seen.values.len() <= permitted.values.len() && seen.starts_with(&permitted.values);
            whole && seen.state == permitted.state
        })
    }
}

/// One of the reasons that occur, as a word that lives for ever.
pub(super) fn word(reason: &str) -> &'static str {
    let known = ["normal", "boom", "kill", "killed", "noproc"];
    known.into_iter().find(|word| *word == reason).unwrap_or("a reason of no program")
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(process, ended)| write!(f, "\np{process}: {ended:?}"))
    }
}
