//! Many seeds, until one fails, time is up or somebody is tired of it.

use super::{Sim, print};
use crate::exit_code::INTERRUPTED;
use crate::signals::EndSignals;
use anyhow::Context as _;
use rusm_sim::app::AppSimulation;
use rusm_sim::{Case, EventLog, Outcome, Report};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One of so many seeds is run twice: its trace must be the same.
const REPEAT_EVERY: u64 = 20;

/// How often progress is printed.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// What the workers share.
struct Exploration {
    sim: Sim,
    next: AtomicU64,
    stop: AtomicBool,
    found: Mutex<Found>,
}

/// What the runs have shown so far.
struct Found {
    started: Instant,
    printed: Instant,
    done: u64,
    virtual_time: Duration,
    events: u64,
    counts: BTreeMap<String, u64>,
    reached: BTreeMap<String, u64>,
    /// Of the failures, that of the lowest seed.
    failure: Option<Report>,
}

/// Why the command goes on.
enum Woken {
    /// A worker has nothing more to do, or could not go on.
    Ended(anyhow::Result<()>),
    Interrupted,
}

pub(super) fn explore(sim: &Sim) -> anyhow::Result<ExitCode> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = sim.jobs.unwrap_or(cores).clamp(1, sim.seeds.max(1) as usize);
    // The first compiles, the others take what it has compiled from the cache.
    let mut apps = Vec::new();
    for _ in 0..jobs {
        apps.push(sim.load()?);
    }
    apps[0].check(&sim.case_of(sim.from)?)?;
    let exploration = Arc::new(Exploration {
        sim: sim.clone(),
        next: AtomicU64::new(sim.from),
        stop: AtomicBool::new(false),
        found: Mutex::new(Found::new()),
    });
    let (tell, told) = mpsc::channel();
    watch_for_interrupts(tell.clone())?;
    for app in apps {
        let (exploration, tell) = (exploration.clone(), tell.clone());
        std::thread::spawn(move || {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| exploration.work(&app)));
            let ended = ended.unwrap_or_else(|_| Err(anyhow::Error::msg("the simulator panicked")));
            // Nobody waits any more after an interruption.
            let _ = tell.send(Woken::Ended(ended));
        });
    }
    for _ in 0..jobs {
        match told.recv().context("the simulator's threads are gone")? {
            Woken::Ended(ended) => ended?,
            Woken::Interrupted => {
                // Runs that are under way end with the process.
                exploration.stop.store(true, Ordering::Relaxed);
                println!("interrupted");
                let found = exploration.found();
                found.summary(sim);
                return match &found.failure {
                    Some(report) => sim.finish(&sim.load()?, &sim.case_of(report.seed)?, report),
                    None => Ok(ExitCode::from(INTERRUPTED)),
                };
            }
        }
    }
    let found = exploration.found();
    found.summary(sim);
    match &found.failure {
        Some(report) => sim.finish(&sim.load()?, &sim.case_of(report.seed)?, report),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Tells of the first Ctrl-C or SIGTERM; the second ends the process at once.
fn watch_for_interrupts(tell: Sender<Woken>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot catch signals")?;
    let mut signals = {
        let _entered = runtime.enter();
        EndSignals::catch().context("cannot catch signals")?
    };
    std::thread::spawn(move || {
        runtime.block_on(signals.next());
        // The command may have ended meanwhile.
        let _ = tell.send(Woken::Interrupted);
        runtime.block_on(signals.next());
        std::process::exit(INTERRUPTED.into());
    });
    Ok(())
}

impl Exploration {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run that fails is run again for its trace, and some of the others to see that they are the same run.
    fn run(&self, app: &AppSimulation, case: &Case) -> Report {
        let run = |log| app.run(self.sim.options_of(case, log));
        let is_watched = case.seed.is_multiple_of(REPEAT_EVERY);
        let first = run(if is_watched { EventLog::Digest } else { EventLog::Off });
        if !is_watched && first.outcome == Outcome::Passed {
            return first;
        }
        let mut again = run(EventLog::Digest);
        let is_same = again.outcome == first.outcome && (!is_watched || again.hash == first.hash);
        if !is_same {
            let [first, second] =
                [&first, &again].map(|report| format!("{}, trace {}", report.outcome, report.trace()));
            again.outcome = Outcome::Crashed(format!("two runs of this seed differ: {first}; {second}"));
        }
        again
    }

    fn work(&self, app: &AppSimulation) -> anyhow::Result<()> {
        let sim = &self.sim;
        let _silence =
            (!sim.show_log).then(|| tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default()));
        let late = || sim.max_time.is_some_and(|max| self.found().started.elapsed() >= Duration::from_secs(max));
        while !self.stop.load(Ordering::Relaxed) && !late() {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= sim.from.saturating_add(sim.seeds) {
                break;
            }
            let case = sim.case_of(seed)?;
            let report = self.run(app, &case);
            if report.outcome != Outcome::Passed {
                self.stop.store(true, Ordering::Relaxed);
            }
            self.found().add(sim, report);
        }
        Ok(())
    }
}

