//! `cargo xtask hashes`: the same seed gives the same trace, in other processes, on a quiet and on a busy machine, with other
//! numbers of threads.

use crate::suites::{self, ALONE, WIRES};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seeds of each scenario.
    #[arg(long, value_name = "N", default_value_t = 200)]
    seeds: u64,
    /// Only over this wire: `links` or `quic`.
    #[arg(long, value_name = "WIRE", value_parser = WIRES)]
    wire: Option<String>,
    /// Only scenarios whose name contains this.
    #[arg(value_name = "NAME", default_value = "")]
    name: String,
}

/// Seeds of each scenario in CI.
const SEEDS_IN_CI: u64 = 5;

/// How a round differs from the others.
struct Round {
    what: &'static str,
    threads: usize,
    busy: bool,
}

const ROUNDS: [Round; 3] = [
    Round { what: "quiet, one thread", threads: 1, busy: false },
    Round { what: "quiet, four threads", threads: 4, busy: false },
    Round { what: "busy, two threads", threads: 2, busy: true },
];

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    for wire in WIRES.into_iter().filter(|wire| options.wire.as_deref().is_none_or(|only| only == *wire)) {
        compare(&ALONE, wire, options.seeds, &options.name, &ROUNDS)?;
    }
    Ok(())
}

/// The slice of it that CI runs, of what it has built.
pub(crate) fn in_ci(selection: &[&str]) -> anyhow::Result<()> {
    for wire in WIRES {
        compare(selection, wire, SEEDS_IN_CI, "", &ROUNDS[1..])?;
    }
    Ok(())
}

fn compare(selection: &[&str], wire: &str, seeds: u64, name: &str, rounds: &[Round]) -> anyhow::Result<()> {
    let directory = std::env::current_dir()?.join("target/hashes").join(wire);
    let mut first: Option<BTreeMap<String, String>> = None;
    for (number, round) in rounds.iter().enumerate() {
        println!("{seeds} seeds of each scenario over {wire}: {}", round.what);
        let directory = directory.join(number.to_string());
        // What an earlier call has left.
        let _ = std::fs::remove_dir_all(&directory);
        let variables = [
            ("RUSM_WIRE", wire.to_owned()),
            ("RUSM_SEEDS", seeds.to_string()),
            ("RUSM_HASHES", directory.display().to_string()),
        ];
        let busy = round.busy.then(Busy::begin);
        let status = suites::run(selection, name, Some(round.threads), &variables)?;
        drop(busy);
        if !status.success() {
            bail!("a scenario failed");
        }
        let hashes = read(&directory)?;
        let lines: usize = hashes.values().map(|hashes| hashes.lines().count()).sum();
        println!("{lines} runs of {} scenarios", hashes.len());
        match &first {
            None => first = Some(hashes),
            Some(first) => differences(first, &hashes)?,
        }
    }
    println!("every seed gave one trace");
    Ok(())
}

/// The hashes of each scenario, a line a seed.
fn read(directory: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("no scenario ran: {}", directory.display()))?;
    let files: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let name = |file: &Path| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    files.iter().map(|file| Ok((name(file), std::fs::read_to_string(file)?))).collect()
}

fn differences(first: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> anyhow::Result<()> {
    if !first.keys().eq(other.keys()) {
        bail!("other scenarios ran: {:?} and {:?}", first.keys(), other.keys());
    }
    let mut differences = Vec::new();
    for (name, hashes) in first {
        let pairs = hashes.lines().zip(other[name].lines()).filter(|(first, other)| first != other);
        differences.extend(pairs.map(|(first, other)| format!("{name}: {first}, then {other}")));
    }
    match differences.first() {
        None => Ok(()),
        Some(shown) => bail!("{} seeds gave two traces, the first of them {shown}", differences.len()),
    }
}

/// Keeps every core busy twice over, until it is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores * 2 {
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(over)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_with_two_traces_is_named() {
        let hashes = |text: &str| BTreeMap::from([("soup".to_owned(), text.to_owned())]);
        let first = hashes("1 aa\n2 bb\n");
        assert!(differences(&first, &hashes("1 aa\n2 bb\n")).is_ok());
        let why = differences(&first, &hashes("1 aa\n2 cc\n")).expect_err("they differ").to_string();
        assert_eq!(why, "1 seeds gave two traces, the first of them soup: 2 bb, then 2 cc");
        assert!(differences(&first, &BTreeMap::new()).is_err());
    }
}
