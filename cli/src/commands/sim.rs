mod explore;
mod print;

use crate::exit_code;
use anyhow::{Context as _, bail};
use rusm_host::manifest::Manifest;
use rusm_sim::app::{AppRunOptions, AppSimulation, NODES_MAX};
use rusm_sim::suite::{MemoryLog, Shrunk, shrink_with};
use rusm_sim::{Case, EventLog, Outcome, Plan, Report};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Run an app in the simulator: its scenario uses it through a simulated network while guests trap, processes are
/// killed, connections are cut and the node crashes, all drawn from a seed
///
/// Without `--seed` it explores: many seeds, until one fails. A seed that fails is printed with the command that replays
/// it. The same seed and binary give the same trace hash, in every process and on every day.
#[derive(Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sim {
    /// The app's directory, with its rusm.toml and what `rusm build` made of it
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Replay this seed
    #[arg(long, value_name = "N", conflicts_with_all = ["case", "seeds", "from", "jobs"])]
    seed: Option<u64>,

    /// Replay this case, which `--shrink` wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "from", "jobs", "faults", "no_faults"])]
    case: Option<PathBuf>,

    /// Explore that many seeds
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    seeds: u64,

    /// The first seed to explore
    #[arg(long, value_name = "N", default_value_t = 1)]
    from: u64,

    /// How many nodes of one cluster run the app; the clients take turns among them
    #[arg(long, value_name = "COUNT", default_value_t = 1, conflicts_with = "case")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=NODES_MAX))]
    nodes: u64,

    /// How many seeds run at the same time [default: one for each core]
    #[arg(long, value_name = "COUNT")]
    jobs: Option<usize>,

    /// Explore no longer than that
    #[arg(long, value_name = "SECONDS")]
    max_time: Option<u64>,

    /// A run that is not over after so much virtual time has stalled
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    until: u64,

    /// Write the event log of the seed or case here: its SHA-256 is the trace hash
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Make a failure smaller: write the case that is left of it beside the app's build
    #[arg(long)]
    shrink: bool,

    /// Write a page that shows the run, or what is left of the failure
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,

    /// Let this go wrong, a plan as a run prints it
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,

    /// Let nothing go wrong
    #[arg(long, conflicts_with = "faults")]
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
  rusm sim examples/chat --seed 42 --shrink --timeline chat-42.html

Exit codes:
  0  every property held
  1  it could not be run
  4  a property is broken
  5  the app stalled: nothing was ready, and nothing was going to happen
  6  the app did not start, the scenario failed or a task panicked
  130  Ctrl-C: what was found by then is printed";

/// How long the scenario works when nothing goes wrong.
const CALM: Duration = Duration::from_secs(10);

/// How long a failure is made smaller.
const SHRINK_FOR: Duration = Duration::from_secs(110);

