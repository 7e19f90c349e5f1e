use crate::plan::PlanError;
use crate::{ClusterWire, Plan, Profile, SimOptions};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// All that decides a run of a scenario, beside the code: to be written down, edited and run again.
///
/// As text it is one setting a line, and the plan:
///
/// ```
/// use rusm_sim::Case;
///
/// let case: Case = "\
/// seed 42
/// schedule 3
/// profile policy=fifo
/// size orders 2
/// 250ms crash shop all for 300ms
/// heal 1s
/// ".parse()?;
/// assert_eq!((case.seed, case.sizes["orders"]), (42, 2));
/// assert_eq!(case.to_string().parse(), Ok(case));
/// # Ok::<(), rusm_sim::CaseError>(())
/// ```
///
/// Only the seed must be there: what is left out is drawn from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What everything else is drawn from.
    pub seed: u64,
    /// What carries the cluster's protocol.
    pub wire: ClusterWire,
    /// Draws another order of the same run; see [`SimOptions::schedule`].
    pub schedule: u64,
    /// See [`SimOptions::orderly_after`].
    pub orderly_after: Option<u64>,
    /// How the run behaves apart from faults.
    pub profile: Profile,
    /// How much work there is, where the seed does not decide it.
    pub sizes: BTreeMap<String, u64>,
    /// What goes wrong, when the seed does not decide it.
    pub plan: Option<Plan>,
    /// The program in which it was found, as [`version`](crate::version) says: in another one it may be another run.
    pub version: Option<String>,
}

/// Why a text is no case. Nothing ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// It has no line `seed N`.
    #[error("there is no line `seed N`")]
    NoSeed,
    /// A line is wrong.
    #[error("line {line}, {text:?}: {why}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The plan is wrong.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Case {
    /// Everything drawn from that seed.
    pub fn of_seed(seed: u64) -> Self {
        let profile = Profile::of_seed(seed);
        let (wire, sizes) = (ClusterWire::default(), BTreeMap::new());
        Self { seed, wire, schedule: 0, orderly_after: None, profile, sizes, plan: None, version: None }
    }

    /// The same, found in this program.
    #[must_use]
    pub fn of_this_program(&self) -> Self {
        Self { version: Some(crate::version().to_owned()), ..self.clone() }
    }

    /// What to say before it is replayed, when it was found in another program than this.
    pub fn foreign_version(&self) -> Option<String> {
        let found = self.version.as_deref().filter(|found| *found != crate::version())?;
        Some(format!("this case was found by version {found}, and this is {}: it may be another run", crate::version()))
    }

    /// The same, with the cluster's protocol carried by that.
    #[must_use]
    pub fn over(self, wire: ClusterWire) -> Self {
        Self { wire, ..self }
    }

    /// Whether the seed decides everything, over whichever wire.
    pub fn is_of_seed(&self) -> bool {
        *self == Self::of_seed(self.seed).over(self.wire)
    }

    /// What an event log says first.
    pub(crate) fn heading(&self) -> String {
        format!("version {} seed {} {}", env!("CARGO_PKG_VERSION"), self.seed, self.profile)
    }

    pub(crate) fn options(&self) -> SimOptions {
        SimOptions {
            profile: self.profile,
            wire: self.wire,
            schedule: self.schedule,
            orderly_after: self.orderly_after,
            ..SimOptions::new(self.seed)
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = &self.version {
            writeln!(f, "version {version}")?;
        }
        writeln!(f, "seed {}", self.seed)?;
        if self.wire != ClusterWire::default() {
            writeln!(f, "wire {}", self.wire)?;
        }
        if self.schedule != 0 {
            writeln!(f, "schedule {}", self.schedule)?;
        }
        if let Some(polls) = self.orderly_after {
            writeln!(f, "orderly-after {polls}")?;
        }
        if self.profile != Profile::of_seed(self.seed) {
            writeln!(f, "profile {}", self.profile)?;
        }
        for (name, size) in &self.sizes {
            writeln!(f, "size {name} {size}")?;
        }
        self.plan.as_ref().map_or(Ok(()), |plan| plan.fmt(f))
    }
}

impl FromStr for Case {
    type Err = CaseError;

    fn from_str(text: &str) -> Result<Self, CaseError> {
        let seed = text.lines().find_map(|line| line.trim().strip_prefix("seed ")?.trim().parse().ok());
        let mut case = Self::of_seed(seed.ok_or(CaseError::NoSeed)?);
        // The plan keeps its lines' numbers: what is not of it is left blank.
        let mut plan = String::new();
        let mut has_plan = false;
        for (index, line) in text.lines().enumerate() {
            let wrong = |why: String| CaseError::Line { line: index + 1, text: line.trim().to_owned(), why };
            let number = |text: &str| text.parse::<u64>().map_err(|_| wrong(format!("{text:?} is no number")));
            let words: Vec<&str> = line.split("//").next().unwrap_or_default().split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                ["version", version] => case.version = Some((*version).to_owned()),
                ["seed", seed] => case.seed = number(seed)?,
                ["wire", wire] => case.wire = wire.parse().map_err(wrong)?,
                ["schedule", schedule] => case.schedule = number(schedule)?,
                ["orderly-after", polls] => case.orderly_after = Some(number(polls)?),
                ["profile", settings @ ..] => case.profile.change(&settings.join(" ")).map_err(wrong)?,
                ["size", name, size] => drop(case.sizes.insert((*name).to_owned(), number(size)?)),
                _ => {
                    plan.push_str(line);
                    has_plan = true;
                }
            }
            plan.push('\n');
        }
        if has_plan {
            case.plan = Some(plan.parse()?);
        }
        Ok(case)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_named() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Case>().expect_err("it is wrong").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("heal 1s", "there is no line `seed N`");
        check("seed 1\nsize orders many", "line 2, \"size orders many\": \"many\" is no number");
        check("seed 1\nprofile policy=lifo", "line 2");
        check("seed 1\nwire string", "line 2, \"wire string\": there is no wire \"string\"");
        check("seed 1\n\n1s explode a\nheal 2s", "line 3 of the plan");
        check("seed 1\n1s kill a #1", "no line `heal TIME`");
    }

    #[test]
    fn a_case_of_another_program_says_so() {
        let case = Case::of_seed(7).of_this_program();
        assert_eq!(case.to_string().parse(), Ok(case.clone()));
        assert_eq!(case.foreign_version(), None);
        let foreign: Case = "version 0.0.9+abc\nseed 7".parse().expect("a case");
        let said = foreign.foreign_version().expect("it is another's");
        assert!(said.contains("0.0.9+abc") && said.contains(crate::version()), "{said}");
    }

    #[test]
    fn a_seed_alone_is_a_case() {
        let case: Case = "seed 7\n".parse().expect("a case");
        assert!(case.is_of_seed());
        assert_eq!(case.to_string(), "seed 7\n");
    }
}
