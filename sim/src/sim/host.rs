//! One host of a run: what may happen to it, its crashes and starts.

use super::{OUTSIDE, SimHandle};
use crate::clock::{HostClock, Skew};
use crate::delivery::SimDelivery;
use crate::disk::{CrashLoss, Disk};
use crate::entropy::SimEntropy;
use crate::executor::{Kernel, Life};
use crate::outcome::Outcome;
use crate::plan::{FaultKind, Undo};
use crate::seed::{below, generator, pick};
use crate::tenant::Tenant;
use rand_core::Rng;
use rusm_core::Node;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Time of day at the start of every run: 2026-01-01.
pub(super) const WALL_AT_START: u64 = 1_767_225_600_000_000_000;

pub(super) struct Host {
    pub(super) name: Arc<str>,
    pub(super) life: Arc<Life>,
    pub(super) clock: HostClock,
    /// Whether it is down, between a crash of a plan and the start that ends it.
    down: bool,
    tenant: Option<Arc<dyn Tenant>>,
    pub(super) entropy: Arc<SimEntropy>,
    pub(super) disk: Disk,
    pub(super) delivery: Arc<SimDelivery>,
}

impl SimHandle {
    /// Everything on that host takes this many percent of its usual time. Default 100.
    pub fn set_slowness(&self, host: &str, percent: u64) {
        self.recorder().count(FaultKind::Slow.name());
        self.record("fault", &format!("slow {host} {percent}"));
        self.host(host, |host| host.life.set_slowness(percent));
    }

    /// Ends [`set_slowness`](Self::set_slowness).
    pub fn restore_speed(&self, host: &str) {
        let life = self.host(host, |host| host.life.clone());
        if life.slowness() != 100 {
            self.record("full-speed", host);
            life.set_slowness(100);
        }
    }

    /// Nothing on that host runs until [`resume`](Self::resume); what it is sent waits.
    pub fn pause(&self, host: &str) {
        self.recorder().count(FaultKind::Pause.name());
        self.record("fault", &format!("pause {host}"));
        self.host(host, |host| host.life.set_paused(true));
    }

    /// Ends [`pause`](Self::pause).
    pub fn resume(&self, host: &str) {
        let life = self.host(host, |host| host.life.clone());
        if life.is_paused() {
            self.record("resume", host);
            life.set_paused(false);
            self.0.kernel.run_again(&life);
        }
    }

    /// Signals between the processes of that host take up to that much longer; zero ends it.
    pub fn slow_signals(&self, host: &str, extra: Duration) {
        let nanos = u64::try_from(extra.as_nanos()).unwrap_or(u64::MAX);
        self.host(host, |host| host.delivery.slow_down(nanos));
    }

    /// Keeps one task of that host from running, until what is returned is called.
    pub(crate) fn starve(&self, host: &str, which: u64) -> Option<Undo> {
        let life = self.host(host, |host| host.life.clone());
        let waker = self.0.kernel.starve(&life, which)?;
        self.recorder().count(FaultKind::Starve.name());
        self.record("fault", &format!("starve {host} task {}", waker.id.number));
        Some(Box::new(move |sim| sim.0.kernel.feed(&life, &waker)))
    }

    /// Parts in a million that the monotonic clock of that host runs fast.
    pub fn drift(&self, host: &str) -> i32 {
        self.host(host, |host| host.clock.drift())
    }

    /// Changes its drift from now on: at least -999999, below zero it runs slow.
    pub fn set_drift(&self, host: &str, ppm: i32) {
        self.recorder().count(FaultKind::Drift.name());
        self.record("fault", &format!("drift {host} {ppm}"));
        self.host(host, |host| host.clock.set_drift(ppm));
    }

    /// Sets the time of day of that host forwards, or back.
    pub fn jump(&self, host: &str, nanos: i64) {
        self.recorder().count(FaultKind::Jump.name());
        self.record("fault", &format!("jump {host} {nanos}"));
        self.host(host, |host| host.clock.jump(nanos));
    }

    /// The certificate of that host has expired: no connection between nodes begins or ends there until
    /// [`renew_certificate`](Self::renew_certificate). Those that there are go on.
    pub fn expire_certificate(&self, host: &str) {
        self.recorder().count(FaultKind::Expiry.name());
        self.record("fault", &format!("expire {host}"));
        self.set_expired(host, true);
    }

    /// Ends [`expire_certificate`](Self::expire_certificate).
    pub fn renew_certificate(&self, host: &str) {
        self.record("certificate", host);
        self.set_expired(host, false);
    }

    /// The certificate of one host counts no more, and another is told so, which tells those that it is connected to.
    #[cfg(feature = "quic")]
    pub fn revoke_certificate(&self, of: &str, told: &str) {
        self.record("revoke", &format!("{of} {told}"));
        self.0.quic.revoke(of, told, self.seams(told).clock.wall());
    }