impl Sim {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if self.show_log {
            return self.simulate();
        }
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || self.simulate())
    }

    fn simulate(&self) -> anyhow::Result<ExitCode> {
        print::head(&self.directory, &self.options());
        let Some(case) = self.only_case()? else {
            return explore::explore(self);
        };
        if let Some(foreign) = case.foreign_version() {
            println!("{foreign}");
        }
        let app = self.load()?;
        app.check(&case)?;
        let report = app.run(self.options_of(&case, self.event_log()?));
        self.finish(&app, &case, &report)
    }

    /// The one that is to be replayed, if one is.
    fn only_case(&self) -> anyhow::Result<Option<Case>> {
        match (&self.case, self.seed) {
            (Some(file), _) => {
                let text = read(file)?;
                Ok(Some(text.parse().with_context(|| file.display().to_string())?))
            }
            (None, Some(seed)) => self.case_of(seed).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// What that seed means, with the faults that were asked for.
    fn case_of(&self, seed: u64) -> anyhow::Result<Case> {
        let plan = match &self.faults {
            Some(file) => Some(read(file)?.parse().with_context(|| file.display().to_string())?),
            None => self.no_faults.then(|| Plan::calm(CALM)),
        };
        let mut case = Case { plan, ..Case::of_seed(seed) };
        if self.nodes > 1 {
            case.sizes.insert("nodes".to_owned(), self.nodes);
        }
        Ok(case)
    }

    /// Compiles the app and its scenario, or takes them from the cache.
    fn load(&self) -> anyhow::Result<AppSimulation> {
        let manifest = Manifest::load(&self.directory)?;
        let cache = self.directory.join("build/cache");
        Ok(AppSimulation::load(manifest, Some(cache), |component| {
            tracing::debug!("loading component {component}");
        })?)
    }

    /// Of the only run.
    fn event_log(&self) -> anyhow::Result<EventLog> {
        let Some(file) = &self.record else { return Ok(EventLog::Digest) };
        let created = File::create(file);
        let created = created.with_context(|| format!("cannot write the event log to {}", file.display()))?;
        Ok(EventLog::Written(Box::new(BufWriter::new(created))))
    }

    fn options_of(&self, case: &Case, log: EventLog) -> AppRunOptions {
        AppRunOptions { log, time_limit: Duration::from_secs(self.until), ..AppRunOptions::new(case.clone()) }
    }

    /// Prints how it went; the trace hash comes last. What cannot be written is no reason to be silent about the run: a
    /// failure of it has its exit code all the same.
    fn finish(&self, app: &AppSimulation, case: &Case, report: &Report) -> anyhow::Result<ExitCode> {
        print::report(report);
        let written = self.write(app, case, report);
        println!("trace {}", report.trace());
        let code = match report.outcome {
            Outcome::Passed => return written.map(|()| ExitCode::SUCCESS),
            Outcome::Broken { .. } => exit_code::PROPERTY_BROKEN,
            Outcome::Stalled(_) => exit_code::STALLED,
            Outcome::Crashed(_) => exit_code::CRASHED,
        };
        if let Err(error) = written {
            eprintln!("error: {error:#}");
        }
        Ok(ExitCode::from(code))
    }

    /// Says what failed, makes it smaller and draws it, where that was asked for.
    fn write(&self, app: &AppSimulation, case: &Case, report: &Report) -> anyhow::Result<()> {
        let mut shown = case.clone();
        if report.outcome != Outcome::Passed {
            print::failure(report, &self.replay(case));
            if self.shrink {
                shown = self.shrink(app, case)?;
            }
        }
        if let Some(file) = &self.timeline {
            self.write_timeline(app, &shown, file)?;
        }
        match (&report.unwritten, &self.record) {
            (Some(why), Some(file)) => bail!("cannot write the event log to {}: {why}", file.display()),
            _ => Ok(()),
        }
    }

    /// Writes what is left of a failing case, and says how to run it.
    fn shrink(&self, app: &AppSimulation, case: &Case) -> anyhow::Result<Case> {
        let Shrunk { case, report, runs } =
            shrink_with(&mut |case| app.run(self.options_of(case, EventLog::Off)), case, SHRINK_FOR);
        let file = self.directory.join(format!("build/{}.case", case.seed));
        let case = case.of_this_program();
        std::fs::write(&file, case.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
        println!("after {runs} runs this is left of it: {}\n{case}", report.outcome);
        println!("replay: rusm sim {} --case {}", quoted(&self.directory), quoted(&file));
        Ok(case)
    }

    fn write_timeline(&self, app: &AppSimulation, case: &Case, file: &Path) -> anyhow::Result<()> {
        let log = MemoryLog::default();
        let report = app.run(self.options_of(case, EventLog::Written(Box::new(log.clone()))));
        let page =
            rusm_sim::timeline::page(&self.directory.display().to_string(), &self.replay(case), &report, &log.take());
        std::fs::write(file, page).with_context(|| format!("cannot write the timeline to {}", file.display()))?;
        println!("timeline: {}", file.display());
        Ok(())
    }

    fn options(&self) -> String {
        let seeds = match (&self.case, self.seed) {
            (Some(file), _) => format!("--case {}", quoted(file)),
            (None, Some(seed)) => format!("--seed {seed}"),
            (None, None) => format!("--seeds {} --from {}", self.seeds, self.from),
        };
        format!("{seeds}{}{}", self.node_option(), self.fault_options())
    }

    fn node_option(&self) -> String {
        if self.nodes > 1 { format!(" --nodes {}", self.nodes) } else { String::new() }
    }

    fn fault_options(&self) -> String {
        match &self.faults {
            Some(file) => format!(" --faults {}", quoted(file)),
            None if self.no_faults => " --no-faults".to_owned(),
            None => String::new(),
        }
    }

    /// The one command that runs that case again.
    fn replay(&self, case: &Case) -> String {
        let directory = quoted(&self.directory);
        match &self.case {
            Some(file) => format!("rusm sim {directory} --case {}", quoted(file)),
            None => format!("rusm sim {directory} --seed {}{}{}", case.seed, self.node_option(), self.fault_options()),
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
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