impl Found {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            printed: now,
            done: 0,
            virtual_time: Duration::ZERO,
            events: 0,
            counts: BTreeMap::new(),
            reached: BTreeMap::new(),
            failure: None,
        }
    }

    fn add(&mut self, sim: &Sim, report: Report) {
        self.done += 1;
        self.virtual_time += report.virtual_time;
        self.events += report.events;
        for (what, count) in &report.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
        for what in report.reached.keys() {
            *self.reached.entry(what.clone()).or_default() += 1;
        }
        let lowest = self.failure.as_ref().is_none_or(|other| report.seed < other.seed);
        if report.outcome != Outcome::Passed && lowest {
            self.failure = Some(report);
        }
        if self.printed.elapsed() >= PROGRESS_EVERY {
            self.printed = Instant::now();
            eprintln!("{}", self.progress(sim));
        }
    }

    /// `120 of 1000 seeds, 24.0 a second, 37 s left; 14 of 16 kinds of faults, 3 rare branches`.
    fn progress(&self, sim: &Sim) -> String {
        let rate = self.done as f64 / self.started.elapsed().as_secs_f64();
        let left = sim.seeds.saturating_sub(self.done) as f64 / rate;
        let left = sim.max_time.map_or(left, |max| {
            left.min(Duration::from_secs(max).saturating_sub(self.started.elapsed()).as_secs_f64())
        });
        let kinds: Vec<&str> = AppSimulation::kinds(sim.nodes).map(|kind| kind.name()).collect();
        let hit = kinds.iter().filter(|kind| self.counts.contains_key(**kind)).count();
        format!(
            "{} of {} seeds, {rate:.1} a second, {left:.0} s left; {hit} of {} kinds of faults, {} rare branches",
            self.done,
            sim.seeds,
            kinds.len(),
            self.reached.len()
        )
    }

    fn summary(&self, sim: &Sim) {
        let (time, elapsed) = (self.virtual_time.as_secs_f64(), self.started.elapsed().as_secs_f64());
        println!(
            "{} seeds in {elapsed:.1} s: {time:.0} s of virtual time, {} events, {:.1} simulated seconds a second",
            self.done,
            self.events,
            time / elapsed
        );
        println!("happened: {}", print::list(self.counts.iter().map(|(what, count)| format!("{what} ({count})"))));
        let reached = self.reached.iter().map(|(what, seeds)| format!("{what} ({seeds} seeds)"));
        println!("reached: {}", print::list(reached));
        let kinds = AppSimulation::kinds(sim.nodes).map(|kind| kind.name());
        let never: BTreeSet<&str> = kinds.filter(|kind| !self.counts.contains_key(*kind)).collect();
        if !never.is_empty() && sim.fault_options().is_empty() && self.failure.is_none() {
            println!("never happened: {}", print::list(never.into_iter().map(str::to_owned)));
        }
        if self.failure.is_none() {
            println!("every property held in every seed");
        }
    }
}
