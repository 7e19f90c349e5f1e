use crate::{FaultKind, SimHandle};
use parking_lot::Mutex;
use rusm_core::{Context, ExitReason};
use rusm_host::{GuestFault, GuestFaults};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The faults that wait for the next entry into a guest, and who is slow. An app is loaded once and run many times, so that
/// they are those of the run that is under way.
#[derive(Default)]
pub(super) struct ArmedFaults(Mutex<Option<Armed>>);

struct Armed {
    sim: SimHandle,
    waiting: Vec<Waiting>,
    /// By node and component: how many percent of its time what it computes takes.
    slow: BTreeMap<(String, String), u64>,
}

/// A fault that has not happened yet, and where it will.
struct Waiting {
    node: String,
    component: String,
    fault: FaultKind,
    lasts: Duration,
}

impl ArmedFaults {
    /// A run begins.
    pub(super) fn begin(&self, sim: SimHandle) {
        *self.0.lock() = Some(Armed { sim, waiting: Vec::new(), slow: BTreeMap::new() });
    }

    /// Faults are over: what has not happened by now will not.
    pub(super) fn disarm(&self) {
        *self.0.lock() = None;
    }

    pub(super) fn arm(&self, node: &str, component: &str, fault: FaultKind, lasts: Duration) {
        if let Some(armed) = &mut *self.0.lock() {
            armed.waiting.push(Waiting { node: node.to_owned(), component: component.to_owned(), fault, lasts });
        }
    }

    /// The node has crashed: what waited for its components does no more.
    pub(super) fn forget(&self, node: &str) {
        if let Some(armed) = &mut *self.0.lock() {
            armed.waiting.retain(|waiting| waiting.node != node);
        }
    }

    pub(super) fn slow(&self, node: &str, component: &str, percent: u64) {
        if let Some(armed) = &mut *self.0.lock() {
            armed.slow.insert((node.to_owned(), component.to_owned()), percent);
        }
    }
}

impl GuestFaults for ArmedFaults {
    fn before_entry(&self, context: &Context, component: &str, entry: &'static str) -> GuestFault {
        let (sim, Waiting { fault, lasts, .. }) = {
            let mut armed = self.0.lock();
            let Some(armed) = &mut *armed else { return GuestFault::None };
            let here = |waiting: &Waiting| waiting.node == context.node().name() && waiting.component == component;
            let Some(first) = armed.waiting.iter().position(here) else { return GuestFault::None };
            (armed.sim.clone(), armed.waiting.remove(first))
        };
        let pid = context.pid();
        sim.record("fault", &format!("{} of {component} {pid} before {entry}", fault.name()));
        sim.recorder().count(fault.name());
        match fault {
            FaultKind::Trap => GuestFault::Trap,
            FaultKind::Grow => GuestFault::MemoryAtLimit,
            FaultKind::Loop => {
                let node = context.node().clone();
                let clock = sim.clone();
                sim.spawn("outside", async move {
                    clock.sleep(lasts).await;
                    node.exit_signal(pid, ExitReason::KILL);
                });
                GuestFault::Loop
            }
            other => unreachable!("{other:?} is not met at an entry"),
        }
    }

    fn slowness(&self, context: &Context, component: &str) -> u64 {
        let armed = self.0.lock();
        let Some(Armed { sim, slow, .. }) = &*armed else { return 100 };
        let percent = slow.get(&(context.node().name().to_owned(), component.to_owned())).copied().unwrap_or(100);
        if percent != 100 {
            sim.recorder().count(FaultKind::SlowGuest.name());
        }
        percent
    }
}

/// So that a host can hold it while the simulation does too.
pub(super) struct SharedFaults(pub(super) Arc<ArmedFaults>);

impl GuestFaults for SharedFaults {
    fn before_entry(&self, context: &Context, component: &str, entry: &'static str) -> GuestFault {
        self.0.before_entry(context, component, entry)
    }

    fn slowness(&self, context: &Context, component: &str) -> u64 {
        self.0.slowness(context, component)
    }
}
