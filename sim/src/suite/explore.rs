//! A scenario over many seeds.

use super::divergence::{MemoryLog, first_divergence};
use super::settings::{Settings, kept_cases, write};
use super::{Case, Test, run_case, shrink};
use crate::timeline;
use crate::{ClusterWire, EventLog, Outcome, Report};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every so many seeds, one is run twice, and the two must be the same.
const REPEAT_EVERY: u64 = 20;

/// With fewer seeds nothing must be reached, nor with less than a third of the suite's own; nor over another wire than the usual
/// one, where other things are rare.
const SOMETIMES_FROM: u64 = 50;

/// Of other seeds than the suite's own it is luck which of them reach what: so many times as many must have run.
const SOMETIMES_OF_OTHERS: u64 = 3;

/// How long a failure is made smaller.
const SHRINK_FOR: Duration = Duration::from_secs(110);

/// A scenario, and for how many seeds it runs.
///
/// `#[rusm_sim::test]` makes one of a function. These variables of the environment say more:
///
/// | variable | means |
/// |---|---|
/// | `RUSM_SEED=N` | run this seed only |
/// | `RUSM_CASE=FILE` | run this [`Case`] only |
/// | `RUSM_WIRE=quic` | carry the protocol between nodes as production does; what has no nodes of a cluster does not run |
/// | `RUSM_SEEDS=N`, `RUSM_FROM=N` | run that many seeds, from that one on (default 1) |
/// | `RUSM_SHRINK=1` | make a failure smaller, and write the case that is left below `target/rusm-sim` |
/// | `RUSM_TIMELINE=FILE` | write the page that shows the run: of the failure, or of the only seed |
/// | `RUSM_RECORD=FILE` | write the event log of the only seed |
/// | `RUSM_HASHES=DIR` | write the trace hash of each seed there, in a file with the test's name |
/// | `RUSM_KEEP=1` | keep the case of a failure in `sim-regressions`: it runs first from then on |
pub struct Suite {
    name: String,
    seeds: u64,
    sometimes: Vec<String>,
    scenario: Box<dyn Fn(&mut Test) + Send + Sync>,
}

/// What many runs have shown.
#[derive(Clone, Debug, Default)]
struct Shown {
    runs: u64,
    reached: BTreeSet<String>,
    /// `SEED HASH`, a line each.
    hashes: String,
}

/// Where a suite stands: for the command that replays a failure, and for what is kept.
struct Place<'a> {
    command: String,
    /// Where the cases lie that run first.
    kept: Option<PathBuf>,
    name: &'a str,
}

impl Suite {
    /// A hundred seeds of that scenario. The name is the path of the test.
    pub fn new(name: impl Into<String>, scenario: impl Fn(&mut Test) + Send + Sync + 'static) -> Self {
        Self { name: name.into(), seeds: 100, sometimes: Vec::new(), scenario: Box::new(scenario) }
    }

    /// How many seeds.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// Rare branches and kinds of faults that at least one of the seeds must reach, when there are 50 or more, and a third of these.
    #[must_use]
    pub fn sometimes(mut self, what: &[&str]) -> Self {
        self.sometimes.extend(what.iter().map(|&what| what.to_owned()));
        self
    }

    /// Runs one case, and takes its trace hash.
    pub fn run(&self, case: &Case) -> Report {
        self.run_with(case, EventLog::Digest)
    }

    fn run_with(&self, case: &Case, log: EventLog) -> Report {
        run_case(&*self.scenario, case, log)
    }

    /// Runs one case, and returns its event log too.
    pub fn record(&self, case: &Case) -> (Report, Vec<u8>) {
        let log = MemoryLog::default();
        let report = self.run_with(case, EventLog::Written(Box::new(log.clone())));
        (report, log.take())
    }

    /// Runs all seeds.
    ///
    /// # Panics
    /// At the first that fails, saying what failed.
    pub fn check(&self) {
        let place = Place { command: String::new(), kept: None, name: &self.name };
        if let Err(text) = self.explore(&Settings::default(), &place) {
            panic!("{text}");
        }
    }

