use crate::executor::{Kernel, Life, TimerKey};
use crate::sync::Mutex;
use rusm_core::BoxFuture;
use rusm_core::seam::{Clock, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// One part in a million.
const MILLION: u64 = 1_000_000;

enum Round {
    Down,
    Up,
}

/// `number * by / parts`. Most fit into 64 bits, whose division is several times as fast.
fn scaled(number: u64, by: u64, parts: u64, round: Round) -> u64 {
    let more = match round {
        Round::Down => 0,
        Round::Up => parts - 1,
    };
    match number.checked_mul(by).and_then(|product| product.checked_add(more)) {
        Some(product) => product / parts,
        None => {
            let product = u128::from(number) * u128::from(by) + u128::from(more);
            u64::try_from(product / u128::from(parts)).unwrap_or(u64::MAX)
        }
    }
}

/// How a host's clocks differ from virtual time. The monotonic clock is a line that bends where the drift changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skew {
    /// Virtual time of the last bend.
    bent_at: u64,
    /// What the monotonic clock showed there.
    origin: u64,
    /// Parts in a million that it runs fast; below zero it runs slow.
    fast_ppm: i32,
    /// Time of day, in nanoseconds since the Unix epoch, when virtual time is 0.
    wall: u64,
}

impl Skew {
    pub(crate) fn new(origin: u64, fast_ppm: i32, wall: u64) -> Self {
        Self { bent_at: 0, origin, fast_ppm, wall }
    }

    fn rate(self) -> u64 {
        MILLION.saturating_add_signed(self.fast_ppm.into()).max(1)
    }

    fn local(self, now: u64) -> u64 {
        let run = scaled(now.saturating_sub(self.bent_at), self.rate(), MILLION, Round::Down);
        self.origin.saturating_add(run)
    }

    /// The first virtual time at which the local clock shows `local` or later.
    fn global(self, local: u64) -> u64 {
        let run = scaled(local.saturating_sub(self.origin), MILLION, self.rate(), Round::Up);
        self.bent_at.saturating_add(run)
    }
}

/// The clocks of one life of a host: its node reads them, faults change them.
pub(crate) struct HostClock(Mutex<Skew>);

impl HostClock {
    pub(crate) fn new(skew: Skew) -> Arc<Self> {
        Arc::new(Self(Mutex::new(skew)))
    }

    /// After a reboot: the monotonic clock begins anew, the time of day does not.
    pub(crate) fn rebooted(&self, origin: u64) -> Arc<Self> {
        let skew = *self.0.lock();
        Self::new(Skew { bent_at: 0, origin, ..skew })
    }

    /// Parts in a million that the monotonic clock runs fast.
    pub(crate) fn drift(&self) -> i32 {
        self.0.lock().fast_ppm
    }

    /// Lets it run faster or slower from `now` on.
    pub(crate) fn set_drift(&self, now: u64, fast_ppm: i32) {
        let mut skew = self.0.lock();
        *skew = Skew { bent_at: now, origin: skew.local(now), fast_ppm, wall: skew.wall };
    }

    /// Sets the time of day forwards or back.
    pub(crate) fn jump(&self, nanos: i64) {
        let mut skew = self.0.lock();
        skew.wall = skew.wall.saturating_add_signed(nanos);
    }

    fn skew(&self) -> Skew {
        *self.0.lock()
    }
}

/// The clock of one life of a host, as its node sees it.
pub(crate) struct SimClock(Arc<Inner>);

struct Inner {
    kernel: Arc<Kernel>,
    life: Arc<Life>,
    clock: Arc<HostClock>,
}

impl SimClock {
    pub(crate) fn new(kernel: Arc<Kernel>, life: Arc<Life>, clock: Arc<HostClock>) -> Self {
        Self(Arc::new(Inner { kernel, life, clock }))
    }
}

/// A time that a host's clock will show.
pub(crate) struct HostTime {
    of: Arc<Inner>,
    at: u64,
}

