//! What was found, kept in the tree: figures and reasons, and the page that says both to people.

use super::area::Area;
use super::outcome::Outcome;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/mutants.md";
const FOLDER: &str = "xtask/mutants";

/// How many mutants of a file ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) killed: usize,
    pub(crate) timed_out: usize,
    pub(crate) missed: usize,
    /// Left out by the configuration.
    pub(crate) excluded: usize,
    /// Not run.
    pub(crate) unknown: usize,
}

impl Count {
    pub(crate) fn add(&mut self, outcome: Option<&Outcome>) {
        match outcome {
            Some(Outcome::Killed(_)) => self.killed += 1,
            Some(Outcome::TimedOut(_)) => self.timed_out += 1,
            Some(Outcome::Missed) => self.missed += 1,
            None => self.unknown += 1,
        }
    }

    pub(crate) fn judged(&self) -> usize {
        self.killed + self.timed_out + self.missed
    }

    /// Of those that were judged.
    pub(crate) fn percent(&self, count: usize) -> f64 {
        100.0 * count as f64 / self.judged().max(1) as f64
    }

    fn sum(counts: impl Iterator<Item = Count>) -> Self {
        counts.fold(Self::default(), |sum, count| Self {
            killed: sum.killed + count.killed,
            timed_out: sum.timed_out + count.timed_out,
            missed: sum.missed + count.missed,
            excluded: sum.excluded + count.excluded,
            unknown: sum.unknown + count.unknown,
        })
    }
}

/// The last run of an area.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Figures {
    /// By file.
    pub(crate) counts: BTreeMap<String, Count>,
    pub(crate) timed_out: BTreeSet<String>,
    pub(crate) missed: BTreeSet<String>,
    /// What no run can choose.
    pub(crate) left_out: BTreeSet<String>,
}

impl Figures {
    pub(crate) fn total(&self) -> Count {
        Count::sum(self.counts.values().copied())
    }

    fn without_reason<'a>(&'a self, reasons: &'a BTreeMap<String, String>) -> impl Iterator<Item = &'a String> {
        self.timed_out.iter().chain(&self.missed).filter(|mutant| !reasons.contains_key(*mutant))
    }

    pub(crate) fn write(&self, area: Area) -> anyhow::Result<()> {
        let path = figures_of(area);
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        let (figures, reasons) = read(Path::new("."))?;
        std::fs::write(PAGE, page(&figures, &reasons)).with_context(|| format!("writing {PAGE}"))?;
        for mutant in figures[area.name()].without_reason(&reasons[area.name()]) {
            println!("without a reason: {mutant}");
        }
        Ok(())
    }
}

fn figures_of(area: Area) -> PathBuf {
    Path::new(FOLDER).join(format!("{}.json", area.name()))
}

type Reasons = BTreeMap<String, BTreeMap<String, String>>;

fn read(root: &Path) -> anyhow::Result<(BTreeMap<&'static str, Figures>, Reasons)> {
    let mut figures = BTreeMap::new();
    let mut reasons = Reasons::new();
    for area in [Area::Core, Area::Sim] {
        let text = std::fs::read_to_string(root.join(figures_of(area))).unwrap_or_else(|_| "{}".to_owned());
        let of_area = serde_json::from_str(&text).with_context(|| figures_of(area).display().to_string())?;
        figures.insert(area.name(), of_area);
        let path = root.join(FOLDER).join(format!("{}-reasons.json", area.name()));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
        let of_area = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        reasons.insert(area.name().to_owned(), of_area);
    }
    Ok((figures, reasons))
}

const INTRODUCTION: &str = "# Mutants

`cargo xtask mutants` breaks `rusm-core` in one place after the other and asks who notices; [CONTRIBUTING](../CONTRIBUTING.md)
has the commands. This page is written by it, from the figures of the last run and the reasons in `xtask/mutants`; a test holds
the two together. A mutant that does not compile is none.
";

const CORE: &str = "
## The core, judged by everything that needs no Wasm
Left out by `.cargo/mutants.toml`: conformance suites, models and worlds of tests are no code of the runtime; `Debug` and
`Display` are for people, and no test compares their words. What no run can choose, because it is computed while compiling or
returns an `impl Trait`, is listed at the end; `cargo mutants -F NAME` runs one of those.
";

const SIM: &str = "
## Signals, supervisors, names and timers, judged by the simulation suites alone
The chaos suites and the simulator's own, without golden traces, which notice every change and no bug. A timeout is no find: only
a test that failed is, and a test in the simulator that waits for ever fails as stalled. Nothing is left out by configuration.
";

fn page(figures: &BTreeMap<&'static str, Figures>, reasons: &Reasons) -> String {
    let mut page = INTRODUCTION.to_owned();
    for (area, what) in [(Area::Core, CORE), (Area::Sim, SIM)] {
        page.push_str(what);
        part(&mut page, &figures[area.name()], &reasons[area.name()]);
    }
    page
}

fn part(page: &mut String, figures: &Figures, reasons: &BTreeMap<String, String>) {
    let total = figures.total();
    let _ = writeln!(page, "\n| file | judged | killed | timed out | missed | left out | not run |");
    let _ = writeln!(page, "| --- | --- | --- | --- | --- | --- | --- |");
    let rows = figures.counts.iter().map(|(file, count)| (format!("`{file}`"), count));
    for (file, count) in rows.chain([("all".to_owned(), &total)]) {
        let Count { killed, timed_out, missed, excluded, unknown } = count;
        let judged = count.judged();
        let _ = writeln!(page, "| {file} | {judged} | {killed} | {timed_out} | {missed} | {excluded} | {unknown} |");
    }
    let (killed, timed_out) = (total.percent(total.killed), total.percent(total.timed_out));
    let _ = writeln!(page, "\nKilled {killed:.1} %, timed out {timed_out:.1} %.");
    for (title, mutants) in [("Missed", &figures.missed), ("Timed out", &figures.timed_out)] {
        if !mutants.is_empty() {
            let _ = writeln!(page, "\n### {title}\n| mutant | why |\n| --- | --- |");
        }
        for mutant in mutants {
            let reason = reasons.get(mutant).map_or("not looked into yet", String::as_str);
            let _ = writeln!(page, "| `{}` | {reason} |", mutant.trim_start_matches("core/src/").replace('|', "\\|"));
        }
    }
    if !figures.left_out.is_empty() {
        let _ = writeln!(page, "\n### Not to be chosen while running");
    }
    for mutant in &figures.left_out {
        let _ = writeln!(page, "- `{}`", mutant.trim_start_matches("core/src/"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_the_figures_and_the_reasons_say() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let (figures, reasons) = read(root).expect("the lists can be read");
        let there = std::fs::read_to_string(root.join(PAGE)).expect("the page is there");
        assert_eq!(there, page(&figures, &reasons), "cargo xtask mutants core --resume --write writes it anew");
    }

    #[test]
    fn every_mutant_that_lives_has_a_reason_and_every_reason_a_mutant() {
        let (figures, reasons) = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).expect("lists");
        for (area, reasons) in &reasons {
            let figures = &figures[area.as_str()];
            let unexplained: Vec<&String> = figures.without_reason(reasons).collect();
            assert_eq!(unexplained, Vec::<&String>::new(), "{area}");
            let alive = |mutant: &&String| figures.missed.contains(*mutant) || figures.timed_out.contains(*mutant);
            let dead: Vec<&String> = reasons.keys().filter(|mutant| !alive(mutant)).collect();
            assert_eq!(dead, Vec::<&String>::new(), "{area}: these do not live any more");
        }
    }
}
