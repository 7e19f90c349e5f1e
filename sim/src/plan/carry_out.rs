use super::{Fault, FaultKind, Plan, PlannedFault};
use crate::SimHandle;
use crate::seed::mix;
use rusm_core::{Encoding, ExitReason, Node, Pid, Term};
use std::collections::BTreeMap;
use std::time::Duration;

/// Ends a fault.
pub(crate) type Undo = Box<dyn FnOnce(&SimHandle) + Send>;

/// A fault begins or ends. What begins and ends at the same time begins first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Begin(usize),
    End(usize),
}

/// Carries out the plan: returns when all its faults have ended and everything that crashed has been started again.
pub(crate) async fn carry_out(sim: &SimHandle, plan: &Plan) {
    let start = sim.now();
    let mut steps = Vec::new();
    for (index, planned) in plan.faults.iter().enumerate() {
        let begins = planned.at.min(plan.heal_at);
        steps.push((begins, Step::Begin(index)));
        steps.push((begins + lasts(plan, planned), Step::End(index)));
    }
    steps.sort_unstable();
    let mut running: BTreeMap<usize, Undo> = BTreeMap::new();
    for (at, step) in steps {
        wait(sim, (start + at).since(sim.now())).await;
        match step {
            Step::Begin(index) => {
                let planned = &plan.faults[index];
                sim.record("fault-begins", &format!("{index} {planned}"));
                match begin(sim, &planned.fault, lasts(plan, planned)) {
                    Some(undo) => drop(running.insert(index, undo)),
                    None => sim.record("fault-ends", &index.to_string()),
                }
            }
            Step::End(index) => {
                if let Some(undo) = running.remove(&index) {
                    sim.record("fault-ends", &index.to_string());
                    undo(sim);
                }
            }
        }
    }
    wait(sim, (start + plan.heal_at).since(sim.now())).await;
    sim.heal();
}

/// How long a fault lasts: at most until the heal.
fn lasts(plan: &Plan, planned: &PlannedFault) -> Duration {
    let left = plan.heal_at.saturating_sub(planned.at);
    if planned.lasts.is_zero() { left } else { planned.lasts.min(left) }
}

/// Even a wait that is over costs a poll: a plan without faults has none.
async fn wait(sim: &SimHandle, duration: Duration) {
    if !duration.is_zero() {
        sim.sleep(duration).await;
    }
}

