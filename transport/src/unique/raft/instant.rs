use super::home::Home;
use openraft_rt::Instant;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

/// openraft looks back from now: further than the origin of a clock that has just been started.
const BEFORE_ORIGIN: Duration = Duration::from_secs(1 << 32);

/// A point of a node's monotonic time, as openraft reckons with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeamInstant(Duration);

impl SeamInstant {
    /// The time from the clock's origin to this.
    pub(super) fn since_origin(self) -> Duration {
        self.0.saturating_sub(BEFORE_ORIGIN)
    }
}

impl Instant for SeamInstant {
    fn now() -> Self {
        Self(BEFORE_ORIGIN + Duration::from_nanos(Home::here().clock().now().as_nanos()))
    }
}

impl Add<Duration> for SeamInstant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl AddAssign<Duration> for SeamInstant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for SeamInstant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

impl SubAssign<Duration> for SeamInstant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for SeamInstant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
