//! `cargo xtask breaks`: what is held by tests, shown by breaking it. `tests/breaks/JUDGE/` has one small patch for each
//! way to break something; each is applied to a copy of the tree, and a test must notice.

mod binary;
mod change;
mod judge;
mod page;
mod rules;
mod tree;
mod weave;

use anyhow::{Context, anyhow, bail};
use change::Change;
use judge::{Answer, Bench, Judge};
use std::path::{Path, PathBuf};
use std::process::Command;
use tree::{Tree, Woven};
use weave::Number;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Whose patches, and who must notice them.
    #[arg(long, value_enum, default_value_t = Judge::Rules)]
    judge: Judge,
    /// Only patches whose file name contains this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Only a part of them: `0/4` is the first of four.
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1")]
    shard: (usize, usize),
    /// Asks all tests of the judge and names each that notices, not only those that the patch names.
    #[arg(long)]
    all: bool,
    /// Keeps how many seeds it took in the patches, where the judge counts them.
    #[arg(long)]
    keep: bool,
    /// Writes the pages in docs/ anew from what the patches say, and ends.
    #[arg(long)]
    write: bool,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    numbers.filter(|(i, n)| i < n).ok_or_else(|| "expected I/N, where I is less than N and counts from 0".to_owned())
}

/// The patches of a judge, by name.
fn changes(judge: Judge) -> anyhow::Result<Vec<Change>> {
    let folder = judge.folder();
    let files = std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths = files.map(|file| Ok(file?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    paths.sort();
    paths.iter().map(|path| Change::read(path)).collect()
}

/// A step of `cargo xtask test`, which runs none of the patches: all apply, name tests that exist, and are on their page,
/// and each rule that must have one has one.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut problems = Vec::new();
    for judge in Judge::ALL {
        let changes = changes(judge)?;
        for change in &changes {
            problems.extend(change.problems(|file| std::fs::read_to_string(file).ok()));
            if let Err(error) = git_apply(Path::new("."), change, &["--check"]) {
                problems.push(format!("{error:#}"));
            }
        }
        match judge {
            Judge::Rules => problems.extend(rules::problems(&changes)),
            Judge::Loom => {}
            Judge::Sim => problems.extend(
                changes
                    .iter()
                    .filter(|change| change.seeds.is_none())
                    .map(|change| format!("{}: no `Seeds:`", change.name)),
            ),
        }
        problems.extend(page::problem(judge, &changes)?);
        println!("{} patches of {judge} apply", changes.len());
    }
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("\n")) }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let all = changes(options.judge)?;
    if options.write {
        return page::write(options.judge, &all);
    }
    let only = |change: &Change| options.only.as_ref().is_none_or(|only| change.name.contains(only));
    let (first, step) = options.shard;
    let chosen: Vec<Change> = all.into_iter().filter(only).skip(first).step_by(step).collect();
    if chosen.is_empty() {
        bail!("no patch of {} is among these", options.judge);
    }
    let tree = Tree::copy(options.judge)?;
    println!("in {}", tree.path().display());
    let (woven, bench) = build_woven(&tree, &chosen, options)?;
    let failed = bench.ask(&options.judge.tests(&chosen, options.all), None)?.failed;
    if !failed.is_empty() {
        bail!("these fail without a change: {}", failed.join(", "));
    }
    let mut noticed = 0;
    println!("\n| {} | change | noticed by |\n| --- | --- | --- |", options.judge.what());
    let (together, alone): (Vec<_>, Vec<_>) =
        chosen.iter().enumerate().partition(|(number, _)| woven.numbers.contains(number));
    for (number, change) in together {
        noticed += usize::from(ask(change, Ok(&bench), Some(number), options)?);
    }
    tree.restore(&woven)?;
    for (_, change) in alone {
        let bench = tree.with(change, |tree| Bench::build(tree, &options.judge.tests([change], options.all)));
        noticed += usize::from(ask(change, bench.as_ref(), None, options)?);
    }
    println!("\n{noticed} of {} were noticed", chosen.len());
    if noticed < chosen.len() {
        bail!("{} changes were not noticed, or do not fit the code any more", chosen.len() - noticed);
    }
    Ok(())
}

/// As many changes as can be in one build; none of them, when they do not build together.
fn build_woven(tree: &Tree, changes: &[Change], options: &Options) -> anyhow::Result<(Woven, Bench)> {
    let tests = options.judge.tests(changes, options.all);
    let mut woven = tree.weave(changes)?;
    println!("{} of {} changes are in one build", woven.numbers.len(), changes.len());
    let bench = Bench::build(tree, &tests).or_else(|error| {
        println!("they do not build together: {error:#}");
        tree.restore(&woven)?;
        woven.numbers.clear();
        Bench::build(tree, &tests)
    })?;
    Ok((woven, bench))
}

/// Asks about one change, says the answer, and returns whether it was noticed.
fn ask(
    change: &Change,
    bench: Result<&Bench, &anyhow::Error>,
    woven: Option<Number>,
    options: &Options,
) -> anyhow::Result<bool> {
    let tests = options.judge.tests([change], options.all);
    let answer = bench.map_err(|error| anyhow!("{error:#}")).and_then(|bench| bench.ask(&tests, woven));
    let answer = answer.and_then(|answer| match answer.hung && options.judge.counts_seeds() {
        true => bail!("{} did not end, and the simulator should have said that it stalls", answer.failed.join(", ")),
        false => Ok(answer),
    });
    let (noticed, by) = verdict(answer, options.all);
    let mut seeds = String::new();
    if let Ok(bench) = bench
        && noticed
        && options.judge.counts_seeds()
        && !options.all
    {
        let count = bench.count_seeds(&tests, woven)?;
        seeds = format!("{count} seeds, ");
        if options.keep {
            change.keep_seeds(count)?;
        }
    }
    println!("| {} | {}: {} | {seeds}{by} |", change.rule, change.name, change.breaks);
    Ok(noticed)
}

/// Whether a change was noticed, and by whom. Of all tests one is enough; of those that a patch names each was said to notice.
fn verdict(answer: anyhow::Result<Answer>, all: bool) -> (bool, String) {
    match answer {
        Ok(Answer { failed, passed, .. }) if !failed.is_empty() && (all || passed.is_empty()) => {
            (true, failed.join(", "))
        }
        Ok(Answer { passed, .. }) => (false, format!("**nobody**: passed {}", passed.join(", "))),
        Err(error) => (false, format!("**unfit**: {error:#}")),
    }
}

/// Applies the change to the files in `root`.
fn git_apply(root: &Path, change: &Change, more: &[&str]) -> anyhow::Result<()> {
    let patch = std::fs::canonicalize(&change.path).with_context(|| format!("finding {}", change.path.display()))?;
    let output = Command::new("git")
        .current_dir(root)
        // Inside of a repository git looks for the files from its root, and passes over what it does not find there.
        .env("GIT_DIR", "/dev/null")
        .args(["apply", "--whitespace=nowarn"])
        .args(more)
        .arg(patch)
        .output()
        .context("running git apply")?;
    if !output.status.success() {
        bail!("{} does not apply: {}", change.path.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
