//! What whoever runs a test says about it, in the environment.

use super::Case;
use crate::ClusterWire;
use std::path::{Path, PathBuf};

/// How to run a suite: see [`Suite`](super::Suite) for the variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// Run this one and no other.
    pub(super) only: Option<Case>,
    /// What carries the cluster's protocol, of the seeds that run.
    pub(super) wire: ClusterWire,
    pub(super) seeds: Option<u64>,
    pub(super) from: Option<u64>,
    pub(super) shrink: bool,
    pub(super) keep: bool,
    pub(super) timeline: Option<PathBuf>,
    pub(super) record: Option<PathBuf>,
    /// The directory for a file with the trace hash of each seed.
    pub(super) hashes: Option<PathBuf>,
}

impl Settings {
    /// # Panics
    /// When a variable is not what it should be: a test that ran something else would mislead.
    pub(super) fn of_environment() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let number = |name: &str| {
            text(name).map(|value| value.parse::<u64>().unwrap_or_else(|_| panic!("{name}={value:?} is no number")))
        };
        let wire = text("RUSM_WIRE").map(|wire| wire.parse().unwrap_or_else(|why| panic!("RUSM_WIRE: {why}")));
        let wire: ClusterWire = wire.unwrap_or_default();
        let case = text("RUSM_CASE").map(|file| read_case(Path::new(&file)).unwrap_or_else(|why| panic!("{why}")));
        Self {
            only: case.or(number("RUSM_SEED").map(|seed| Case::of_seed(seed).over(wire))),
            wire,
            seeds: number("RUSM_SEEDS"),
            from: number("RUSM_FROM"),
            shrink: text("RUSM_SHRINK").is_some(),
            keep: text("RUSM_KEEP").is_some(),
            timeline: text("RUSM_TIMELINE").map(PathBuf::from),
            record: text("RUSM_RECORD").map(PathBuf::from),
            hashes: text("RUSM_HASHES").map(PathBuf::from),
        }
    }
}

/// # Errors
/// The file cannot be read, or is none of a case.
#[expect(clippy::disallowed_methods, reason = "read before a run, not in it")]
pub(super) fn read_case(file: &Path) -> Result<Case, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    text.parse().map_err(|error| format!("{}: {error}", file.display()))
}

/// The cases that were kept for a suite, by name.
///
/// # Errors
/// One is no case any more.
#[expect(clippy::disallowed_methods, reason = "read before a run, not in it")]
pub(super) fn kept_cases(directory: &Path) -> Result<Vec<(PathBuf, Case)>, String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(Vec::new()) };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "case"));
    files.sort();
    files.into_iter().map(|file| read_case(&file).map(|case| (file, case))).collect()
}

/// Writes a file, and the directories that it lies in.
///
/// # Errors
/// Why it could not be written.
#[expect(clippy::disallowed_methods, reason = "written after a run, not in it")]
pub(super) fn write(file: &Path, content: &[u8]) -> Result<(), String> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    let made = directory.map_or(Ok(()), std::fs::create_dir_all);
    let written = made.and_then(|()| std::fs::write(file, content));
    written.map_err(|error| format!("cannot write {}: {error}", file.display()))
}
