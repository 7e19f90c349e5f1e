use super::{Fault, FaultKind, Plan, PlannedFault};
use crate::disk::CrashLoss;
use crate::seed::{below, generator, pick};
use rand_core::Rng;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// Writes and syncs of a disk before its power is cut.
const WRITES_BEFORE_CUT_MAX: u64 = 40;

/// Crashes of one host that a run may see.
const CRASHES_MAX: u32 = 3;

/// Draws of a plan that no host can take are left out; after so many the plan is what it is.
const TRIES_MAX: u64 = 400;

/// What a plan may be drawn from.
#[derive(Clone, Debug)]
pub struct Field {
    /// The hosts that faults hit.
    pub hosts: Vec<String>,
    /// Further hosts, of clients: the network between them and the others fails too.
    pub clients: Vec<String>,
    /// The kinds that may come. Of them a seed leaves about half out.
    pub kinds: Vec<FaultKind>,
    /// How many faults.
    pub count: Range<u64>,
    /// When the faults are over.
    pub heal_at: Range<Duration>,
}

impl Field {
    /// These hosts and kinds; 2 to 15 faults within 4 to 14 seconds.
    pub fn of_hosts<'a>(hosts: impl IntoIterator<Item = &'a str>, kinds: impl IntoIterator<Item = FaultKind>) -> Self {
        Self {
            hosts: hosts.into_iter().map(str::to_owned).collect(),
            clients: Vec::new(),
            kinds: kinds.into_iter().collect(),
            count: 2..16,
            heal_at: Duration::from_secs(4)..Duration::from_secs(14),
        }
    }

    fn everybody(&self) -> Vec<String> {
        self.hosts.iter().chain(&self.clients).cloned().collect()
    }
}

impl Plan {
    /// The plan of that seed: depends on the seed and the field alone.
    pub fn draw(seed: u64, field: &Field) -> Self {
        let rng = &mut generator(seed, "plan");
        let heal_at = between(rng, &field.heal_at);
        let possible: Vec<FaultKind> = field.kinds.iter().copied().filter(|kind| is_possible(*kind, field)).collect();
        if possible.is_empty() || field.hosts.is_empty() {
            return Self::calm(heal_at);
        }
        // Swarm testing: leaving kinds out lets the others do more.
        let mut enabled: Vec<FaultKind> = possible.iter().copied().filter(|_| rng.next_u64() & 1 == 0).collect();
        if enabled.is_empty() {
            enabled.push(pick(rng, &possible));
        }
        let count = field.count.start + below(rng.next_u64(), (field.count.end - field.count.start).max(1));
        let mut crashes: BTreeMap<String, u32> = BTreeMap::new();
        let mut faults = Vec::new();
        for _ in 0..TRIES_MAX {
            if faults.len() as u64 >= count {
                break;
            }
            let kind = pick(rng, &enabled);
            let fault = draw_fault(rng, kind, field);
            if let Fault::Crash { host, .. } | Fault::PowerCut { host, .. } = &fault {
                let crashes = crashes.entry(host.clone()).or_default();
                *crashes += 1;
                if *crashes > CRASHES_MAX {
                    continue;
                }
            }
            faults.push(draw_time(rng, fault, heal_at));
        }
        faults.sort_by_key(|planned| planned.at);
        Self { faults, heal_at }
    }
}

/// Whether there is somebody whom it can hit.
fn is_possible(kind: FaultKind, field: &Field) -> bool {
    let everybody = field.hosts.len() + field.clients.len();
    match kind {
        FaultKind::Cut | FaultKind::Partition | FaultKind::Clog => everybody >= 2,
        FaultKind::Swizzle | FaultKind::Lie => field.hosts.len() >= 2,
        FaultKind::Ring => field.hosts.len() >= 5,
        _ => true,
    }
}

