use crate::otp::program::{self, Program, no_more, word};
use anyhow::{Context, bail, ensure};
use rusm_core::{AutoShutdown, ExitReason, Restart, Shutdown, Strategy, SupervisorFlags};
use std::collections::BTreeMap;
use std::time::Duration;

/// The supervisor at the top of every tree.
pub(super) const ROOT: &str = "root";

/// A supervision program: the tree, and what happens to it.
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) events: Vec<Event>,
}

/// A supervisor or a worker of the program.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) restart: Restart,
    pub(super) shutdown: Shutdown,
    pub(super) significant: bool,
    pub(super) kind: Kind,
}

#[derive(Clone)]
pub(super) enum Kind {
    Worker(Worker),
    Supervisor { flags: SupervisorFlags, children: Vec<String> },
}

/// How a worker starts and ends.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) exit: Exit,
    pub(super) start: Start,
}

/// How a worker takes its parent's `shutdown`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Obey,
    Plain,
    Ignore,
    Weird,
    Normal,
}

#[derive(Clone)]
pub(super) enum Start {
    Ok,
    Ignore,
    Error,
    /// The starts `from` to `from + count - 1` fail.
    Fail {
        from: u32,
        count: u32,
    },
}

/// One event, and how the outcome names it.
pub(super) struct Event {
    pub(super) text: String,
    pub(super) what: What,
}

pub(super) enum What {
    Exit { process: String, reason: ExitReason },
    Stop { process: String, reason: ExitReason },
    TerminateChild { supervisor: String, child: String },
    RestartChild { supervisor: String, child: String },
    DeleteChild { supervisor: String, child: String },
    StartChild { supervisor: String, child: String, node: Option<Node> },
    Count { supervisor: String },
    Sleep(Duration),
}

impl Tree {
    pub(super) fn is_supervisor(&self, name: &str) -> bool {
        self.nodes.get(name).is_some_and(|node| matches!(node.kind, Kind::Supervisor { .. }))
    }

    pub(super) fn is_dynamic(&self, name: &str) -> bool {
        self.nodes.get(name).is_some_and(
            |node| matches!(&node.kind, Kind::Supervisor { flags, .. } if flags.strategy == Strategy::SimpleOneForOne),
        )
    }
}

pub(super) fn parse(program: &Program) -> anyhow::Result<Tree> {
    let mut tree = Tree { nodes: BTreeMap::new(), events: Vec::new() };
    for line in &program.lines {
        line.explain(tree.line(&line.text))?;
    }
    ensure!(tree.is_supervisor(ROOT), "expected `sup {ROOT} OPTION...`");
    Ok(tree)
}

impl Tree {
    fn line(&mut self, line: &str) -> anyhow::Result<()> {
        let mut words = line.split_whitespace();
        match word(&mut words, "`sup`, `child` or `do`")? {
            "sup" => {
                let name = word(&mut words, "a name")?;
                let options = options(words, &[SUPERVISOR_OPTIONS, CHILD_OPTIONS])?;
                let parent = options.get("in").copied();
                ensure!(parent.is_some() != (name == ROOT), "every supervisor but `{ROOT}` has a parent, `in=`");
                self.add(parent, name, supervisor(&options)?)
            }
            "child" => {
                let parent = word(&mut words, "a supervisor")?;
                let name = word(&mut words, "a name")?;
                let node = worker(&options(words, &[WORKER_OPTIONS, CHILD_OPTIONS])?)?;
                self.add(Some(parent), name, node)
            }
            "do" => {
                let text = line.split_once(char::is_whitespace).map_or("", |(_, text)| text.trim()).to_owned();
                let what = event(&text)?;
                self.events.push(Event { text, what });
                Ok(())
            }
            other => bail!("expected `sup`, `child` or `do`, not {other:?}"),
        }
    }

    fn add(&mut self, parent: Option<&str>, name: &str, node: Node) -> anyhow::Result<()> {
        if let Some(parent) = parent {
            match self.nodes.get_mut(parent).map(|node| &mut node.kind) {
                Some(Kind::Supervisor { children, .. }) => children.push(name.to_owned()),
                _ => bail!("{parent} is no supervisor"),
            }
        }
        self.nodes.insert(name.to_owned(), node);
        Ok(())
    }
}

const SUPERVISOR_OPTIONS: &[&str] = &["in", "strategy", "intensity", "period", "auto"];
const WORKER_OPTIONS: &[&str] = &["exit", "start"];
const CHILD_OPTIONS: &[&str] = &["restart", "shutdown", "sig"];

type Options<'a> = BTreeMap<&'a str, &'a str>;

fn options<'a>(words: impl Iterator<Item = &'a str>, known: &[&[&str]]) -> anyhow::Result<Options<'a>> {
    let mut options = Options::new();
    for word in words {
        let (option, value) =
            word.split_once('=').with_context(|| format!("expected an option, `NAME=VALUE`, not {word:?}"))?;
        ensure!(known.concat().contains(&option), "unknown option {option:?}");
        ensure!(options.insert(option, value).is_none(), "the option {option:?} is there twice");
    }
    Ok(options)
}