    /// # Errors
    /// What failed, for people.
    fn explore(&self, settings: &Settings, place: &Place<'_>) -> Result<(), String> {
        let mut shown = Shown::default();
        if let Some(case) = &settings.only {
            return self.run_only(case, settings, place);
        }
        for (file, case) in place.kept.as_deref().map_or(Ok(Vec::new()), kept_cases)? {
            let report = self.run_with(&case, EventLog::Off);
            if report.outcome != Outcome::Passed {
                let again = format!("RUSM_CASE={} {}", file.display(), place.command);
                return Err(format!(
                    "{}: {} fails again: {}\nreplay: {again}",
                    place.name,
                    file.display(),
                    report.outcome
                ));
            }
        }
        let from = settings.from.unwrap_or(1);
        let seeds = settings.seeds.unwrap_or(self.seeds);
        for seed in from..from.saturating_add(seeds) {
            let case = Case::of_seed(seed).over(settings.wire);
            let report = match &settings.hashes {
                _ if seed.is_multiple_of(REPEAT_EVERY) => self.run_twice(&case, place)?,
                Some(_) => self.run(&case),
                None => self.run_with(&case, EventLog::Off),
            };
            if report.outcome != Outcome::Passed {
                return Err(self.failed(&case, &report, settings, place));
            }
            if !settings.wire.carries(&report) {
                return Ok(());
            }
            shown.runs += 1;
            if let Some(hash) = report.hash {
                let _ = writeln!(shown.hashes, "{seed} {hash}");
            }
            shown.reached.extend(report.reached.into_keys().chain(report.counts.into_keys()));
        }
        if let Some(directory) = &settings.hashes {
            write(&directory.join(format!("{}.hashes", place.name.replace("::", "-"))), shown.hashes.as_bytes())?;
        }
        let enough = match settings.from {
            None => SOMETIMES_FROM.max(self.seeds / 3),
            Some(_) => self.seeds.saturating_mul(SOMETIMES_OF_OTHERS),
        };
        if shown.runs >= enough && settings.wire == ClusterWire::default() {
            let Shown { reached, .. } = &shown;
            let never: Vec<&String> = self.sometimes.iter().filter(|what| !reached.contains(*what)).collect();
            if !never.is_empty() {
                return Err(format!("{}: no seed reached {never:?}; they reached {reached:?}", place.name));
            }
        }
        Ok(())
    }

    fn run_only(&self, case: &Case, settings: &Settings, place: &Place<'_>) -> Result<(), String> {
        if let Some(foreign) = case.foreign_version() {
            eprintln!("{}: {foreign}", place.name);
        }
        let (report, log) = self.record(case);
        eprintln!("{}: {} events, trace {}", place.name, report.events, report.trace());
        if let Some(file) = &settings.record {
            write(file, &log)?;
        }
        if report.outcome != Outcome::Passed {
            return Err(self.failed(case, &report, settings, place));
        }
        settings.timeline.as_deref().map_or(Ok(()), |file| self.write_timeline(case, file, place))
    }

    /// # Errors
    /// The two runs differ: where.
    fn run_twice(&self, case: &Case, place: &Place<'_>) -> Result<Report, String> {
        let ((report, first), (_, second)) = (self.record(case), self.record(case));
        match first_divergence(&first, &second) {
            None => Ok(report),
            Some(text) => Err(format!("{}: seed {}: {text}replay: {}", place.name, case.seed, place.replay(case))),
        }
    }

    /// What to say of a failure.
    fn failed(&self, case: &Case, report: &Report, settings: &Settings, place: &Place<'_>) -> String {
        let mut text = format!("{}: seed {}: {}\n", place.name, case.seed, report.outcome);
        let _ = write!(text, "profile {}\n{}", report.profile, report.plan);
        let _ = writeln!(text, "replay: {}", place.replay(case));
        let mut smallest = case.clone();
        if settings.shrink {
            let shrunk = shrink(&*self.scenario, case, SHRINK_FOR);
            let _ = writeln!(
                text,
                "\nafter {} runs, what is left of it: {}\n{}",
                shrunk.runs, shrunk.report.outcome, shrunk.case
            );
            let file = place.output("case");
            text.push_str(&match write(&file, shrunk.case.of_this_program().to_string().as_bytes()) {
                Ok(()) => format!("replay: RUSM_CASE={} {}\n", file.display(), place.command),
                Err(why) => format!("{why}\n"),
            });
            smallest = shrunk.case;
        }
        if let (true, Some(kept)) = (settings.keep, &place.kept) {
            let wire = if case.wire == ClusterWire::default() { String::new() } else { format!("{}-", case.wire) };
            let file = kept.join(format!("{wire}{}.case", case.seed));
            text.push_str(&match write(&file, smallest.of_this_program().to_string().as_bytes()) {
                Ok(()) => format!("kept as {}\n", file.display()),
                Err(why) => format!("{why}\n"),
            });
        }
        if let Some(file) = &settings.timeline
            && let Err(why) = self.write_timeline(&smallest, file, place)
        {
            let _ = writeln!(text, "{why}");
        }
        text
    }

    fn write_timeline(&self, case: &Case, file: &Path, place: &Place<'_>) -> Result<(), String> {
        let (report, log) = self.record(case);
        let page = timeline::page(place.name, &place.replay(case), &report, &log);
        write(file, page.as_bytes())?;
        eprintln!("{}: its timeline is {}", place.name, file.display());
        Ok(())
    }
}

impl Place<'_> {
    fn replay(&self, case: &Case) -> String {
        if case.is_of_seed() {
            let wire =
                if case.wire == ClusterWire::default() { String::new() } else { format!("RUSM_WIRE={} ", case.wire) };
            format!("{wire}RUSM_SEED={} {}", case.seed, self.command)
        } else {
            format!("RUSM_CASE={} {}", self.output("case").display(), self.command)
        }
    }

    /// Where cargo's own output lies, of the test that runs.
    fn output(&self, extension: &str) -> PathBuf {
        let program = std::env::current_exe().unwrap_or_default();
        let target = program.ancestors().find(|path| path.join("CACHEDIR.TAG").exists()).unwrap_or(Path::new("target"));
        target.join("rusm-sim").join(format!("{}.{extension}", self.name.replace("::", "-")))
    }
}

