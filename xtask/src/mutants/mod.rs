//! `cargo xtask mutants`: breaks the core in one place after the other, and asks who notices.
//!
//! cargo-mutants says what to change. Instead of one build for each change, all of them are woven into one copy of the
//! core, each behind a number ([`weave`]); a run of the test programs then chooses one. What that costs is one build for
//! all, and a second or so for each.

mod area;
mod judge;
mod list;
mod outcome;
mod page;
mod tree;
mod weave;

use anyhow::{Context, bail};
use area::Area;
use judge::{Suite, Verdict};
use list::{Mutant, list};
use outcome::{Outcome, Outcomes};
use page::{Count, Figures};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tree::Tree;
use weave::Number;

/// How many are judged between two lines that say how far it is.
const TELL_EVERY: usize = 25;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is broken, and who judges.
    area: Area,
    /// Only a part of the mutants, evenly drawn: `0/16` is the first of sixteen.
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1")]
    shard: (usize, usize),
    /// Goes on where another run ended.
    #[arg(long)]
    resume: bool,
    /// With --resume: judges again what nobody has killed.
    #[arg(long, requires = "resume")]
    again: bool,
    /// Keeps the figures in xtask/mutants, and writes docs/mutants.md.
    #[arg(long)]
    write: bool,
    /// Only mutants whose name contains this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// How many are judged at the same time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Where the build and the outcomes are kept [default: mutation, beside what cargo builds]
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let (index, count) = text.split_once('/').ok_or("it has the form I/N")?;
    let number = |text: &str| text.parse::<usize>().map_err(|error| format!("{text:?}: {error}"));
    match (number(index)?, number(count)?) {
        (index, count) if index < count => Ok((index, count)),
        _ => Err("I is less than N, and counts from 0".to_owned()),
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(PathBuf::from("target"), PathBuf::from);
    let output = options.output.clone().unwrap_or(target.join("mutation"));
    std::fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
    let _alone = alone(&output)?;

    let mutants = list(false)?;
    let tree = tree::build(&output, &mutants)?;
    let excluded = excluded(options.area, &mutants)?;
    let chosen = chosen(options, &mutants, &tree);
    let mut outcomes = Outcomes::open(&output.join(format!("{}.outcomes", options.area.name())), options.resume)?;
    if options.again {
        outcomes.known.retain(|_, outcome| matches!(outcome, Outcome::Killed(_)));
    }
    let left: Vec<Number> = chosen
        .iter()
        .copied()
        .filter(|number| !outcomes.known.contains_key(&mutants[*number].name) && !excluded.contains(number))
        .collect();
    println!("{} mutants, {} of them still to be judged", chosen.len(), left.len());
    if !left.is_empty() {
        let suites = suites(options.area, &tree, &output)?;
        let outcomes = Mutex::new(&mut outcomes);
        judge_all(&left, &mutants, &suites, &outcomes, options.jobs)?;
    }
    let figures = figures(options.area, &chosen, &mutants, &excluded, &tree, &outcomes);
    print(options.area, &figures);
    if options.write { figures.write(options.area) } else { Ok(()) }
}

/// Two runs in one folder would take each other's builds and measures for their own.
fn alone(output: &Path) -> anyhow::Result<std::fs::File> {
    let lock = std::fs::File::create(output.join("lock")).context("making the lock")?;
    lock.try_lock().with_context(|| format!("another run uses {}: give an --output of its own", output.display()))?;
    Ok(lock)
}

/// What `.cargo/mutants.toml` leaves out. The simulation suites get no such help.
fn excluded(area: Area, mutants: &[Mutant]) -> anyhow::Result<BTreeSet<Number>> {
    if area == Area::Sim {
        return Ok(BTreeSet::new());
    }
    let kept: BTreeSet<String> = list(true)?.into_iter().map(|mutant| mutant.name).collect();
    Ok((0..mutants.len()).filter(|number| !kept.contains(&mutants[*number].name)).collect())
}

fn chosen(options: &Options, mutants: &[Mutant], tree: &Tree) -> Vec<Number> {
    let (index, count) = options.shard;
    let of_area = mutants.iter().enumerate().filter(|(number, mutant)| {
        options.area.has(&mutant.file) && !tree.unviable.contains(number) && !tree.left_out.contains(number)
    });
    let of_shard = of_area.enumerate().filter(|(place, _)| place % count == index).map(|(_, mutant)| mutant);
    of_shard.filter(|(_, mutant)| mutant.name.contains(&options.only)).map(|(number, _)| number).collect()
}

