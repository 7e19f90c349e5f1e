//! Makes a failing case smaller: what can be left out without losing the failure is no part of it.

use super::{Case, Test, run_case};
use crate::{EventLog, Plan, Policy, Profile, Report};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many orders of the same run are tried before a smaller plan counts as one that does not fail. What is left out
/// shifts the rest a little, and a race needs luck.
const SCHEDULES: u64 = 24;

/// A failing case, made as small as it got.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// What is left: it fails in the same way.
    pub case: Case,
    /// Its run.
    pub report: Report,
    /// How many runs it took.
    pub runs: u64,
}

/// Removes faults and work, and simplifies the schedule, until all that is left is needed or the time is up. The
/// failure keeps its [signature](crate::Outcome::signature).
pub fn shrink(scenario: &(dyn Fn(&mut Test) + Send + Sync), case: &Case, at_most: Duration) -> Shrunk {
    shrink_with(&mut |case| run_case(scenario, case, EventLog::Off), case, at_most)
}

/// The same for whatever runs a case.
#[expect(clippy::disallowed_methods, reason = "a limit on the machine's own time, outside of every run")]
pub fn shrink_with(run: &mut dyn FnMut(&Case) -> Report, case: &Case, at_most: Duration) -> Shrunk {
    let report = run(case);
    let mut shrinker = Shrinker {
        run,
        signature: report.outcome.signature(),
        best: Case { plan: Some(report.plan.clone()), ..case.clone() },
        report,
        runs: 1,
        until: Instant::now() + at_most,
    };
    // The plan as a value must give the same failure as the plan from the seed, and does.
    shrinker.faults();
    shrinker.sizes();
    shrinker.faults();
    shrinker.durations();
    shrinker.schedule();
    Shrunk { case: shrinker.best, report: shrinker.report, runs: shrinker.runs }
}

struct Shrinker<'a> {
    run: &'a mut dyn FnMut(&Case) -> Report,
    signature: String,
    best: Case,
    report: Report,
    runs: u64,
    until: Instant,
}

impl Shrinker<'_> {
    #[expect(clippy::disallowed_methods, reason = "a limit on the machine's own time, outside of every run")]
    fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Keeps the case if it fails in the same way, in any of so many orders.
    fn keeps_failing(&mut self, case: Case, schedules: u64) -> bool {
        for schedule in 0..schedules {
            if self.is_late() {
                return false;
            }
            let case = Case { schedule: case.schedule + schedule, ..case.clone() };
            let report = (self.run)(&case);
            self.runs += 1;
            if report.outcome.signature() == self.signature {
                self.best = case;
                self.report = report;
                return true;
            }
        }
        false
    }

    fn plan(&self) -> Plan {
        self.best.plan.clone().unwrap_or_default()
    }

    /// Delta debugging: leaves out ever smaller pieces of the plan. Source: Zeller and Hildebrandt, "Simplifying and
    /// isolating failure-inducing input" (2002).
    fn faults(&mut self) {
        let mut piece = self.plan().faults.len();
        while piece > 0 {
            let mut start = 0;
            let mut smaller = false;
            while start < self.plan().faults.len() {
                let mut plan = self.plan();
                let end = (start + piece).min(plan.faults.len());
                plan.faults.drain(start..end);
                // Large pieces rarely can go, and cost as much as small ones.
                let schedules = if piece > 4 { 3 } else { SCHEDULES };
                if self.keeps_failing(Case { plan: Some(plan), ..self.best.clone() }, schedules) {
                    smaller = true;
                } else {
                    start = end;
                }
            }
            // Once more with the smallest piece, as long as that helps: what goes may free what was needed for it.
            piece = if piece > 1 { piece / 2 } else { usize::from(smaller) };
        }
    }

    /// Halves the work, one kind after the other.
    fn sizes(&mut self) {
        let drawn: BTreeMap<String, u64> = self.report.sizes.clone();
        for (name, size) in drawn {
            // The least that is known to fail, and below it the least that may.
            let (mut least, mut fails) = (0, size);
            while least < fails && !self.is_late() {
                let middle = least + (fails - least) / 2;
                let mut sizes = self.best.sizes.clone();
                sizes.insert(name.clone(), middle);
                if self.keeps_failing(Case { sizes, ..self.best.clone() }, SCHEDULES / 4) {
                    // The scenario has a least of its own.
                    fails = middle.max(self.report.sizes.get(&name).copied().unwrap_or(middle));
                    if fails > middle {
                        break;
                    }
                } else {
                    least = middle + 1;
                }
            }
        }
        let used = self.report.sizes.clone();
        self.best.sizes.retain(|name, size| used.get(name).inspect(|used| *size = **used).is_some());
    }

    /// Shorter faults, and an earlier heal.
    fn durations(&mut self) {
        for index in 0..self.plan().faults.len() {
            for _ in 0..8 {
                let mut plan = self.plan();
                let lasts = &mut plan.faults[index].lasts;
                let half = Duration::from_millis(lasts.as_millis() as u64 / 2);
                if half.is_zero() || half == *lasts {
                    break;
                }
                *lasts = half;
                if !self.keeps_failing(Case { plan: Some(plan), ..self.best.clone() }, 2) {
                    break;
                }
            }
        }
        let mut plan = self.plan();
        let last = plan.faults.iter().map(|planned| planned.at + planned.lasts).max().unwrap_or_default();
        let heal_at = Duration::from_millis(last.as_millis() as u64 + 1);
        if heal_at < plan.heal_at {
            plan.heal_at = heal_at;
            self.keeps_failing(Case { plan: Some(plan), ..self.best.clone() }, 2);
        }
    }

    /// A plainer profile, then as few free choices of the schedule as will do.
    fn schedule(&mut self) {
        let plainer: [fn(&mut Profile); 6] = [
            |profile| profile.policy = Policy::Fifo,
            |profile| profile.lost_packets = 0,
            |profile| profile.short_writes = 0,
            |profile| profile.slow_signals = 0,
            |profile| profile.window = 256 << 10,
            |profile| profile.packet_jitter_ns = 10_000,
        ];
        for change in plainer {
            let mut profile = self.best.profile;
            change(&mut profile);
            if profile != self.best.profile {
                self.keeps_failing(Case { profile, ..self.best.clone() }, 2);
            }
        }
        if self.best.profile.policy == Policy::Fifo {
            return;
        }
        let (mut least, mut fails) = (0, self.report.events);
        while least < fails && !self.is_late() {
            let middle = least + (fails - least) / 2;
            let case = Case { orderly_after: Some(middle), ..self.best.clone() };
            if self.keeps_failing(case, 1) { fails = middle } else { least = middle + 1 }
        }
    }
}
