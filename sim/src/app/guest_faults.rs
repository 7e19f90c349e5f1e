use crate::SimHandle;
use parking_lot::Mutex;
use rusm_core::{Context, ExitReason};
use rusm_host::{GuestFault, GuestFaults};
use std::sync::Arc;
use std::time::Duration;

/// The faults that wait for the next entry into a guest. An app is loaded once and run many times, so that they are
/// those of the run that is under way.
#[derive(Default)]
pub(super) struct ArmedFaults(Mutex<Option<Armed>>);

struct Armed {
    sim: SimHandle,
    /// On which node, in which component.
    waiting: Vec<(String, String, Arming)>,
}

/// What happens instead of the entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arming {
    Trap,
    /// Its process is killed after that time.
    Loop(Duration),
}

impl ArmedFaults {
    /// A run begins.
    pub(super) fn begin(&self, sim: SimHandle) {
        *self.0.lock() = Some(Armed { sim, waiting: Vec::new() });
    }

    /// Faults are over: what has not happened by now will not.
    pub(super) fn disarm(&self) {
        *self.0.lock() = None;
    }

    pub(super) fn arm(&self, node: &str, component: &str, arming: Arming) {
        if let Some(armed) = &mut *self.0.lock() {
            armed.waiting.push((node.to_owned(), component.to_owned(), arming));
        }
    }
}

impl GuestFaults for ArmedFaults {
    fn before_entry(&self, context: &Context, component: &str, entry: &'static str) -> GuestFault {
        let (sim, arming) = {
            let mut armed = self.0.lock();
            let Some(armed) = &mut *armed else { return GuestFault::None };
            let of = |(node, of, _): &(String, String, Arming)| node == context.node().name() && of == component;
            let Some(first) = armed.waiting.iter().position(of) else { return GuestFault::None };
            (armed.sim.clone(), armed.waiting.remove(first).2)
        };
        let pid = context.pid();
        sim.record("fault", &format!("{arming:?} of {component} {pid} before {entry}"));
        match arming {
            Arming::Trap => {
                sim.recorder().count("guest: trap");
                GuestFault::Trap
            }
            Arming::Loop(killed_after) => {
                sim.recorder().count("guest: endless loop");
                let node = context.node().clone();
                let clock = sim.clone();
                sim.spawn("outside", async move {
                    clock.sleep(killed_after).await;
                    node.exit_signal(pid, ExitReason::KILL);
                });
                GuestFault::Loop
            }
        }
    }
}

/// So that a host can hold it while the simulation does too.
pub(super) struct SharedFaults(pub(super) Arc<ArmedFaults>);

impl GuestFaults for SharedFaults {
    fn before_entry(&self, context: &Context, component: &str, entry: &'static str) -> GuestFault {
        self.0.before_entry(context, component, entry)
    }
}
