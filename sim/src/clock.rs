use crate::executor::{ClockId, HostTime, Kernel, Life, TimerKey};
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

    /// The same, when it is later than `now`. Most often it is not, and to see that takes no division by the rate.
    pub(crate) fn later_than(self, now: u64, local: u64) -> Option<u64> {
        (self.local(now) < local).then(|| self.global(local))
    }

    /// Runs faster or slower from `now` on.
    fn bend(&mut self, now: u64, fast_ppm: i32) {
        *self = Self { bent_at: now, origin: self.local(now), fast_ppm, wall: self.wall };
    }
}

/// The clocks of one life of a host: faults change them.
pub(crate) struct HostClock {
    kernel: Arc<Kernel>,
    id: ClockId,
}

impl HostClock {
    pub(crate) fn new(kernel: &Arc<Kernel>, skew: Skew) -> Self {
        Self { kernel: kernel.clone(), id: kernel.add_clock(skew) }
    }

    /// After a reboot: the monotonic clock begins anew, the time of day does not.
    pub(crate) fn rebooted(&self, origin: u64) -> Self {
        Self::new(&self.kernel, Skew { bent_at: 0, origin, ..self.kernel.clock(self.id) })
    }

    /// Parts in a million that the monotonic clock runs fast.
    pub(crate) fn drift(&self) -> i32 {
        self.kernel.clock(self.id).fast_ppm
    }

    /// Lets it run faster or slower from now on.
    pub(crate) fn set_drift(&self, fast_ppm: i32) {
        let now = self.kernel.now();
        self.kernel.change_clock(self.id, |skew| skew.bend(now, fast_ppm));
    }

    /// Sets the time of day forwards or back.
    pub(crate) fn jump(&self, nanos: i64) {
        self.kernel.change_clock(self.id, |skew| skew.wall = skew.wall.saturating_add_signed(nanos));
    }

    /// As the node sees it that runs in that life.
    pub(crate) fn of(&self, life: Arc<Life>) -> SimClock {
        SimClock(Arc::new(Inner { kernel: self.kernel.clone(), life, id: self.id }))
    }
}

/// The clock of one life of a host, as its node sees it.
pub(crate) struct SimClock(Arc<Inner>);

struct Inner {
    kernel: Arc<Kernel>,
    life: Arc<Life>,
    id: ClockId,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let Inner { kernel, id, .. } = &*self.0;
        kernel.look();
        Timestamp::from_nanos(kernel.clock(*id).local(kernel.now()))
    }

    fn wall(&self) -> Duration {
        let Inner { kernel, id, .. } = &*self.0;
        Duration::from_nanos(kernel.clock(*id).wall + kernel.now())
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
        let Self { on, at, timer } = &mut *self;
        let clock = match on {
            On::Host(of) if !of.life.is_alive() => return Poll::Pending,
            On::Host(of) => of.id,
            On::Virtual(_) => ClockId::VIRTUAL,
        };
        on.kernel().poll_timer(timer, HostTime { clock, local: *at }, cx)
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Self { on, timer, .. } = self;
        on.kernel().stop_timer(timer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_never_ends_early_on_a_drifting_clock() {
        for fast_ppm in [-500_000, -37, 0, 1, 37, 999, 1_000_000] {
            let mut skew = Skew::new(5, 11, 0);
            skew.bend(0, fast_ppm);
            for local in [5, 6, 1_000, 999_999_999, 86_400_000_000_000] {
                let at = skew.global(local);
                assert!(skew.local(at) >= local, "{fast_ppm} ppm, {local}");
                assert!(at == 0 || skew.local(at - 1) < local, "{fast_ppm} ppm, {local}: too late");
                assert_eq!(skew.later_than(at, local), None, "{fast_ppm} ppm, {local}");
                assert!(at == 0 || skew.later_than(at - 1, local) == Some(at), "{fast_ppm} ppm, {local}");
            }
        }
    }

    #[test]
    fn a_change_of_drift_bends_the_clock_and_does_not_break_it() {
        let mut skew = Skew::new(7, 100, 0);
        for (now, ppm) in [(1_000_000, -200_000), (2_000_000, 500_000), (9_000_000, 0)] {
            let before = skew.local(now);
            skew.bend(now, ppm);
            assert_eq!(skew.local(now), before);
            assert!(skew.local(now + 100) > before);
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
