//! Runs a test program with one mutant, until the first test fails.

use super::area::SEEDS;
use super::weave::{Number, REACHED, VARIABLE};
use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Nobody but waiting threads for so long: nothing will ever happen again.
const ASLEEP_MAX: Duration = Duration::from_millis(2_500);

/// CPU time that a mutant may take: so many times what the program takes without one, and this much more.
const CPU_FACTOR: u32 = 6;
const CPU_MORE: Duration = Duration::from_secs(4);

/// Kilobytes of address space: what asks for more ends.
const MEMORY_MAX: u64 = 6_000_000;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A test program, and which of its tests do not judge.
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    /// Where `cargo test` would run it.
    pub(crate) directory: PathBuf,
    pub(crate) skip: &'static [&'static str],
    /// CPU time without a mutant.
    pub(crate) cpu: Duration,
    /// The mutants that it comes by: no other can make a difference to it.
    pub(crate) reached: BTreeSet<Number>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// The test that failed first, or how the program ended.
    Failed(String),
    /// It did not end, and why it was ended.
    Hung(&'static str),
}

impl Suite {
    /// Runs it without a mutant: how it ends, how much CPU time it takes, and which mutants it comes by.
    pub(crate) fn measure(&mut self, reached: &Path) -> anyhow::Result<Verdict> {
        let _ = std::fs::remove_file(reached);
        let (verdict, cpu) = self.run_with(REACHED, reached.to_string_lossy().as_ref(), None)?;
        self.cpu = cpu;
        let numbers = std::fs::read_to_string(reached).unwrap_or_default();
        self.reached = numbers.lines().filter_map(|number| number.parse().ok()).collect();
        Ok(verdict)
    }

    /// Runs it with that mutant.
    pub(crate) fn run(&self, mutant: Number) -> anyhow::Result<Verdict> {
        if !self.reached.contains(&mutant) {
            return Ok(Verdict::Passed);
        }
        let limit = self.cpu * CPU_FACTOR + CPU_MORE;
        Ok(self.run_with(VARIABLE, &mutant.to_string(), Some(limit))?.0)
    }

    /// Scenarios run on fewer seeds than by default; Erlang's programs have few to begin with.
    fn seeds(&self) -> Option<u64> {
        (!self.name.starts_with("xtask ")).then_some(SEEDS)
    }

    fn run_with(&self, variable: &str, value: &str, limit: Option<Duration>) -> anyhow::Result<(Verdict, Duration)> {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {MEMORY_MAX}; exec \"$0\" \"$@\"")]).arg(&self.program);
        command.arg("--test-threads=4").args(self.skip.iter().flat_map(|skip| ["--skip", skip]));
        command.current_dir(&self.directory).env("CARGO_MANIFEST_DIR", &self.directory);
        command.env("PROPTEST_RNG_SEED", "20261124").env("RUST_BACKTRACE", "0");
        command.env(variable, value).envs(self.seeds().map(|seeds| ("RUSM_SEEDS", seeds.to_string())));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().with_context(|| format!("starting {}", self.name))?;
        let verdict = watch(&mut child, limit);
        if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
            // Nobody is there any more when all have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let status = child.wait().context("waiting for a test program")?;
        let (verdict, cpu) = verdict;
        let verdict = verdict.unwrap_or_else(|| match status.signal() {
            _ if status.success() => Verdict::Passed,
            Some(signal) => Verdict::Failed(format!("the program ended by signal {signal}")),
            None => Verdict::Failed(format!("the program ended with {status}")),
        });
        Ok((verdict, cpu))
    }
}

/// Until a test fails, or the program hangs, or (none) has ended; and the CPU time that it took.
fn watch(child: &mut Child, limit: Option<Duration>) -> (Option<Verdict>, Duration) {
    let lines = lines(child);
    let (mut cpu, mut awake) = (Duration::ZERO, Instant::now());
    let mut last_look = Instant::now();
    loop {
        match lines.recv_timeout(LOOK_EVERY) {
            Ok(line) => {
                if let Some(test) = line.strip_prefix("test ").and_then(|test| test.strip_suffix(" ... FAILED")) {
                    return (Some(Verdict::Failed(test.to_owned())), cpu);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return (None, cpu),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if last_look.elapsed() < LOOK_EVERY {
            continue;
        }
        last_look = Instant::now();
        let (used, asleep) = look(child.id());
        // A child of it may be at work.
        if !asleep || used > cpu {
            awake = Instant::now();
        }
        cpu = cpu.max(used);
        if limit.is_some_and(|limit| cpu > limit) {
            return (Some(Verdict::Hung("it computes for ever")), cpu);
        }
        if awake.elapsed() > ASLEEP_MAX {
            return (Some(Verdict::Hung("it waits for ever")), cpu);
        }
    }
}

fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// The CPU time of a process so far, and whether all its threads wait.
fn look(process: u32) -> (Duration, bool) {
    let (mut ticks, mut asleep) = (0, true);
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    for thread in threads {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name, in parentheses, may have spaces in it. Source: proc(5).
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        asleep &= fields.next() == Some("S");
    }
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    ticks += fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    (Duration::from_millis(ticks * 10), asleep)
}