fn draw_time(rng: &mut impl Rng, fault: Fault, heal_at: Duration) -> PlannedFault {
    let end = heal_at.as_millis() as u64;
    let at = millis(rng, 0, end);
    let lasts = match fault.kind() {
        FaultKind::Kill
        | FaultKind::Exit
        | FaultKind::Trap
        | FaultKind::Grow
        | FaultKind::GiantMessage
        | FaultKind::Reset
        | FaultKind::Corrupt
        | FaultKind::Jump
        | FaultKind::MisdirectedWrite
        | FaultKind::BitRot => Duration::ZERO,
        FaultKind::Loop => millis(rng, 50, 2_000),
        FaultKind::Crash => millis(rng, 10, 3_000),
        FaultKind::Starve | FaultKind::Pause | FaultKind::PowerCut => millis(rng, 10, 2_000),
        _ => millis(rng, 50, (end / 2).max(100)),
    };
    PlannedFault { at, fault, lasts }
}

fn draw_fault(rng: &mut impl Rng, kind: FaultKind, field: &Field) -> Fault {
    let host = field.hosts[below(rng.next_u64(), field.hosts.len() as u64) as usize].clone();
    // Small, so that people can read it; large enough for all of what there is.
    let which = below(rng.next_u64(), 10_000);
    match kind {
        FaultKind::Kill => Fault::Kill { host, which },
        FaultKind::Exit => Fault::Exit { host, which },
        FaultKind::Starve => Fault::Starve { host, which },
        FaultKind::SlowSignals => Fault::SlowSignals { host, extra: millis(rng, 1, 100) },
        FaultKind::Trap => Fault::Trap { host, which },
        FaultKind::Loop => Fault::Loop { host, which },
        FaultKind::Grow => Fault::Grow { host, which },
        FaultKind::GiantMessage => Fault::GiantMessage { host, which, bytes: pick(rng, &[1 << 16, 1 << 20, 16 << 20]) },
        FaultKind::SlowGuest => Fault::SlowGuest { host, which, percent: pick(rng, &[300, 3_000, 30_000]) },
        FaultKind::Reset => Fault::Reset { which },
        FaultKind::SlowConnection => Fault::SlowConnection { which, extra: millis(rng, 10, 800) },
        FaultKind::Corrupt => Fault::Corrupt { which },
        FaultKind::Refuse => Fault::Refuse { host },
        FaultKind::Cut => {
            let others: Vec<String> = field.everybody().into_iter().filter(|other| *other != host).collect();
            let other = others[below(rng.next_u64(), others.len() as u64) as usize].clone();
            if rng.next_u64() & 1 == 0 {
                Fault::Cut { from: host, to: other }
            } else {
                Fault::Cut { from: other, to: host }
            }
        }
        FaultKind::Partition => draw_partition(rng, host, field.everybody()),
        FaultKind::Ring => Fault::Ring { hosts: field.hosts.clone() },
        FaultKind::Clog => Fault::Clog { host },
        FaultKind::Swizzle => {
            let mut hosts = field.hosts.clone();
            shuffle(rng, &mut hosts);
            hosts.truncate(2 + below(rng.next_u64(), hosts.len() as u64 - 1) as usize);
            Fault::Swizzle { hosts }
        }
        FaultKind::Loss => Fault::Loss { percent: pick(rng, &[2, 10, 40]) },
        FaultKind::Delay => Fault::Delay { extra: millis(rng, 5, 500) },
        FaultKind::Reorder => Fault::Reorder { percent: pick(rng, &[2, 10, 40]) },
        FaultKind::Lie => Fault::Lie { host, percent: pick(rng, &[2, 10, 40]) },
        FaultKind::Duplicate => Fault::Duplicate { percent: pick(rng, &[2, 10, 40]) },
        FaultKind::Crash => {
            let losses = [CrashLoss::All, CrashLoss::Tail, CrashLoss::Sectors, CrashLoss::Sectors];
            Fault::Crash { host, loss: pick(rng, &losses) }
        }
        FaultKind::PowerCut => {
            let loss = pick(rng, &[CrashLoss::All, CrashLoss::Tail, CrashLoss::Sectors, CrashLoss::Sectors]);
            Fault::PowerCut { host, loss, which: which % WRITES_BEFORE_CUT_MAX }
        }
        FaultKind::Pause => Fault::Pause { host },
        FaultKind::Slow => Fault::Slow { host, percent: pick(rng, &[200, 500, 2_000]) },
        FaultKind::Drift => Fault::Drift { host, ppm: pick(rng, &[-100_000, -1_000, 1_000, 50_000, 200_000]) },
        FaultKind::Jump => {
            let nanos = millis(rng, 1, 100_000).as_nanos() as i64;
            Fault::Jump { host, nanos: if rng.next_u64() & 1 == 0 { nanos } else { -nanos } }
        }
        FaultKind::Expiry => Fault::Expiry { host },
        FaultKind::DiskErrors => Fault::DiskErrors { host, percent: pick(rng, &[1, 10, 100]) },
        FaultKind::DiskFull => Fault::DiskFull { host },
        FaultKind::DiskSlow => Fault::DiskSlow { host, extra: millis(rng, 1, 20) },
        FaultKind::ForgottenSyncs => Fault::ForgottenSyncs { host },
        FaultKind::MisdirectedWrite => Fault::MisdirectedWrite { host },
        FaultKind::BitRot => Fault::BitRot { host, which },
    }
}

