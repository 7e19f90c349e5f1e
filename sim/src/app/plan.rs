use crate::seed::{below, generator, pick};
use rand_core::Rng;
use std::fmt;
use std::time::Duration;

/// One thing that goes wrong. Which process, component or connection it hits is drawn with it, as a number that is
/// taken modulo how many there are when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next entry into a component traps.
    Trap(u64),
    /// The next entry into a component never returns, until its process is killed after that time.
    Loop(u64, Duration),
    /// A process gets the exit signal `kill`.
    Kill(u64),
    /// A connection is cut.
    Cut(u64),
    /// Every packet of a connection takes that much longer.
    Slow(u64, Duration),
    /// New connections are refused for that long.
    Refuse(Duration),
    /// The node's machine takes that many percent of its usual time for everything.
    SlowNode(u64),
    /// Every disk operation takes up to that much longer.
    SlowDisk(Duration),
    /// The node crashes, loses what it had not synced, and starts again after that time.
    Crash(Duration),
}

/// The kinds, for the draw of those that a run may see.
const KINDS: [fn(&mut dyn Rng) -> Fault; 9] = [
    |rng| Fault::Trap(rng.next_u64()),
    |rng| Fault::Loop(rng.next_u64(), millis(rng, 50, 2_000)),
    |rng| Fault::Kill(rng.next_u64()),
    |rng| Fault::Cut(rng.next_u64()),
    |rng| Fault::Slow(rng.next_u64(), millis(rng, 10, 800)),
    |rng| Fault::Refuse(millis(rng, 50, 2_000)),
    |rng| Fault::SlowNode(pick(&mut &mut *rng, &[200, 500, 2_000])),
    |rng| Fault::SlowDisk(millis(rng, 1, 20)),
    |rng| Fault::Crash(millis(rng, 10, 3_000)),
];

/// Crashes that a run may see.
const CRASHES_MAX: usize = 3;

/// What goes wrong in a run, and when: drawn from the seed before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Each with its time since the start, in order.
    pub faults: Vec<(Duration, Fault)>,
    /// When all faults end.
    pub heal_at: Duration,
}

impl Plan {
    /// The plan of that seed.
    pub fn of_seed(seed: u64) -> Self {
        let rng = &mut generator(seed, "plan");
        let heal_at = millis(rng, 4_000, 14_000);
        // Swarm testing: leaving kinds out lets the others do more.
        let mut enabled: Vec<_> = KINDS.iter().filter(|_| rng.next_u64() & 1 == 0).collect();
        if enabled.is_empty() {
            enabled.push(&KINDS[below(rng.next_u64(), KINDS.len() as u64) as usize]);
        }
        let count = 2 + below(rng.next_u64(), 14);
        let mut crashes = 0;
        let mut faults = Vec::new();
        for _ in 0..count {
            let kind = enabled[below(rng.next_u64(), enabled.len() as u64) as usize];
            let fault = kind(rng);
            let at = millis(rng, 200, heal_at.as_millis() as u64);
            if matches!(fault, Fault::Crash(_)) {
                crashes += 1;
                if crashes > CRASHES_MAX {
                    continue;
                }
            }
            faults.push((at, fault));
        }
        faults.sort_by_key(|(at, _)| *at);
        Self { faults, heal_at }
    }

    /// No fault at all, for that long.
    pub fn calm(heal_at: Duration) -> Self {
        Self { faults: Vec::new(), heal_at }
    }
}

fn millis(rng: &mut (impl Rng + ?Sized), min: u64, max: u64) -> Duration {
    Duration::from_millis(min + below(rng.next_u64(), max - min))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(_) => f.write_str("guest: trap"),
            Self::Loop(..) => f.write_str("guest: endless loop"),
            Self::Kill(_) => f.write_str("process: killed"),
            Self::Cut(_) => f.write_str("network: connection cut"),
            Self::Slow(..) => f.write_str("network: connection slow"),
            Self::Refuse(_) => f.write_str("network: connections refused"),
            Self::SlowNode(_) => f.write_str("node: slow"),
            Self::SlowDisk(_) => f.write_str("disk: slow"),
            Self::Crash(_) => f.write_str("node: crash"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heal = self.heal_at.as_millis();
        write!(f, "{} faults in {heal} ms", self.faults.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_plan_depends_on_its_seed_alone_and_all_kinds_come_up() {
        let mut kinds = BTreeSet::new();
        for seed in 0..200 {
            let plan = Plan::of_seed(seed);
            assert_eq!(plan, Plan::of_seed(seed));
            assert!(plan.faults.iter().all(|(at, _)| *at <= plan.heal_at));
            assert!(plan.faults.is_sorted_by_key(|(at, _)| *at));
            kinds.extend(plan.faults.iter().map(|(_, fault)| fault.to_string()));
        }
        assert_eq!(kinds.len(), KINDS.len(), "{kinds:?}");
    }
}