/// The judges, each run once without a mutant: then all its tests must pass.
fn suites(area: Area, tree: &Tree, output: &Path) -> anyhow::Result<Vec<Suite>> {
    let mut suites = Vec::new();
    for (name, skip) in area.judges() {
        let program = tree.programs.get(*name).with_context(|| format!("there is no test program {name:?}"))?.clone();
        let folder = match name.split(' ').next().unwrap_or_default() {
            "rusm-core" => "core",
            "rusm-sim" => "sim",
            "rusm-suites" => ".",
            other => other,
        };
        let directory = std::path::absolute(tree.folder.join(folder))?;
        let (name, cpu, reached) = ((*name).to_owned(), Duration::ZERO, BTreeSet::new());
        let mut suite = Suite { name, program, directory, skip, cpu, reached };
        let verdict = suite.measure(&std::path::absolute(output)?.join("reached"))?;
        if verdict != Verdict::Passed {
            bail!("{} fails without any mutant: {verdict:?}", suite.name);
        }
        println!("{}: {:.1} s of CPU, comes by {} mutants", suite.name, suite.cpu.as_secs_f64(), suite.reached.len());
        suites.push(suite);
    }
    Ok(suites)
}

fn judge_all(
    left: &[Number],
    mutants: &[Mutant],
    suites: &[Suite],
    outcomes: &Mutex<&mut Outcomes>,
    jobs: Option<usize>,
) -> anyhow::Result<()> {
    let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let work = || -> anyhow::Result<()> {
        while let Some(number) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = judge(*number, suites)?;
            let name = &mutants[*number].name;
            match &outcome {
                Outcome::Killed(_) => {}
                Outcome::TimedOut(by) => println!("timed out: {name} ({by})"),
                Outcome::Missed => println!("missed: {name}"),
            }
            outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(name, outcome)?;
            let done = next.load(Ordering::Relaxed).min(left.len());
            if done.is_multiple_of(TELL_EVERY) {
                let each = start.elapsed().as_secs_f64() / done as f64;
                let still = each * (left.len() - done) as f64 / 60.0;
                println!("{done} of {}, {each:.1} s each, {still:.0} minutes left", left.len());
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a judge panicked")))
    })
}

/// A program that hangs is no verdict while another may fail.
fn judge(number: Number, suites: &[Suite]) -> anyhow::Result<Outcome> {
    let mut hung = None;
    for suite in suites {
        match suite.run(number)? {
            Verdict::Passed => {}
            Verdict::Failed(test) => return Ok(Outcome::Killed(format!("{}: {test}", suite.name))),
            Verdict::Hung(why) => hung = hung.or(Some(format!("{}: {why}", suite.name))),
        }
    }
    Ok(hung.map_or(Outcome::Missed, Outcome::TimedOut))
}

fn figures(
    area: Area,
    chosen: &[Number],
    mutants: &[Mutant],
    excluded: &BTreeSet<Number>,
    tree: &Tree,
    outcomes: &Outcomes,
) -> Figures {
    let mut figures = Figures::default();
    for number in chosen {
        let Mutant { file, name, .. } = &mutants[*number];
        let count: &mut Count = figures.counts.entry(file.clone()).or_default();
        if excluded.contains(number) {
            count.excluded += 1;
            continue;
        }
        let outcome = outcomes.known.get(name);
        count.add(outcome);
        match outcome {
            Some(Outcome::TimedOut(_)) => drop(figures.timed_out.insert(name.clone())),
            Some(Outcome::Missed) => drop(figures.missed.insert(name.clone())),
            Some(Outcome::Killed(_)) | None => {}
        }
    }
    let left_out = tree.left_out.iter().map(|number| &mutants[*number]).filter(|mutant| area.has(&mutant.file));
    figures.left_out = left_out.map(|mutant| mutant.name.clone()).collect();
    figures
}

fn print(area: Area, figures: &Figures) {
    let total = figures.total();
    let Count { killed, timed_out, missed, excluded, unknown } = total;
    println!("{}: {} judged, {unknown} not yet, {excluded} excluded", area.name(), total.judged());
    for (what, count) in [("killed", killed), ("timed out", timed_out), ("missed", missed)] {
        println!("{what:<9} {count:>5} {:>5.1} %", total.percent(count));
    }
}
