use crate::otp::program::{Program, no_more, number, word};
use anyhow::{Context, bail, ensure};
use rusm_core::{AliasMode, ExitReason};

/// A signal program.
pub(super) struct Steps {
    pub(super) roots: Vec<String>,
    pub(super) steps: Vec<Step>,
}

/// What one process does without a pause.
pub(super) struct Step {
    pub(super) who: String,
    pub(super) operations: Vec<Operation>,
}

/// One operation; processes, monitors, aliases and names as the program calls them.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Spawn { process: String, link: bool, monitor: Option<String> },
    Link(String),
    Unlink(String),
    Monitor { monitor: String, target: String },
    MonitorAlias { monitor: String, process: String, mode: AliasMode },
    Demonitor { monitor: String, flush: bool, info: bool },
    Exit(ExitReason),
    Exit2(String, ExitReason),
    Trap(bool),
    Register { name: String, process: String },
    Unregister(String),
    Whereis(String),
    Send { to: String, message: u64 },
    Alias(String),
    Unalias(String),
    Receive(Pattern),
    Alive(String),
}

/// Which message a `recv` takes.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Message(u64),
    AnyMessage,
    ExitOf(String),
    DownOf(String),
}

pub(super) fn parse(program: &Program) -> anyhow::Result<Steps> {
    let (first, steps) = program.lines.split_first().context("expected `roots PROCESS...`, not the end")?;
    Ok(Steps {
        roots: first.explain(roots(&first.text))?,
        steps: steps.iter().map(|line| line.explain(step(&line.text))).collect::<Result<_, _>>()?,
    })
}

fn roots(line: &str) -> anyhow::Result<Vec<String>> {
    let mut words = line.split_whitespace();
    ensure!(words.next() == Some("roots"), "expected `roots PROCESS...`");
    words.map(|process| name(process, "p", "a process")).collect()
}

fn step(line: &str) -> anyhow::Result<Step> {
    let (who, operations) = line.split_once(':').context("expected `PROCESS: OPERATION`")?;
    let operations = operations.split(';').map(operation).collect::<Result<_, _>>()?;
    Ok(Step { who: name(who.trim(), "p", "a process")?, operations })
}

/// A name: one of the letters in `kinds`, which say what it names, and a number.
fn name(word: &str, kinds: &str, what: &str) -> anyhow::Result<String> {
    let known = kinds.chars().any(|kind| word.strip_prefix(kind).is_some_and(|number| number.parse::<u64>().is_ok()));
    ensure!(known, "expected {what}, not {word:?}");
    Ok(word.to_owned())
}

fn operation(text: &str) -> anyhow::Result<Operation> {
    let mut words = text.split_whitespace();
    let first = word(&mut words, "an operation")?;
    let mut of = |kinds: &str, what: &str| name(word(&mut words, what)?, kinds, what);
    let operation = match first {
        "spawn" => Operation::Spawn { process: of("p", "a process")?, link: false, monitor: None },
        "spawn_link" => Operation::Spawn { process: of("p", "a process")?, link: true, monitor: None },
        "spawn_monitor" => {
            let monitor = Some(of("m", "a monitor")?);
            Operation::Spawn { process: of("p", "a process")?, link: false, monitor }
        }
        "link" => Operation::Link(of("p", "a process")?),
        "unlink" => Operation::Unlink(of("p", "a process")?),
        "monitor" => Operation::Monitor { monitor: of("m", "a monitor")?, target: of("pn", "a process or a name")? },
        "monitor_alias" => Operation::MonitorAlias {
            monitor: of("m", "a monitor")?,
            process: of("p", "a process")?,
            mode: match word(&mut words, "a mode")? {
                "explicit" => AliasMode::Explicit,
                "demonitor" => AliasMode::Demonitor,
                "reply" => AliasMode::Reply,
                mode => bail!("unknown alias mode {mode:?}"),
            },
        },
        "demonitor" => {
            let monitor = of("m", "a monitor")?;
            let (flush, info) = match words.next() {
                None => (false, false),
                Some("flush") => (true, false),
                Some("info") => (false, true),
                Some(option) => bail!("unknown option {option:?}"),
            };
            Operation::Demonitor { monitor, flush, info }
        }
        "exit" => Operation::Exit(reason(&mut words)?),
        "return" => Operation::Exit(ExitReason::NORMAL),
        "exit2" => Operation::Exit2(of("p", "a process")?, reason(&mut words)?),
        "trap" => Operation::Trap(match word(&mut words, "`on` or `off`")? {
            "on" => true,
            "off" => false,
            other => bail!("expected `on` or `off`, not {other:?}"),
        }),
        "register" => Operation::Register { name: of("n", "a name")?, process: of("p", "a process")? },
        "unregister" => Operation::Unregister(of("n", "a name")?),
        "whereis" => Operation::Whereis(of("n", "a name")?),
        "send" => Operation::Send { to: of("pnam", "a destination")?, message: number(&mut words, "a number")? },
        "alias" => Operation::Alias(of("a", "an alias")?),
        "unalias" => Operation::Unalias(of("am", "an alias or a monitor")?),
        "recv" => Operation::Receive(match word(&mut words, "a kind of message")? {
            "msg" => Pattern::Message(number(&mut words, "a number")?),
            "anymsg" => Pattern::AnyMessage,
            "exit" => Pattern::ExitOf(name(word(&mut words, "a process")?, "p", "a process")?),
            "down" => Pattern::DownOf(name(word(&mut words, "a monitor")?, "m", "a monitor")?),
            kind => bail!("unknown kind of message {kind:?}"),
        }),
        "alive" => Operation::Alive(of("p", "a process")?),
        operation => bail!("unknown operation {operation:?}"),
    };
    no_more(words)?;
    Ok(operation)
}

fn reason<'a>(words: &mut impl Iterator<Item = &'a str>) -> anyhow::Result<ExitReason> {
    Ok(ExitReason::new(word(words, "a reason")?.to_owned()))
}
