use super::binary::{Binary, Outcome};
use super::change::Change;
use super::tree::Tree;
use anyhow::bail;
use std::fmt;
use std::path::PathBuf;

/// Who must notice a change. None of them builds Wasm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Judge {
    /// The tests of OTP's rules, each rule broken once.
    Rules,
    /// The core's loom tests: what holds when threads come by in any order.
    Loom,
}

/// Some tests of one binary, by their functions' names; all of them, when none is named.
#[derive(Clone)]
pub(super) struct Tests {
    binary: Binary,
    names: Vec<String>,
}

/// Which of the tests that were asked failed, and which passed; a whole binary that passed is named as one.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) failed: Vec<String>,
    pub(super) passed: Vec<String>,
}

impl Judge {
    pub(super) const ALL: [Self; 2] = [Self::Rules, Self::Loom];

    /// Where its patches are.
    pub(super) fn folder(self) -> PathBuf {
        PathBuf::from(format!("tests/breaks/{self}"))
    }

    /// What a patch's `Rule:` is, in the head of a table.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Rules => "rule",
            Self::Loom => "what",
        }
    }

    /// What its page in docs/ says first.
    pub(super) fn introduction(self) -> &'static str {
        match self {
            Self::Rules => include_str!("rules.txt"),
            Self::Loom => include_str!("loom.txt"),
        }
    }

    /// Whom it asks when it asks all.
    fn binaries(self) -> Vec<Binary> {
        let files: &[&str] = match self {
            Self::Rules => &[
                "core/src/lib.rs",
                "core/tests/rules/main.rs",
                "core/tests/remote/main.rs",
                "sim/tests/behaviours/main.rs",
            ],
            Self::Loom => &["core/loom/tests/races.rs"],
        };
        files.iter().filter_map(|file| Binary::of(file)).collect()
    }

    /// Whom to ask about these changes: the tests that they name, or all.
    pub(super) fn tests<'a>(self, changes: impl IntoIterator<Item = &'a Change>, all: bool) -> Vec<Tests> {
        if all {
            return self.binaries().into_iter().map(|binary| Tests { binary, names: Vec::new() }).collect();
        }
        let mut tests: Vec<Tests> = Vec::new();
        for test in changes.into_iter().flat_map(|change| &change.noticed_by) {
            let Some(binary) = Binary::of(&test.file) else { continue };
            match tests.iter_mut().find(|tests| tests.binary == binary) {
                Some(tests) if tests.names.contains(&test.name) => {}
                Some(tests) => tests.names.push(test.name.clone()),
                None => tests.push(Tests { binary, names: vec![test.name.clone()] }),
            }
        }
        tests
    }
}

/// Runs the tests in the tree as it is.
pub(super) fn ask(tree: &Tree, tests: &[Tests]) -> anyhow::Result<Answer> {
    let mut answer = Answer::default();
    for Tests { binary, names } in tests {
        let built = binary.build(tree)?;
        if names.is_empty() {
            answer.add(&binary.to_string(), built.run(None)?);
        }
        for name in names {
            let found = built.named(name)?;
            if found.is_empty() {
                bail!("there is no test {name} in {binary}");
            }
            for test in found {
                answer.add(&test, built.run(Some(&test))?);
            }
        }
    }
    Ok(answer)
}

impl Answer {
    fn add(&mut self, asked: &str, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed.push(asked.to_owned()),
            Outcome::Failed(failed) => self.failed.extend(failed),
            Outcome::NeverEnded => self.failed.push(format!("{asked}, which never ended")),
        }
    }
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rules => "rules",
            Self::Loom => "loom",
        })
    }
}
