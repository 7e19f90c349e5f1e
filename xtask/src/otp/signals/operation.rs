use crate::otp::program::{Program, word};
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
    let (roots, steps) = program.lines.split_first().context("expected `roots`")?;
    let roots = roots.strip_prefix("roots ").context("expected `roots`")?;
    Ok(Steps {
        roots: roots.split_whitespace().map(str::to_owned).collect(),
        steps: steps
            .iter()
            .map(|line| step(line).with_context(|| format!("step {line:?}")))
            .collect::<Result<_, _>>()?,
    })
}

fn step(line: &str) -> anyhow::Result<Step> {
    let (who, operations) = line.split_once(':').context("expected `PROCESS: OPERATION`")?;
    let operations = operations.split(';').map(operation).collect::<Result<_, _>>()?;
    Ok(Step { who: who.trim().to_owned(), operations })
}

fn operation(text: &str) -> anyhow::Result<Operation> {
    let mut words = text.split_whitespace();
    let mut next = |what| word(&mut words, what).map(str::to_owned);
    let operation = match next("an operation")?.as_str() {
        "spawn" => Operation::Spawn { process: next("a process")?, link: false, monitor: None },
        "spawn_link" => Operation::Spawn { process: next("a process")?, link: true, monitor: None },
        "spawn_monitor" => {
            let monitor = Some(next("a monitor")?);
            Operation::Spawn { process: next("a process")?, link: false, monitor }
        }
        "link" => Operation::Link(next("a process")?),
        "unlink" => Operation::Unlink(next("a process")?),
        "monitor" => Operation::Monitor { monitor: next("a monitor")?, target: next("a process or name")? },
        "monitor_alias" => Operation::MonitorAlias {
            monitor: next("a monitor")?,
            process: next("a process")?,
            mode: match next("a mode")?.as_str() {
                "explicit" => AliasMode::Explicit,
                "demonitor" => AliasMode::Demonitor,
                "reply" => AliasMode::Reply,
                mode => bail!("unknown alias mode {mode:?}"),
            },
        },
        "demonitor" => {
            let monitor = next("a monitor")?;
            let option = next("an option").ok();
            let (flush, info) = (option.as_deref() == Some("flush"), option.as_deref() == Some("info"));
            ensure!(option.is_none() || flush || info, "unknown option {option:?}");
            Operation::Demonitor { monitor, flush, info }
        }
        "exit" => Operation::Exit(ExitReason::new(next("a reason")?)),
        "return" => Operation::Exit(ExitReason::NORMAL),
        "exit2" => Operation::Exit2(next("a process")?, ExitReason::new(next("a reason")?)),
        "trap" => Operation::Trap(next("on or off")? == "on"),
        "register" => Operation::Register { name: next("a name")?, process: next("a process")? },
        "unregister" => Operation::Unregister(next("a name")?),
        "whereis" => Operation::Whereis(next("a name")?),
        "send" => Operation::Send { to: next("a destination")?, message: next("a number")?.parse()? },
        "alias" => Operation::Alias(next("an alias")?),
        "unalias" => Operation::Unalias(next("an alias or monitor")?),
        "recv" => Operation::Receive(match next("a kind of message")?.as_str() {
            "msg" => Pattern::Message(next("a number")?.parse()?),
            "anymsg" => Pattern::AnyMessage,
            "exit" => Pattern::ExitOf(next("a process")?),
            "down" => Pattern::DownOf(next("a monitor")?),
            kind => bail!("unknown kind of message {kind:?}"),
        }),
        "alive" => Operation::Alive(next("a process")?),
        operation => bail!("unknown operation {operation:?}"),
    };
    ensure!(words.next().is_none(), "too many words in {text:?}");
    Ok(operation)
}
