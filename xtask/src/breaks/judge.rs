use super::binary::{Binary, Built, Outcome, SEEDS_MAX};
use super::change::Change;
use super::tree::Tree;
use super::weave::Number;
use anyhow::{Context, bail};
use std::fmt;
use std::path::PathBuf;

/// Who must notice a change. None of them builds Wasm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Judge {
    /// The tests of OTP's rules, each rule broken once.
    Rules,
    /// The core's loom tests: what holds when threads come by in any order.
    Loom,
    /// The simulation suites, on many seeds: classic bugs of runtimes like this one.
    Sim,
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
    /// Whether one did not end, which counts as failed.
    pub(super) hung: bool,
}

impl Judge {
    pub(super) const ALL: [Self; 3] = [Self::Rules, Self::Loom, Self::Sim];

    /// Where its patches are.
    pub(super) fn folder(self) -> PathBuf {
        PathBuf::from(format!("tests/breaks/{self}"))
    }

    /// What a patch's `Rule:` is, in the head of a table.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Rules => "rule",
            Self::Loom => "what",
            Self::Sim => "of",
        }
    }

    /// What its page in docs/ says first.
    pub(super) fn introduction(self) -> &'static str {
        match self {
            Self::Rules => include_str!("rules.txt"),
            Self::Loom => include_str!("loom.txt"),
            Self::Sim => include_str!("sim.txt"),
        }
    }

    /// Whether its tests run on seeds, so that it counts how many it takes to notice.
    pub(super) fn counts_seeds(self) -> bool {
        self == Self::Sim
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
            Self::Sim => &[
                "tests/chaos/main.rs",
                "sim/tests/behaviours/main.rs",
                "sim/tests/cluster/main.rs",
                "sim/tests/faults/main.rs",
                "sim/tests/models/main.rs",
                "sim/tests/links.rs",
            ],
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

/// Test binaries, each built once.
pub(super) struct Bench(Vec<(Binary, Built)>);

impl Bench {
    /// Builds those of some tests, in the tree as it is.
    pub(super) fn build(tree: &Tree, tests: &[Tests]) -> anyhow::Result<Self> {
        let build = |tests: &Tests| Ok((tests.binary.clone(), tests.binary.build(tree)?));
        Ok(Self(tests.iter().map(build).collect::<anyhow::Result<_>>()?))
    }

    /// Runs some of them, with that change when the tree has it woven in.
    pub(super) fn ask(&self, tests: &[Tests], woven: Option<Number>) -> anyhow::Result<Answer> {
        let mut answer = Answer::default();
        for Tests { binary, names } in tests {
            let built = self.built(binary)?;
            if names.is_empty() {
                answer.add(&binary.to_string(), built.run(None, woven)?);
            }
            for name in names {
                let found = built.named(name)?;
                if found.is_empty() {
                    bail!("there is no test {name} in {binary}");
                }
                for test in found {
                    answer.add(&test, built.run(Some(&test), woven)?);
                }
            }
        }
        Ok(answer)
    }

    /// How many seeds it takes until one of the tests fails: the median of nine counts.
    pub(super) fn count_seeds(&self, tests: &[Tests], woven: Option<Number>) -> anyhow::Result<u64> {
        let mut counts = [SEEDS_MAX; STARTS.len()];
        for Tests { binary, names } in tests {
            let built = self.built(binary)?;
            for test in names.iter().map(|name| built.named(name)).collect::<anyhow::Result<Vec<_>>>()?.concat() {
                for (start, fewest) in STARTS.into_iter().zip(&mut counts) {
                    *fewest = built.seeds_until_failure(&test, woven, start, *fewest)?;
                }
            }
        }
        counts.sort_unstable();
        Ok(counts[counts.len() / 2])
    }

    fn built(&self, binary: &Binary) -> anyhow::Result<&Built> {
        let built = self.0.iter().find(|(of, _)| of == binary);
        built.map(|(_, built)| built).with_context(|| format!("{binary} is not built"))
    }
}

/// From where seeds are counted, each time as if these were the first that anybody runs.
const STARTS: [u64; 9] = [1, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000, 6_000_000, 7_000_000, 8_000_000];

impl Answer {
    fn add(&mut self, asked: &str, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed.push(asked.to_owned()),
            Outcome::Failed(failed) => self.failed.extend(failed),
            Outcome::NeverEnded => {
                self.hung = true;
                self.failed.push(format!("{asked}, which never ended"));
            }
        }
    }
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rules => "rules",
            Self::Loom => "loom",
            Self::Sim => "sim",
        })
    }
}