    pub(super) fn set_expired(&self, host: &str, expired: bool) {
        let life = self.life(host);
        self.network().links().set_expired(life.host, expired);
        #[cfg(feature = "quic")]
        self.0.quic.set_expired(host, expired);
    }

    /// Says what runs on that host, for faults and starts.
    pub(crate) fn set_tenant(&self, host: &str, tenant: Arc<dyn Tenant>) {
        self.host(host, |host| host.tenant = Some(tenant));
    }

    pub(crate) fn tenant(&self, host: &str) -> Option<Arc<dyn Tenant>> {
        self.host(host, |host| host.tenant.clone())
    }

    /// The node that runs on that host now, if it is one of a scenario's.
    pub fn node(&self, host: &str) -> Option<Node> {
        self.tenant(host)?.node()
    }

    pub(crate) fn is_up(&self, host: &str) -> bool {
        self.host(host, |host| !host.down)
    }

    /// Starts again what runs on that host, after a crash.
    pub(crate) fn boot(&self, host: &str) {
        self.record("boot", host);
        self.host(host, |host| host.down = false);
        let Some(tenant) = self.tenant(host) else { return };
        let (sim, host) = (self.clone(), host.to_owned());
        let life = self.incarnation(&host);
        self.spawn(OUTSIDE, async move {
            if let Err(why) = tenant.boot().await
                && sim.incarnation(&host) == life
            {
                sim.fail(Outcome::Crashed(format!("{host} did not start again: {why}")));
            }
        });
    }

    /// The fault that the next entry into a component there meets.
    pub(crate) fn arm(&self, host: &str, which: u64, fault: FaultKind, lasts: Duration) {
        if let Some(tenant) = self.tenant(host) {
            tenant.arm(which, fault, lasts);
        }
    }

    /// What a component there computes takes that many percent of its time.
    pub(crate) fn slow_guest(&self, host: &str, which: u64, percent: u64) {
        if let Some(tenant) = self.tenant(host) {
            tenant.slow_guest(which, percent);
        }
    }

    /// Crashes a host: its tasks are gone, its connections cut, and its disk keeps what was synced and, of the rest,
    /// what the seed says. A new life of it begins: start its node again with [`seams`](Self::seams).
    pub fn crash(&self, host: &str) {
        let random = self.0.kernel.draw();
        let loss = pick(&mut generator(random, "crash"), &[CrashLoss::All, CrashLoss::Tail, CrashLoss::Sectors]);
        self.crash_with(host, loss);
    }

    /// The same, with a given loss of what was not synced.
    pub fn crash_with(&self, host: &str, loss: CrashLoss) {
        self.recorder().count(FaultKind::Crash.name());
        self.record("crash", host);
        self.end_life(host);
        if let Some(tenant) = self.tenant(host) {
            tenant.crashed();
        }
        self.disk(host).crash(loss);
        let kernel = &self.0.kernel;
        let mut hosts = self.0.hosts.lock();
        if let Some(host) = hosts.iter_mut().find(|of| &*of.name == host) {
            host.down = host.tenant.is_some();
            host.life = Arc::new(Life::new(host.life.host, host.life.number + 1));
            host.delivery = SimDelivery::new(kernel.clone(), host.life.clone());
            host.clock = host.clock.rebooted(below(generator(kernel.draw(), "boot").next_u64(), 1 << 40));
        }
    }

    /// Marks the life dead before its tasks are dropped, so that no destructor reaches anybody.
    pub(super) fn end_life(&self, host: &str) {
        let (life, delivery) = self.host(host, |host| (host.life.clone(), host.delivery.clone()));
        life.end();
        self.0.network.crash(&life);
        self.0.kernel.drop_tasks(&life);
        #[cfg(feature = "quic")]
        self.0.quic.crashed(host);
        // Signals that were under way may hold what has destructors of its own.
        let _ = catch_unwind(AssertUnwindSafe(|| delivery.clear()));
    }
}

impl Host {
    pub(super) fn new(kernel: &Arc<Kernel>, name: &str, number: u32) -> Self {
        let mut rng = generator(kernel.seed, &format!("host {name:?}"));
        let origin = below(rng.next_u64(), 1 << 40);
        let fast_ppm = below(rng.next_u64(), 200) as i32;
        let skew = Skew::new(origin, fast_ppm, WALL_AT_START + below(rng.next_u64(), 2_000_000_000));
        kernel.record("host", |line| line.number(number.into()).text(name));
        let life = Arc::new(Life::new(number, 1));
        Self {
            name: name.into(),
            clock: HostClock::new(kernel, skew),
            down: false,
            tenant: None,
            entropy: Arc::new(SimEntropy::new(kernel.seed, name)),
            disk: Disk::new(kernel.clone(), number),
            delivery: SimDelivery::new(kernel.clone(), life.clone()),
            life,
        }
    }
}
