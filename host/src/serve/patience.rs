use rusm_core::Timestamp;
use rusm_core::seam::{BoxFuture, Clock};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How long one connection is waited for: `header-time` from the first byte of a request's head, `idle-time` for that
/// byte. A new connection has no idle time: its first head is due at once.
///
/// Hyper has one timeout for both waits, and restarts it for each head; this is the timer that it is given, and it
/// looks at the bytes that have arrived.
pub(super) struct Patience {
    clock: Arc<dyn Clock>,
    header_time: Duration,
    idle_time: Duration,
    /// When the first byte since the wait began came; [`NOT_YET`] before.
    first_byte_at: AtomicU64,
    /// Whether a head has been waited for.
    waited: AtomicBool,
}

const NOT_YET: u64 = u64::MAX;

impl Patience {
    /// For a connection that was just accepted.
    pub(super) fn new(clock: Arc<dyn Clock>, header_time: Duration, idle_time: Duration) -> Arc<Self> {
        let first_byte_at = AtomicU64::new(clock.now().as_nanos());
        Arc::new(Self { clock, header_time, idle_time, first_byte_at, waited: AtomicBool::new(false) })
    }

    /// Bytes have arrived.
    pub(super) fn bytes_arrived(&self) {
        if self.first_byte_at.load(Ordering::Relaxed) == NOT_YET {
            self.first_byte_at.store(self.clock.now().as_nanos(), Ordering::Relaxed);
        }
    }

    /// Completes when the other side may make no more progress with a write.
    pub(super) fn write_stall(&self) -> BoxFuture<()> {
        self.clock.sleep_until(self.clock.now() + self.idle_time)
    }
}

/// The timer of one hyper connection. Its only user is the timeout for heads.
#[derive(Clone)]
pub(super) struct HeaderTimer {
    patience: Arc<Patience>,
    /// What hyper adds durations to: the result is not looked at.
    origin: Instant,
}

impl HeaderTimer {
    #[expect(clippy::disallowed_methods, reason = "an origin that nothing is compared with: the clock is a seam's")]
    pub(super) fn new(patience: Arc<Patience>) -> Self {
        Self { patience, origin: Instant::now() }
    }
}

impl hyper::rt::Timer for HeaderTimer {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(self.origin)
    }

    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let patience = self.patience.clone();
        if patience.waited.swap(true, Ordering::Relaxed) {
            patience.first_byte_at.store(NOT_YET, Ordering::Relaxed);
        }
        let idle_until = patience.clock.now() + patience.idle_time;
        Box::pin(HeadWait { patience, idle_until, armed: parking_lot::Mutex::new(None) })
    }

    fn now(&self) -> Instant {
        self.origin
    }
}

/// Completes when a head is overdue.
struct HeadWait {
    patience: Arc<Patience>,
    idle_until: Timestamp,
    /// The running sleep and its deadline. The lock is never taken: it makes the sleep `Sync`, which hyper asks for.
    armed: parking_lot::Mutex<Option<(Timestamp, BoxFuture<()>)>>,
}

impl hyper::rt::Sleep for HeadWait {}

impl Future for HeadWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let deadline = match this.patience.first_byte_at.load(Ordering::Relaxed) {
            NOT_YET => this.idle_until,
            at => Timestamp::from_nanos(at) + this.patience.header_time,
        };
        let armed = this.armed.get_mut();
        if armed.as_ref().is_none_or(|(at, _)| *at != deadline) {
            *armed = Some((deadline, this.patience.clock.sleep_until(deadline)));
        }
        match armed {
            Some((_, sleep)) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