fn node(options: &Options<'_>, kind: Kind) -> anyhow::Result<Node> {
    Ok(Node {
        restart: match *options.get("restart").unwrap_or(&"permanent") {
            "permanent" => Restart::Permanent,
            "transient" => Restart::Transient,
            "temporary" => Restart::Temporary,
            other => bail!("unknown restart type {other:?}"),
        },
        shutdown: match *options.get("shutdown").unwrap_or(&"infinity") {
            "infinity" => Shutdown::Infinity,
            "brutal_kill" => Shutdown::BrutalKill,
            ms => Shutdown::Timeout(Duration::from_millis(program::parse(
                ms,
                "milliseconds, `infinity` or `brutal_kill`",
            )?)),
        },
        significant: match *options.get("sig").unwrap_or(&"false") {
            "true" => true,
            "false" => false,
            other => bail!("expected `sig=true` or `sig=false`, not {other:?}"),
        },
        kind,
    })
}

fn supervisor(options: &Options<'_>) -> anyhow::Result<Node> {
    let needed = |option: &str| options.get(option).copied().with_context(|| format!("expected `{option}=`"));
    let flags = SupervisorFlags {
        strategy: match needed("strategy")? {
            "one_for_one" => Strategy::OneForOne,
            "one_for_all" => Strategy::OneForAll,
            "rest_for_one" => Strategy::RestForOne,
            "simple_one_for_one" => Strategy::SimpleOneForOne,
            other => bail!("unknown strategy {other:?}"),
        },
        intensity: program::parse(needed("intensity")?, "a number of restarts")?,
        period: Duration::from_secs(program::parse(needed("period")?, "seconds")?),
        auto_shutdown: match *options.get("auto").unwrap_or(&"never") {
            "never" => AutoShutdown::Never,
            "any_significant" => AutoShutdown::AnySignificant,
            "all_significant" => AutoShutdown::AllSignificant,
            other => bail!("unknown auto_shutdown {other:?}"),
        },
    };
    node(options, Kind::Supervisor { flags, children: Vec::new() })
}

fn worker(options: &Options<'_>) -> anyhow::Result<Node> {
    let exit = match *options.get("exit").unwrap_or(&"obey") {
        "obey" => Exit::Obey,
        "plain" => Exit::Plain,
        "ignore" => Exit::Ignore,
        "weird" => Exit::Weird,
        "normal" => Exit::Normal,
        other => bail!("unknown exit {other:?}"),
    };
    let start = match *options.get("start").unwrap_or(&"ok") {
        "ok" => Start::Ok,
        "ignore" => Start::Ignore,
        "error" => Start::Error,
        other => {
            let fail = other.strip_prefix("fail:").and_then(|numbers| numbers.split_once(':'));
            let (from, count) =
                fail.with_context(|| format!("expected `ok`, `ignore`, `error` or `fail:K:N`, not {other:?}"))?;
            Start::Fail { from: program::parse(from, "a start")?, count: program::parse(count, "how many starts")? }
        }
    };
    node(options, Kind::Worker(Worker { exit, start }))
}

fn event(text: &str) -> anyhow::Result<What> {
    let mut words = text.split_whitespace();
    let first = word(&mut words, "an event")?;
    let mut next = |what| word(&mut words, what).map(str::to_owned);
    let event = match first {
        "exit" => What::Exit { process: next("a process")?, reason: reason(&next("a reason")?) },
        "stop" => What::Stop { process: next("a process")?, reason: reason(&next("a reason")?) },
        "terminate_child" => What::TerminateChild { supervisor: next("a supervisor")?, child: next("a child")? },
        "restart_child" => What::RestartChild { supervisor: next("a supervisor")?, child: next("a child")? },
        "delete_child" => What::DeleteChild { supervisor: next("a supervisor")?, child: next("a child")? },
        "start_child" => {
            let (supervisor, child) = (next("a supervisor")?, next("a child")?);
            let options = options(words.by_ref(), &[WORKER_OPTIONS, CHILD_OPTIONS])?;
            let node = if options.is_empty() { None } else { Some(worker(&options)?) };
            What::StartChild { supervisor, child, node }
        }
        "count" => What::Count { supervisor: next("a supervisor")? },
        "sleep" => What::Sleep(Duration::from_millis(program::number(&mut words, "milliseconds")?)),
        other => bail!("unknown event {other:?}"),
    };
    no_more(words)?;
    Ok(event)
}

/// `shutdown:x` is `{shutdown, x}`.
fn reason(text: &str) -> ExitReason {
    match text.strip_prefix("shutdown:") {
        Some(detail) => ExitReason::SHUTDOWN.with_detail(detail),
        None => ExitReason::new(text.to_owned()),
    }
}