/// What `#[rusm_sim::test]` calls: runs a suite as the environment says.
///
/// # Panics
/// When a seed fails: the message says what failed, and gives the command that replays it.
#[doc(hidden)]
pub fn run_test(suite: &Suite, manifest_dir: &str, package: &str, is_integration: bool) {
    let (target, path) = suite.name.split_once("::").unwrap_or(("", &suite.name));
    let target = if is_integration { format!("--test {target}") } else { "--lib".to_owned() };
    let kept = Path::new(manifest_dir).join("sim-regressions").join(path.replace("::", "-"));
    let command = format!("cargo test -p {package} {target} {path}");
    let place = Place { command, kept: Some(kept), name: path };
    if let Err(text) = suite.explore(&Settings::of_environment(), &place) {
        panic!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn explored(suite: &Suite) -> Result<(), String> {
        let place = Place { command: "cargo test name".to_owned(), kept: None, name: "name" };
        suite.explore(&Settings::default(), &place)
    }

    #[test]
    fn two_runs_of_a_seed_that_differ_are_told_apart_by_their_first_event() {
        let runs = AtomicU64::new(0);
        let suite = Suite::new("name", move |test: &mut Test| {
            // What no simulator can hold: a number from outside of the run.
            let number = runs.fetch_add(1, Ordering::Relaxed);
            test.script("outside", move |sim| async move {
                sim.sleep(Duration::from_millis(1)).await;
                sim.record("note", &format!("run {number}"));
            });
        });
        let text = explored(&suite).expect_err("they differ");
        assert!(text.starts_with("name: seed 20: two runs of this seed part at event "), "{text}");
        assert!(text.contains(" note run 19\n") && text.contains(" note run 20\n"), "{text}");
    }

    #[test]
    fn what_must_be_reached_and_never_is_is_named() {
        let rare = |wanted: u64| {
            let suite = Suite::new("name", move |test: &mut Test| {
                test.script("outside", move |sim| async move {
                    if sim.seed() == wanted {
                        sim.sometimes("rare");
                    }
                });
            });
            explored(&suite.seeds(60).sometimes(&["rare"]))
        };
        assert_eq!(rare(33), Ok(()));
        let text = rare(99).expect_err("no seed reaches it");
        assert!(text.contains("no seed reached [\"rare\"]"), "{text}");
    }

    #[test]
    fn of_other_seeds_than_its_own_many_more_have_to_miss_a_rare_branch_before_that_counts() {
        let suite = Suite::new("name", |test: &mut Test| test.script("outside", |_| async {}));
        let suite = suite.seeds(60).sometimes(&["rare"]);
        let place = Place { command: "cargo test name".to_owned(), kept: None, name: "name" };
        let explored = |from, seeds| {
            let settings = Settings { from, seeds: Some(seeds), ..Settings::default() };
            suite.explore(&settings, &place).is_ok()
        };
        assert!(!explored(None, 60) && !explored(None, 179));
        assert!(explored(Some(1_000), 179) && !explored(Some(1_000), 180));
    }

    #[test]
    fn a_case_that_is_kept_runs_first_from_then_on() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let kept = Some(directory.path().join("name"));
        let place = || Place { command: "cargo test name".to_owned(), kept: kept.clone(), name: "name" };
        let failing = |seed| {
            Suite::new("name", move |test: &mut Test| {
                test.script("client", move |sim| async move { assert_ne!(sim.seed(), seed) });
            })
        };
        let settings = Settings { keep: true, ..Settings::default() };
        let text = failing(3).explore(&settings, &place()).expect_err("seed 3 fails");
        assert!(text.contains("3.case"), "{text}");
        let few = Settings { seeds: Some(1), from: Some(50), ..Settings::default() };
        let text = failing(3).explore(&few, &place()).expect_err("it runs first");
        assert!(text.contains("3.case fails again: property broken: assertion"), "{text}");
        assert_eq!(failing(0).explore(&few, &place()), Ok(()));
    }

    #[test]
    fn a_failure_gives_its_seed_its_plan_and_the_command_that_replays_it() {
        let suite = Suite::new("name", |test: &mut Test| {
            test.node("a", |_| async {});
            test.faults([crate::FaultKind::Pause]);
            test.script("client", |sim| async move { assert_ne!(sim.seed(), 3, "three") });
        });
        let text = explored(&suite).expect_err("seed 3 fails");
        assert!(text.starts_with("name: seed 3: property broken: assertion: "), "{text}");
        assert!(text.contains(" pause a for ") && text.contains("\nreplay: RUSM_SEED=3 cargo test name\n"), "{text}");
    }
}
