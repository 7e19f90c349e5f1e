use super::BoxFuture;
use std::time::Duration;

/// A point of a node's monotonic time: nanoseconds since an origin that only its clock knows.
///
/// Timestamps of two nodes cannot be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The timestamp so many nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this; zero when `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    /// Saturates after 584 years.
    fn add(self, duration: Duration) -> Timestamp {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(nanos))
    }
}

/// What time is it, and wake me then: both halves, so that nobody reads one clock and sleeps on another.
pub trait Clock: Send + Sync + 'static {
    /// Monotonic time. Never goes backwards.
    fn now(&self) -> Timestamp;

    /// Time of day, since the Unix epoch. May jump.
    fn wall(&self) -> Duration;

    /// Completes when `now()` is `deadline` or later, never earlier.
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<()>;
}

/// Tokio's timer and the machine's clocks.
pub struct TokioClock {
    origin: tokio::time::Instant,
}

impl TokioClock {
    /// A clock whose origin is now.
    #[expect(clippy::new_without_default, reason = "reads the clock: not a default value")]
    #[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    #[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
    fn now(&self) -> Timestamp {
        Timestamp::default() + self.origin.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
    fn wall(&self) -> Duration {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "the production half of the seam")]
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<()> {
        let deadline = self.origin + Duration::from_nanos(deadline.as_nanos());
        Box::pin(tokio::time::sleep_until(deadline))
    }
}
