//! What became of each mutant, kept in a file as it is known, so that a run goes on where another ended.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// By which test.
    Killed(String),
    /// No test failed, and a program did not end.
    TimedOut(String),
    /// All tests passed.
    Missed,
}

#[derive(Serialize, Deserialize)]
struct Line {
    mutant: String,
    outcome: Outcome,
}

/// Outcomes by the names of mutants.
pub(crate) struct Outcomes {
    pub(crate) known: BTreeMap<String, Outcome>,
    file: File,
}

impl Outcomes {
    /// With what is in that file already when `resume`, with nothing otherwise.
    pub(crate) fn open(path: &Path, resume: bool) -> anyhow::Result<Self> {
        let kept = if resume { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        let file = OpenOptions::new().create(true).write(true).append(resume).truncate(!resume).open(path);
        let mut known = BTreeMap::new();
        // A run that was killed may have left half a line.
        for line in kept.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            known.insert(line.mutant, line.outcome);
        }
        Ok(Self { known, file: file.with_context(|| format!("opening {}", path.display()))? })
    }

    pub(crate) fn add(&mut self, mutant: &str, outcome: Outcome) -> anyhow::Result<()> {
        let line = Line { mutant: mutant.to_owned(), outcome };
        let text = serde_json::to_string(&line)? + "\n";
        self.file.write_all(text.as_bytes()).context("writing an outcome")?;
        self.known.insert(line.mutant, line.outcome);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_where_another_ended() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("outcomes");
        let mut first = Outcomes::open(&path, true).expect("a new file");
        first.add("a", Outcome::Missed).expect("room");
        first.add("a", Outcome::Killed("t".to_owned())).expect("room");
        std::fs::write(&path, std::fs::read_to_string(&path).expect("a file") + "{\"mutant\":\"b").expect("room");
        let known = Outcomes::open(&path, true).expect("the file").known;
        assert_eq!(known, BTreeMap::from([("a".to_owned(), Outcome::Killed("t".to_owned()))]));
        assert_eq!(Outcomes::open(&path, false).expect("the file").known, BTreeMap::new());
    }
}
