use super::config::Config;
use rusm_core::Timestamp;
use std::time::Duration;

/// What a node's silence says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It was heard of not long ago.
    Trusted,
    /// It is silent. Nothing else has changed.
    Suspected,
}

/// What to do about a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This side has been silent: send a sign of life.
    Ping,
    /// Trust has changed.
    Trust(Trust),
    /// Too long: the association ends.
    Down,
}

/// Watches one association for silence, and sees to it that this side is not silent either.
///
/// [`handle_heard`](Self::handle_heard) and [`handle_sent`](Self::handle_sent) as it happens;
/// [`handle_timeout`](Self::handle_timeout) until it gives nothing, at the latest at [`poll_timeout`](Self::poll_timeout).
/// Source: OTP `kernel`, `net_ticktime`. Divergence: seconds, and a suspicion comes first.
#[derive(Debug)]
pub(super) struct Silence {
    heard_at: Timestamp,
    sent_at: Timestamp,
    trust: Trust,
    interval: Duration,
    suspect_after: Duration,
    down_after: Duration,
}

impl Silence {
    pub(super) fn new(config: &Config, now: Timestamp) -> Self {
        let Config { ping_interval: interval, suspect_after, down_after, .. } = *config;
        Self { heard_at: now, sent_at: now, trust: Trust::Trusted, interval, suspect_after, down_after }
    }

    /// Something came. Says when trust is back.
    pub(super) fn handle_heard(&mut self, now: Timestamp) -> Option<Trust> {
        self.heard_at = now;
        let was = std::mem::replace(&mut self.trust, Trust::Trusted);
        (was == Trust::Suspected).then_some(Trust::Trusted)
    }

    pub(super) fn handle_sent(&mut self, now: Timestamp) {
        self.sent_at = now;
    }

    pub(super) fn poll_timeout(&self) -> Timestamp {
        let silence = match self.trust {
            Trust::Trusted => self.suspect_after,
            Trust::Suspected => self.down_after,
        };
        (self.sent_at + self.interval).min(self.heard_at + silence)
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp) -> Option<Verdict> {
        let silence = now.since(self.heard_at);
        if silence >= self.suspect_after && self.trust == Trust::Trusted {
            self.trust = Trust::Suspected;
            // Nobody was suspected in time: this side was asleep itself, and could hear nothing. It listens as long as it would have.
            if silence >= self.down_after {
                let suspect_after = u64::try_from(self.suspect_after.as_nanos()).unwrap_or(u64::MAX);
                self.heard_at = Timestamp::from_nanos(now.as_nanos().saturating_sub(suspect_after));
            }
            return Some(Verdict::Trust(Trust::Suspected));
        }
        if silence >= self.down_after {
            return Some(Verdict::Down);
        }
        if now.since(self.sent_at) >= self.interval {
            self.sent_at = now;
            return Some(Verdict::Ping);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn a_silent_node_is_suspected_before_it_is_down() {
        let mut silence = Silence::new(&Config::default(), at(0));
        assert_eq!(silence.poll_timeout(), at(1000));
        assert_eq!(silence.handle_timeout(at(999)), None);
        assert_eq!(silence.handle_timeout(at(1000)), Some(Verdict::Ping));
        silence.handle_sent(at(2500));
        assert_eq!(silence.handle_timeout(at(2999)), None);
        assert_eq!(silence.handle_timeout(at(3000)), Some(Verdict::Trust(Trust::Suspected)));
        silence.handle_sent(at(7500));
        assert_eq!(silence.poll_timeout(), at(8000));
        assert_eq!(silence.handle_timeout(at(7999)), None);
        assert_eq!(silence.handle_timeout(at(8000)), Some(Verdict::Down));
    }

    #[test]
    fn who_was_asleep_itself_suspects_before_it_gives_up() {
        let mut silence = Silence::new(&Config::default(), at(0));
        silence.handle_sent(at(20_000));
        assert_eq!(silence.handle_timeout(at(20_000)), Some(Verdict::Trust(Trust::Suspected)));
        silence.handle_sent(at(24_500));
        assert_eq!(silence.poll_timeout(), at(25_000));
        assert_eq!(silence.handle_timeout(at(24_999)), None);
        assert_eq!(silence.handle_timeout(at(25_000)), Some(Verdict::Down));
    }

    #[test]
    fn whoever_is_heard_of_again_is_trusted_again() {
        let mut silence = Silence::new(&Config::default(), at(0));
        silence.handle_sent(at(3000));
        assert_eq!(silence.handle_timeout(at(3000)), Some(Verdict::Trust(Trust::Suspected)));
        assert_eq!(silence.handle_heard(at(3500)), Some(Trust::Trusted));
        assert_eq!(silence.handle_heard(at(3600)), None);
        silence.handle_sent(at(6500));
        assert_eq!(silence.handle_timeout(at(6599)), None);
        assert_eq!(silence.handle_timeout(at(6600)), Some(Verdict::Trust(Trust::Suspected)));
    }
}