/// Lets a fault begin; what ends it, when it lasts.
fn begin(sim: &SimHandle, fault: &Fault, lasts: Duration) -> Option<Undo> {
    let counted = |sim: &SimHandle| sim.recorder().count(fault.kind().name());
    match fault.clone() {
        Fault::Kill { host, which } => exit_signal(sim, &host, which, FaultKind::Kill, ExitReason::KILL),
        Fault::Exit { host, which } => exit_signal(sim, &host, which, FaultKind::Exit, ExitReason::new("injected")),
        Fault::Starve { host, which } => sim.starve(&host, which),
        Fault::SlowSignals { host, extra } => {
            sim.slow_signals(&host, extra);
            Some(Box::new(move |sim| sim.slow_signals(&host, Duration::ZERO)))
        }
        Fault::Trap { host, which } | Fault::Loop { host, which } | Fault::Grow { host, which } => {
            sim.arm(&host, which, fault.kind(), lasts);
            None
        }
        Fault::GiantMessage { host, which, bytes } => {
            let (node, pid) = process(sim, &host, which)?;
            counted(sim);
            sim.record("fault", &format!("{} {pid}", fault.kind().name()));
            let giant = Term::new(Encoding::Raw, vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)]);
            // A pid takes everything.
            let _ = node.send(pid, giant);
            None
        }
        Fault::SlowGuest { host, which, percent } => {
            sim.slow_guest(&host, which, percent);
            Some(Box::new(move |sim| sim.slow_guest(&host, which, 100)))
        }
        Fault::Reset { which } => {
            let id = connection(sim, which)?;
            sim.network().reset(id);
            None
        }
        Fault::SlowConnection { which, extra } => {
            let id = connection(sim, which)?;
            sim.network().slow(id, extra);
            Some(Box::new(move |sim| {
                sim.network().restore(id);
            }))
        }
        Fault::Corrupt { which } => {
            let id = connection(sim, which)?;
            sim.network().corrupt(id);
            None
        }
        Fault::Refuse { host } => {
            sim.network().refuse(&host, true);
            Some(Box::new(move |sim| sim.network().refuse(&host, false)))
        }
        Fault::Cut { .. } | Fault::Partition { .. } | Fault::Ring { .. } => {
            let cuts = fault.cuts();
            counted(sim);
            cuts.iter().for_each(|(from, to)| sim.network().cut(from, to));
            Some(Box::new(move |sim| cuts.iter().for_each(|(from, to)| sim.network().mend(from, to))))
        }
        Fault::Clog { host } => {
            sim.network().clog(&host);
            Some(Box::new(move |sim| sim.network().unclog(&host)))
        }
        Fault::Swizzle { hosts } => {
            counted(sim);
            Some(swizzle(sim, hosts, lasts))
        }
        Fault::Loss { percent } => {
            sim.network().lose(percent);
            Some(Box::new(|sim| sim.network().lose(0)))
        }
        Fault::Delay { extra } => {
            sim.network().delay(extra);
            Some(Box::new(|sim| sim.network().delay(Duration::ZERO)))
        }
        Fault::Reorder { percent } => {
            sim.network().reorder(percent);
            Some(Box::new(|sim| sim.network().reorder(0)))
        }
        Fault::Duplicate { percent } => {
            sim.network().duplicate(percent);
            Some(Box::new(|sim| sim.network().duplicate(0)))
        }
        Fault::Lie { host, percent } => {
            sim.network().lie(&host, percent);
            Some(Box::new(move |sim| sim.network().lie(&host, 0)))
        }
        Fault::Crash { host, loss } => {
            if !sim.is_up(&host) {
                return None;
            }
            sim.crash_with(&host, loss);
            Some(Box::new(move |sim| sim.boot(&host)))
        }
        Fault::PowerCut { host, loss, which } => {
            if !sim.is_up(&host) {
                return None;
            }
            sim.disk(&host).cut_after(Some(which));
            Some(Box::new(move |sim| {
                let was_cut = sim.disk(&host).is_cut();
                sim.disk(&host).cut_after(None);
                // Another fault may have been faster.
                if was_cut && sim.is_up(&host) {
                    sim.recorder().count(FaultKind::PowerCut.name());
                    sim.crash_with(&host, loss);
                    sim.boot(&host);
                }
            }))
        }
        Fault::Pause { host } => {
            sim.pause(&host);
            Some(Box::new(move |sim| sim.resume(&host)))
        }
        Fault::Slow { host, percent } => {
            sim.set_slowness(&host, percent);
            Some(Box::new(move |sim| sim.restore_speed(&host)))
        }
        Fault::Drift { host, ppm } => {
            let before = sim.drift(&host);
            sim.set_drift(&host, ppm);
            Some(Box::new(move |sim| sim.set_drift(&host, before)))
        }
        Fault::Jump { host, nanos } => {
            sim.jump(&host, nanos);
            None
        }
        Fault::Expiry { host } => {
            sim.expire_certificate(&host);
            Some(Box::new(move |sim| sim.renew_certificate(&host)))
        }
        Fault::DiskErrors { host, percent } => {
            sim.disk(&host).change_faults(|faults| faults.errors = percent.min(100) * 65536 / 100);
            Some(Box::new(move |sim| sim.disk(&host).change_faults(|faults| faults.errors = 0)))
        }
        Fault::DiskFull { host } => {
            let disk = sim.disk(&host);
            let used = disk.used().max(1);
            disk.change_faults(|faults| faults.capacity = used);
            Some(Box::new(move |_| disk.change_faults(|faults| faults.capacity = 0)))
        }
        Fault::DiskSlow { host, extra } => {
            let slow_ns = u64::try_from(extra.as_nanos()).unwrap_or(u64::MAX);
            sim.disk(&host).change_faults(|faults| faults.slow_ns = slow_ns);
            Some(Box::new(move |sim| sim.disk(&host).change_faults(|faults| faults.slow_ns = 0)))
        }
        Fault::ForgottenSyncs { host } => {
            sim.disk(&host).change_faults(|faults| faults.lost_syncs = true);
            Some(Box::new(move |sim| sim.disk(&host).change_faults(|faults| faults.lost_syncs = false)))
        }
        Fault::MisdirectedWrite { host } => {
            sim.disk(&host).change_faults(|faults| faults.misdirected_write = true);
            Some(Box::new(move |sim| sim.disk(&host).change_faults(|faults| faults.misdirected_write = false)))
        }
        Fault::BitRot { host, which } => {
            sim.disk(&host).rot(which);
            None
        }
    }
}

/// Clogs one host after the other in the first half of the time, and lets them go in the second.
fn swizzle(sim: &SimHandle, hosts: Vec<String>, lasts: Duration) -> Undo {
    let step = lasts / (2 * hosts.len() as u32).max(1);
    let mut released: Vec<usize> = (0..hosts.len()).collect();
    released.sort_by_key(|index| mix(&[sim.seed(), sim.now().as_nanos(), *index as u64]));
    for (index, host) in hosts.iter().enumerate() {
        let (of, host) = (sim.clone(), host.clone());
        sim.at(sim.now() + step * index as u32, move || {
            if !of.healed() {
                of.network().clog(&host);
            }
        });
    }
    for (turn, index) in released.iter().enumerate() {
        let (of, host) = (sim.clone(), hosts[*index].clone());
        sim.at(sim.now() + lasts / 2 + step * turn as u32, move || of.network().unclog(&host));
    }
    // By then all have been let go.
    Box::new(|_| {})
}

fn exit_signal(sim: &SimHandle, host: &str, which: u64, kind: FaultKind, reason: ExitReason) -> Option<Undo> {
    let (node, pid) = process(sim, host, which)?;
    sim.recorder().count(kind.name());
    sim.record("fault", &format!("{} {pid}", kind.name()));
    node.exit_signal(pid, reason);
    None
}

/// A process of that host.
fn process(sim: &SimHandle, host: &str, which: u64) -> Option<(Node, Pid)> {
    let tenant = sim.tenant(host)?;
    let processes = tenant.processes();
    let pid = processes[which.checked_rem(processes.len() as u64)? as usize];
    Some((tenant.node()?, pid))
}

fn connection(sim: &SimHandle, which: u64) -> Option<u64> {
    let open = sim.network().connections();
    Some(open[which.checked_rem(open.len() as u64)? as usize].id)
}
