use crate::executor::{Kernel, Life, TimerKey};
use rusm_core::BoxFuture;
use rusm_core::seam::{Clock, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// One part in a million.
const MILLION: u128 = 1_000_000;

/// How a host's clock differs from virtual time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skew {
    /// What its monotonic clock shows when virtual time is 0.
    pub(crate) origin: u64,
    /// Parts in a million that it runs fast.
    pub(crate) fast_ppm: u32,
    /// Time of day, in nanoseconds since the Unix epoch, when virtual time is 0.
    pub(crate) wall: u64,
}

impl Skew {
    fn local(self, now: u64) -> u64 {
        let run = u128::from(now) * (MILLION + u128::from(self.fast_ppm)) / MILLION;
        self.origin.saturating_add(u64::try_from(run).unwrap_or(u64::MAX))
    }

    /// The first virtual time at which the local clock shows `local` or later.
    fn global(self, local: u64) -> u64 {
        let run = u128::from(local.saturating_sub(self.origin)) * MILLION;
        let now = run.div_ceil(MILLION + u128::from(self.fast_ppm));
        u64::try_from(now).unwrap_or(u64::MAX)
    }
}

/// The clock of one life of a host.
pub(crate) struct SimClock {
    kernel: Arc<Kernel>,
    life: Arc<Life>,
    skew: Skew,
}

impl SimClock {
    pub(crate) fn new(kernel: Arc<Kernel>, life: Arc<Life>, skew: Skew) -> Self {
        Self { kernel, life, skew }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.skew.local(self.kernel.now()))
    }

    fn wall(&self) -> Duration {
        Duration::from_nanos(self.skew.wall + self.kernel.now())
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<()> {
        let at = self.skew.global(deadline.as_nanos());
        Box::pin(Sleep { kernel: self.kernel.clone(), life: Some(self.life.clone()), at, timer: None })
    }
}

/// Waits for a point of virtual time; for ever in a life that has ended.
pub(crate) struct Sleep {
    kernel: Arc<Kernel>,
    life: Option<Arc<Life>>,
    at: u64,
    timer: Option<TimerKey>,
}

impl Sleep {
    /// A sleep of the network's own, which no crash ends.
    pub(crate) fn until(kernel: &Arc<Kernel>, at: u64) -> Self {
        Self { kernel: kernel.clone(), life: None, at, timer: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.life.as_ref().is_some_and(|life| !life.is_alive()) {
            return Poll::Pending;
        }
        let timer = this.kernel.poll_timer(this.timer, this.at, cx);
        if timer.is_none()
            && let Some(left) = this.timer
        {
            this.kernel.stop_timer(left);
        }
        this.timer = timer;
        if timer.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.kernel.stop_timer(timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_never_ends_early_on_a_drifting_clock() {
        for fast_ppm in [0, 1, 37, 999] {
            let skew = Skew { origin: 5, fast_ppm, wall: 0 };
            for local in [5, 6, 1_000, 999_999_999, 86_400_000_000_000] {
                let at = skew.global(local);
                assert!(skew.local(at) >= local, "{fast_ppm} ppm, {local}");
                assert!(at == 0 || skew.local(at - 1) < local, "{fast_ppm} ppm, {local}: too late");
            }
        }
    }
}