impl HostTime {
    /// The virtual time of that, as things are now.
    pub(crate) fn global(&self) -> u64 {
        self.of.clock.skew().global(self.at)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let Inner { kernel, clock, .. } = &*self.0;
        kernel.look();
        Timestamp::from_nanos(clock.skew().local(kernel.now()))
    }

    fn wall(&self) -> Duration {
        Duration::from_nanos(self.0.clock.skew().wall + self.0.kernel.now())
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<()> {
        Box::pin(Sleep { on: On::Host(self.0.clone()), at: deadline.as_nanos(), timer: None })
    }
}

/// Waits for a point of time; for ever in a life that has ended.
pub(crate) struct Sleep {
    on: On,
    at: u64,
    timer: Option<TimerKey>,
}

/// Whose time it is.
enum On {
    Virtual(Arc<Kernel>),
    Host(Arc<Inner>),
}

impl On {
    fn kernel(&self) -> &Kernel {
        match self {
            Self::Virtual(kernel) => kernel,
            Self::Host(of) => &of.kernel,
        }
    }
}

impl Sleep {
    /// A sleep of the network's own, which no crash ends.
    pub(crate) fn until(kernel: &Arc<Kernel>, at: u64) -> Self {
        Self { on: On::Virtual(kernel.clone()), at, timer: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let (at, host) = match &this.on {
            On::Host(of) if !of.life.is_alive() => return Poll::Pending,
            // Asked again at each poll: a clock that was slowed down meanwhile is not there yet.
            On::Host(of) => (of.clock.skew().global(this.at), Some(of)),
            On::Virtual(_) => (this.at, None),
        };
        let on = || host.map(|of| HostTime { of: of.clone(), at: this.at });
        let timer = this.on.kernel().poll_timer(this.timer, at, on, cx);
        if timer.is_none()
            && let Some(left) = this.timer
        {
            this.on.kernel().stop_timer(left);
        }
        this.timer = timer;
        if timer.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.on.kernel().stop_timer(timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_never_ends_early_on_a_drifting_clock() {
        for fast_ppm in [-500_000, -37, 0, 1, 37, 999, 1_000_000] {
            let clock = HostClock::new(Skew::new(5, 11, 0));
            clock.set_drift(0, fast_ppm);
            let skew = clock.skew();
            for local in [5, 6, 1_000, 999_999_999, 86_400_000_000_000] {
                let at = skew.global(local);
                assert!(skew.local(at) >= local, "{fast_ppm} ppm, {local}");
                assert!(at == 0 || skew.local(at - 1) < local, "{fast_ppm} ppm, {local}: too late");
            }
        }
    }

    #[test]
    fn a_change_of_drift_bends_the_clock_and_does_not_break_it() {
        let clock = HostClock::new(Skew::new(7, 100, 0));
        for (now, ppm) in [(1_000_000, -200_000), (2_000_000, 500_000), (9_000_000, 0)] {
            let before = clock.skew().local(now);
            clock.set_drift(now, ppm);
            assert_eq!(clock.skew().local(now), before);
            assert!(clock.skew().local(now + 100) > before);
        }
    }

    /// It looks at its clock when it is woken, and waits on without asking anew when that was too early: it must not be.
    #[test]
    fn a_sleep_on_a_clock_that_is_slowed_down_wakes_once_and_in_time() {
        let sim = crate::Sim::new(crate::SimOptions::new(1));
        let node = rusm_core::Node::start(sim.node_options("a"));
        sim.set_drift("a", 200_000);
        let waits = node.spawn(|context: rusm_core::Context| async move {
            context.receive_timeout(Duration::from_secs(10), |_| true).await;
        });
        let handle = sim.handle();
        let ended = sim.block_on(async move {
            handle.sleep(Duration::from_secs(5)).await;
            handle.set_drift("a", -100_000);
            node.await_exit(waits).await
        });
        assert_eq!(ended, Ok(rusm_core::ExitReason::NORMAL));
        // 6 seconds have passed on it within the first 5; the other 4 take 4.44.
        let took = sim.now().as_nanos() / 1_000_000;
        assert!((9_440..9_460).contains(&took), "{took} ms");
    }
}
