//! Many seeds, until one fails.

use super::{Sim, print};
use rusm_sim::app::AppSimulation;
use rusm_sim::{Outcome, Report};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One of so many seeds is run twice: its trace must be the same.
const REPEAT_EVERY: u64 = 20;

/// How often progress is printed.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

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

pub(super) fn explore(sim: &Sim) -> anyhow::Result<ExitCode> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = sim.jobs.unwrap_or(cores).clamp(1, sim.seeds.max(1) as usize);
    let next = AtomicU64::new(sim.from);
    let stop = AtomicBool::new(false);
    let now = Instant::now();
    let found = Mutex::new(Found {
        started: now,
        printed: now,
        done: 0,
        virtual_time: Duration::ZERO,
        events: 0,
        counts: BTreeMap::new(),
        reached: BTreeMap::new(),
        failure: None,
    });
    // The first compiles, the others take what it has compiled from the cache.
    let mut apps = Vec::new();
    for _ in 0..jobs {
        apps.push(sim.load()?);
    }
    let workers: Vec<anyhow::Result<()>> = std::thread::scope(|scope| {
        let start = |app| {
            let (next, stop, found) = (&next, &stop, &found);
            let silent = !sim.show_log;
            scope.spawn(move || {
                let _silence =
                    silent.then(|| tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default()));
                work(sim, &app, next, stop, found)
            })
        };
        let workers: Vec<_> = apps.into_iter().map(start).collect();
        let panicked = |_| Err(anyhow::Error::msg("the simulator panicked"));
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(panicked)).collect()
    });
    workers.into_iter().collect::<anyhow::Result<()>>()?;
    let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.summary(sim);
    match &found.failure {
        Some(report) => sim.finish(&sim.load()?, &sim.case_of(report.seed)?, report),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn work(
    sim: &Sim,
    app: &AppSimulation,
    next: &AtomicU64,
    stop: &AtomicBool,
    found: &Mutex<Found>,
) -> anyhow::Result<()> {
    let late = || sim.max_time.is_some_and(|max| started(found).elapsed() >= Duration::from_secs(max));
    while !stop.load(Ordering::Relaxed) && !late() {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= sim.from.saturating_add(sim.seeds) {
            break;
        }
        let case = sim.case_of(seed)?;
        let mut report = sim.run_case(app, &case, None)?;
        if seed.is_multiple_of(REPEAT_EVERY) && report.outcome == Outcome::Passed {
            let again = sim.run_case(app, &case, None)?;
            if again.hash != report.hash {
                let why = format!("two runs of this seed differ: traces {} and {}", report.hash, again.hash);
                report.outcome = Outcome::Crashed(why);
            }
        }
        if report.outcome != Outcome::Passed {
            stop.store(true, Ordering::Relaxed);
        }
        found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(sim, report);
    }
    Ok(())
}

fn started(found: &Mutex<Found>) -> Instant {
    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).started
}

impl Found {
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
            eprintln!("{} of {} seeds, {:.0} s", self.done, sim.seeds, self.started.elapsed().as_secs_f64());
        }
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
        let kinds = AppSimulation::kinds().iter().map(|kind| kind.name());
        let never: BTreeSet<&str> = kinds.filter(|kind| !self.counts.contains_key(*kind)).collect();
        if !never.is_empty() && sim.fault_options().is_empty() && self.failure.is_none() {
            println!("never happened: {}", print::list(never.into_iter().map(str::to_owned)));
        }
        if self.failure.is_none() {
            println!("every property held in every seed");
        }
    }
}
