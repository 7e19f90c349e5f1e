mod explore;
mod print;

use crate::exit_code;
use anyhow::Context as _;
use rusm_host::manifest::Manifest;
use rusm_sim::app::{AppRunOptions, AppSimulation, Outcome, Plan, Report};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Run an app in the simulator: its scenario uses it through a simulated network while guests trap, processes are
/// killed, connections are cut and the node crashes, all drawn from a seed
///
/// Without `--seed` it explores: many seeds, until one fails. A seed that fails is printed with the command that replays
/// it. The same seed and binary give the same trace hash, in every process and on every day.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sim {
    /// The app's directory, with its rusm.toml and what `rusm build` made of it
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Replay this seed
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "from", "jobs"])]
    seed: Option<u64>,

    /// Explore that many seeds
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    seeds: u64,

    /// The first seed to explore
    #[arg(long, value_name = "N", default_value_t = 1)]
    from: u64,

    /// How many seeds run at the same time [default: one for each core]
    #[arg(long, value_name = "COUNT")]
    jobs: Option<usize>,

    /// Write the event log here: its SHA-256 is the trace hash
    #[arg(long, value_name = "FILE", requires = "seed")]
    record: Option<PathBuf>,

    /// Let nothing go wrong
    #[arg(long)]
    no_faults: bool,

    /// Show the node's own log, which is about every crash
    #[arg(long)]
    show_log: bool,
}

const EXAMPLES: &str = "\
Examples:
  rusm sim examples/chat --seeds 1000
  rusm sim examples/chat --seed 42
  rusm sim examples/chat --seed 42 --record chat-42.log

Exit codes:
  0  every property held
  1  it could not be run
  4  a property is broken
  5  the app stalled: nothing was ready, and nothing was going to happen
  6  the app did not start, the scenario failed or a task panicked";

/// How long the scenario works when nothing goes wrong.
const CALM: Duration = Duration::from_secs(10);

impl Sim {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if self.show_log {
            return self.simulate();
        }
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || self.simulate())
    }

    fn simulate(&self) -> anyhow::Result<ExitCode> {
        print::head(&self.directory, &self.options());
        match self.seed {
            Some(seed) => {
                let report = self.run_seed(&self.load()?, seed)?;
                Ok(self.finish(&report))
            }
            None => explore::explore(self),
        }
    }

    /// Compiles the app and its scenario, or takes them from the cache.
    fn load(&self) -> anyhow::Result<AppSimulation> {
        let manifest = Manifest::load(&self.directory)?;
        let cache = self.directory.join("build/cache");
        Ok(AppSimulation::load(manifest, Some(cache), |component| {
            tracing::debug!("loading component {component}");
        })?)
    }

    fn run_seed(&self, app: &AppSimulation, seed: u64) -> anyhow::Result<Report> {
        let record = self.record.as_deref().map(|file| {
            let created = File::create(file);
            let created = created.with_context(|| format!("cannot write the event log to {}", file.display()));
            created.map(|file| Box::new(BufWriter::new(file)) as Box<dyn Write + Send>)
        });
        let mut options = AppRunOptions { record: record.transpose()?, ..AppRunOptions::new(seed) };
        if self.no_faults {
            options.plan = Plan::calm(CALM);
        }
        Ok(app.run(options))
    }

    /// Prints how it went; the trace hash comes last.
    fn finish(&self, report: &Report) -> ExitCode {
        print::report(report);
        if report.outcome != Outcome::Passed {
            print::failure(report, &self.replay(report.seed));
        }
        println!("trace {}", report.hash);
        ExitCode::from(match report.outcome {
            Outcome::Passed => 0,
            Outcome::Broken { .. } => exit_code::PROPERTY_BROKEN,
            Outcome::Stalled(_) => exit_code::STALLED,
            Outcome::Crashed(_) => exit_code::CRASHED,
        })
    }

    fn options(&self) -> String {
        let seeds = match self.seed {
            Some(seed) => format!("--seed {seed}"),
            None => format!("--seeds {} --from {}", self.seeds, self.from),
        };
        let faults = if self.no_faults { " --no-faults" } else { "" };
        format!("{seeds}{faults}")
    }

    /// The one command that runs that seed again.
    fn replay(&self, seed: u64) -> String {
        let faults = if self.no_faults { " --no-faults" } else { "" };
        format!("rusm sim {} --seed {seed}{faults}", quoted(&self.directory))
    }
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "./-_+,=@:".contains(c));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word() {
        let check = |path: &str, expected: &str| assert_eq!(quoted(Path::new(path)), expected);
        check("examples/chat", "examples/chat");
        check("my app", "'my app'");
        check("it's", r"'it'\''s'");
        check("", "''");
    }
}
