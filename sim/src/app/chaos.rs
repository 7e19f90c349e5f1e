//! Carries out a plan of faults.

use super::guest_faults::{ArmedFaults, Arming};
use super::node::AppNode;
use super::plan::{Fault, Plan};
use crate::{DiskFaults, SimHandle};
use rusm_core::ExitReason;
use std::sync::Arc;

/// Whom the faults hit.
pub(super) struct Chaos {
    pub(super) sim: SimHandle,
    pub(super) node: Arc<AppNode>,
    pub(super) guests: Arc<ArmedFaults>,
}

impl Chaos {
    /// Carries out the plan, and ends all faults at its end.
    ///
    /// # Errors
    /// The app did not start again after a crash: why.
    pub(super) async fn run(&self, plan: &Plan) -> Result<(), String> {
        let start = self.sim.now();
        for (at, fault) in &plan.faults {
            let left = (start + *at).since(self.sim.now());
            self.sim.sleep(left).await;
            self.carry_out(*fault).await?;
        }
        let left = (start + plan.heal_at).since(self.sim.now());
        self.sim.sleep(left).await;
        self.heal();
        Ok(())
    }

    async fn carry_out(&self, fault: Fault) -> Result<(), String> {
        let (sim, host) = (&self.sim, self.node.host());
        match fault {
            Fault::Trap(which) => self.arm(which, Arming::Trap),
            Fault::Loop(which, killed_after) => self.arm(which, Arming::Loop(killed_after)),
            Fault::Kill(which) => {
                if let (Some(node), Some(pid)) = (self.node.node(), one_of(&self.node.instances(), which)) {
                    sim.recorder().count("process: killed");
                    sim.record("fault", &format!("kill {pid}"));
                    node.exit_signal(pid, ExitReason::KILL);
                }
            }
            Fault::Cut(which) => {
                if let Some(id) = one_of(&self.connections(), which) {
                    sim.network().reset(id);
                }
            }
            Fault::Slow(which, extra) => {
                if let Some(id) = one_of(&self.connections(), which) {
                    sim.network().slow(id, extra);
                }
            }
            Fault::Refuse(duration) => {
                sim.network().refuse(host, true);
                let (again, host) = (sim.clone(), host.to_owned());
                sim.spawn("outside", async move {
                    again.sleep(duration).await;
                    again.network().refuse(&host, false);
                });
            }
            Fault::SlowNode(percent) => sim.set_slowness(host, percent),
            Fault::SlowDisk(extra) => {
                let slow_ns = u64::try_from(extra.as_nanos()).unwrap_or(u64::MAX);
                sim.disk(host).set_faults(DiskFaults { slow_ns, ..DiskFaults::default() });
            }
            Fault::Crash(down) => {
                self.node.crash();
                sim.sleep(down).await;
                self.node.start().await?;
            }
        }
        Ok(())
    }

    fn arm(&self, which: u64, arming: Arming) {
        if let Some(component) = one_of(&self.node.components(), which) {
            self.guests.arm(&component, arming);
        }
    }

    fn connections(&self) -> Vec<u64> {
        self.sim.network().connections().iter().map(|connection| connection.id).collect()
    }

    fn heal(&self) {
        self.sim.record("heal", "");
        self.guests.disarm();
        self.sim.network().heal();
        self.sim.disk(self.node.host()).set_faults(DiskFaults::default());
        self.sim.restore_speed(self.node.host());
    }
}

fn one_of<T: Clone>(all: &[T], which: u64) -> Option<T> {
    let index = which.checked_rem(all.len() as u64)?;
    all.get(index as usize).cloned()
}