/// One alone, two halves, or two halves with a bridge between them.
fn draw_partition(rng: &mut impl Rng, host: String, mut everybody: Vec<String>) -> Fault {
    shuffle(rng, &mut everybody);
    everybody.retain(|other| *other != host);
    let half = everybody.len() / 2;
    match below(rng.next_u64(), 3) {
        0 => Fault::Partition { left: vec![host], right: everybody },
        1 => {
            let right = everybody.split_off(half);
            everybody.push(host);
            Fault::Partition { left: everybody, right }
        }
        _ if half > 0 => {
            let right = everybody.split_off(half);
            Fault::Partition { left: everybody, right }
        }
        _ => Fault::Partition { left: vec![host], right: everybody },
    }
}

fn shuffle(rng: &mut impl Rng, hosts: &mut [String]) {
    for index in (1..hosts.len()).rev() {
        hosts.swap(index, below(rng.next_u64(), index as u64 + 1) as usize);
    }
}

fn between(rng: &mut impl Rng, range: &Range<Duration>) -> Duration {
    millis(rng, range.start.as_millis() as u64, range.end.as_millis() as u64)
}

fn millis(rng: &mut impl Rng, min: u64, max: u64) -> Duration {
    Duration::from_millis(min + below(rng.next_u64(), (max.max(min + 1)) - min))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_plan_depends_on_its_seed_alone_and_seeds_differ_in_their_kinds() {
        let field = Field::of_hosts(["a", "b"], FaultKind::survivable());
        let mut sets = BTreeSet::new();
        for seed in 0..200 {
            let plan = Plan::draw(seed, &field);
            assert_eq!(plan, Plan::draw(seed, &field));
            assert!(plan.faults.iter().all(|planned| planned.at <= plan.heal_at));
            assert!(plan.faults.is_sorted_by_key(|planned| planned.at));
            assert_eq!(plan.check(["a", "b"]), Ok(()));
            let kinds: BTreeSet<FaultKind> = plan.faults.iter().map(|planned| planned.fault.kind()).collect();
            assert!(kinds.iter().all(|kind| kind.is_survivable() && *kind != FaultKind::Ring));
            sets.insert(kinds);
        }
        assert!(sets.len() > 100, "only {} sets of kinds in 200 seeds", sets.len());
    }

    #[test]
    fn where_there_is_nobody_to_hit_there_is_no_fault() {
        let nobody = Field::of_hosts([], FaultKind::ALL);
        assert!(Plan::draw(1, &nobody).faults.is_empty());
        let alone = Field::of_hosts(["a"], [FaultKind::Cut, FaultKind::Partition, FaultKind::Ring]);
        assert!(Plan::draw(1, &alone).faults.is_empty());
    }
}
