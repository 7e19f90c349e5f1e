use super::features::Features;
use super::membership::MembershipConfig;
use std::time::Duration;

/// Limits and times of a node's endpoint.
///
/// All nodes of a cluster have the same limits: a node that has others is refused in the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of one signal, encoded. A larger one is not sent. Default 64 MiB.
    pub signal_len_max: u32,
    /// Bytes of one lane that may be under way; the receiver hands credit back as they arrive. At least twice
    /// [`FRAGMENT_LEN`](super::FRAGMENT_LEN). Default 256 KiB.
    pub lane_window: u32,
    /// How many signals above [`FRAGMENT_LEN`](super::FRAGMENT_LEN) may be under way at once in one association: what a
    /// peer can make us keep is this many times [`signal_len_max`](Self::signal_len_max). Default 4.
    pub large_max: u16,
    /// Bytes that wait in one lane at which its sender's next turn is held until half of them are gone. Default 256 KiB.
    pub lane_queue_len: usize,
    /// Bytes that wait for one node at which every sender to it is held. Default 64 MiB.
    pub queue_len: usize,
    /// Bytes that wait for one node at which the association ends: the node reads too slowly. Default 1 GiB.
    pub queue_len_max: usize,
    /// After so long without anything to send a sign of life is sent. 10 ms to 5 min. Default 1 s.
    pub ping_interval: Duration,
    /// After so long a silence a node is suspected; at least twice the interval. Default 3 s.
    pub suspect_after: Duration,
    /// After so long a silence the association ends; at least `suspect_after`, at most 10 min. Default 8 s.
    pub down_after: Duration,
    /// A connection whose handshake is not done by then is closed. Default 5 s.
    pub handshake_timeout: Duration,
    /// How long a node that could not be reached is left alone: signals for it meanwhile meet `noconnection` at once.
    /// Default 1 s.
    pub dial_pause: Duration,
    /// How many connections may be in their handshake without anybody having said who they are. Default 64.
    pub handshakes_max: usize,
    /// How the members keep up to date about each other.
    pub membership: MembershipConfig,
    /// What this node offers beyond the first version of the protocol. Nodes with other features understand each other: what
    /// one of two does not know is not sent to it, and whoever wanted to hears `notsup`. Default [`Features::ALL`].
    pub features: Features,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signal_len_max: 64 << 20,
            lane_window: 256 << 10,
            large_max: 4,
            lane_queue_len: 256 << 10,
            queue_len: 64 << 20,
            queue_len_max: 1 << 30,
            ping_interval: Duration::from_secs(1),
            suspect_after: Duration::from_secs(3),
            down_after: Duration::from_secs(8),
            handshake_timeout: Duration::from_secs(5),
            dial_pause: Duration::from_secs(1),
            handshakes_max: 64,
            membership: MembershipConfig::default(),
            features: Features::ALL,
        }
    }
}

/// A value that makes no sense, or none beside the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} {problem}")]
pub struct ConfigError {
    /// The field.
    pub name: &'static str,
    /// What it is and what it has to be.
    pub problem: String,
}

impl ConfigError {
    /// # Errors
    /// The value is outside those bounds; `why` says where they come from.
    pub(super) fn check<T: PartialOrd + std::fmt::Debug>(
        name: &'static str,
        value: T,
        (min, max): (T, T),
        why: &str,
    ) -> Result<(), Self> {
        if min <= value && value <= max {
            return Ok(());
        }
        Err(Self { name, problem: format!("is {value:?}: it has to be {min:?} to {max:?}{why}") })
    }
}

impl Config {
    /// All that decides how soon a lost node is noticed, in the proportions of the default: `down_after` as given, `ping_interval`
    /// an eighth of it, and so on, `membership` too. With 1 s to 8 min the result is sound. A shorter time costs packets, and gives
    /// up nodes that were only slow: a machine that is busy, or pauses, for longer than `down_after` is lost to the others.
    pub fn of_down_after(down_after: Duration) -> Self {
        let (default, eighth) = (Self::default(), down_after / 8);
        let membership = MembershipConfig {
            probe_interval: eighth,
            probe_timeout: eighth * 3 / 10,
            suspect_for: eighth * 5,
            gossip_interval: eighth / 5,
            announce_interval: eighth * 5,
            ..default.membership
        };
        Self { ping_interval: eighth, suspect_after: eighth * 3, down_after, membership, ..default }
    }

    /// Whether the times and limits go together. [`Endpoint::new`](super::Endpoint::new) panics when they do not.
    ///
    /// # Errors
    /// The first that does not fit.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (ms, minutes) = (Duration::from_millis, |minutes: u64| Duration::from_secs(60 * minutes));
        let window_min = u32::try_from(2 * super::FRAGMENT_LEN).unwrap_or(u32::MAX);
        ConfigError::check("lane_window", self.lane_window, (window_min, u32::MAX), ", as two fragments have to fit")?;
        ConfigError::check("down_after", self.down_after, (ms(20), minutes(10)), "")?;
        ConfigError::check("ping_interval", self.ping_interval, (ms(10), minutes(5)), "")?;
        let twice = self.ping_interval * 2;
        let why = ", twice ping_interval to down_after";
        ConfigError::check("suspect_after", self.suspect_after, (twice, self.down_after), why)?;
        self.membership.check()
    }
}

/// What a certificate lets its holder be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Role {
    /// A node of the cluster.
    Node,
    /// A person's or a script's command, which asks and never takes part.
    Operator,
}

/// Who a node is. Of the other side: what its certificate says, which the connection has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The node's name.
    pub name: String,
    /// What it may be.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_eight_seconds_are_the_defaults() {
        assert_eq!(Config::of_down_after(Duration::from_secs(8)), Config::default());
    }

    #[test]
    fn the_times_of_a_second_to_eight_minutes_are_sound_and_no_others() {
        let check = |down_after: Duration, wrong: Option<&str>| {
            let checked = Config::of_down_after(down_after).check();
            assert_eq!(checked.as_ref().err().map(|error| error.name), wrong, "{checked:?}");
        };
        check(Duration::from_secs(1), None);
        check(Duration::from_millis(790), Some("probe_interval"));
        check(Duration::from_secs(480), None);
        check(Duration::from_secs(481), Some("probe_interval"));
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_what_it_has_to_be() {
        let check = |change: fn(&mut Config), expected: &str| {
            let mut config = Config::default();
            change(&mut config);
            assert_eq!(config.check().map_err(|error| error.to_string()), Err(expected.to_owned()));
        };
        let wrong = "suspect_after is 1.999s: it has to be 2s to 8s, twice ping_interval to down_after";
        check(|config| config.suspect_after = Duration::from_millis(1999), wrong);
        let wrong = "suspect_after is 8.001s: it has to be 2s to 8s, twice ping_interval to down_after";
        check(|config| config.suspect_after = Duration::from_millis(8001), wrong);
        check(|config| config.ping_interval = Duration::ZERO, "ping_interval is 0ns: it has to be 10ms to 300s");
        check(|config| config.down_after = Duration::MAX, {
            "down_after is 18446744073709551615.999999999s: it has to be 20ms to 600s"
        });
        let wrong = "probe_timeout is 501ms: it has to be 10ms to 500ms, half of probe_interval";
        check(|config| config.membership.probe_timeout = Duration::from_millis(501), wrong);
        check(|config| config.membership.members_max = 1, "members_max is 1: it has to be 2 to 4096");
        check(
            |config| config.lane_window = 1,
            "lane_window is 1: it has to be 32768 to 4294967295, as two fragments have to fit",
        );
    }
}
