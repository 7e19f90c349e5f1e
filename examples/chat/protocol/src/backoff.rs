//! How long a socket waits before it looks for its room again.

use std::time::Duration;

/// The wait before attempt `attempt`, counted from 0: 10 ms, doubling, at most half a second.
pub fn backoff(attempt: u32) -> Duration {
    Duration::from_millis((10 << attempt.min(10)).min(500))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_half_a_second() {
        let waits: Vec<_> = (0..8).map(|attempt| backoff(attempt).as_millis()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 500, 500]);
        assert_eq!(backoff(u32::MAX).as_millis(), 500);
    }
}
