use crate::seam::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// How often a supervisor restarted children lately: OTP's restart intensity.
///
/// More than `intensity` restarts within the last `period` are too many. A restart counts for as long as it is no older
/// than `period`, limit included. Source: OTP `supervisor`, "Tuning the intensity and period".
/// Divergence: OTP counts whole seconds; this counts nanoseconds.
#[derive(Debug)]
pub(super) struct RestartWindow {
    intensity: u32,
    period: Duration,
    /// Oldest first. Never more than `intensity + 1`: one more ends the supervisor.
    restarts: VecDeque<Timestamp>,
}

impl RestartWindow {
    pub(super) fn new(intensity: u32, period: Duration) -> Self {
        Self { intensity, period, restarts: VecDeque::new() }
    }

    /// Counts one attempt to restart, successful or not. False when that is one too many.
    pub(super) fn add(&mut self, now: Timestamp) -> bool {
        while self.restarts.front().is_some_and(|&oldest| now.since(oldest) > self.period) {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        self.restarts.len() <= self.intensity as usize
    }

    /// Attempts in the window when the last one was counted, that one included.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.restarts.len()).unwrap_or(u32::MAX)
    }

    /// New limits; what was counted stays counted. Source: OTP `supervisor:code_change/3`.
    pub(super) fn change(&mut self, intensity: u32, period: Duration) {
        self.intensity = intensity;
        self.period = period;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts at these milliseconds, with 2 restarts in 1000 ms: which are allowed.
    fn check(attempts: &[(u64, bool)]) {
        let mut window = RestartWindow::new(2, Duration::from_secs(1));
        for &(at, allowed) in attempts {
            assert_eq!(window.add(Timestamp::from_nanos(at * 1_000_000)), allowed, "attempt at {at} ms");
        }
    }

    #[test]
    fn as_many_restarts_as_the_intensity_are_allowed_and_not_one_more() {
        check(&[(0, true), (1, true), (2, false)]);
    }

    #[test]
    fn a_restart_counts_until_the_period_is_over_limit_included() {
        check(&[(0, true), (500, true), (1000, false)]);
        check(&[(0, true), (500, true), (1001, true)]);
    }

    #[test]
    fn restarts_at_a_slow_pace_are_never_too_many() {
        check(&[(0, true), (600, true), (1200, true), (1800, true), (2400, true)]);
    }

    #[test]
    fn an_intensity_of_zero_allows_no_restart() {
        let mut window = RestartWindow::new(0, Duration::from_secs(1));
        assert!(!window.add(Timestamp::from_nanos(0)));
        assert_eq!(window.count(), 1);
    }
}
