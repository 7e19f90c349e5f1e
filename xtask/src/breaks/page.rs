//! The page in docs/ that lists a judge's changes: made from what they say, so that it cannot say anything else.

use super::change::Change;
use super::judge::Judge;
use anyhow::Context;
use std::fmt::Write;
use std::path::PathBuf;

fn path(judge: Judge) -> PathBuf {
    PathBuf::from(format!("docs/breaks-{judge}.md"))
}

fn page(judge: Judge, changes: &[Change]) -> String {
    let (head, line) = if judge.counts_seeds() { (" | seeds", " | ---") } else { ("", "") };
    let (introduction, what) = (judge.introduction(), judge.what());
    let mut page = format!("{introduction}\n| {what} | change | noticed by{head} |\n| --- | --- | ---{line} |\n");
    for change in changes {
        let tests = change.noticed_by.iter().map(|test| format!("[{}](../{})", test.name, test.file));
        let tests = tests.collect::<Vec<_>>().join(", ");
        let patch = change.path.display();
        let seeds = change.seeds.map(|seeds| format!(" | {seeds}")).unwrap_or_default();
        let _ = writeln!(page, "| {} | [{}](../{patch}) | {tests}{seeds} |", change.rule, change.breaks);
    }
    page
}

/// That the page is not what the changes say.
pub(super) fn problem(judge: Judge, changes: &[Change]) -> anyhow::Result<Option<String>> {
    let path = path(judge);
    let there = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let differs = there != page(judge, changes);
    Ok(differs
        .then(|| format!("{} is not what the patches say: cargo xtask breaks --judge {judge} --write", path.display())))
}

pub(super) fn write(judge: Judge, changes: &[Change]) -> anyhow::Result<()> {
    let path = path(judge);
    std::fs::write(&path, page(judge, changes)).with_context(|| format!("writing {}", path.display()))
}
