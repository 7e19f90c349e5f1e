use crate::proto::config::ConfigError;
use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

/// Bytes of one packet of gossip.
pub(super) const PACKET_LEN_MAX: usize = 16 << 10;

/// How often one piece of news is passed on: enough for a thousand members. Source: SWIM, section 4.1; the factor is that of
/// HashiCorp's memberlist, `RetransmitMult`.
const TRANSMISSIONS: NonZeroU8 = NonZeroU8::new(12).expect("twelve");

/// How often a member's whole list is asked for again: what no news has brought comes that way.
const ROSTER_INTERVAL: Duration = Duration::from_secs(30);

/// How the members of a cluster keep up to date about each other. All members of a cluster have the same, or those with
/// shorter times give others up who would have answered.
///
/// From a member's last sign of life until everybody knows that it is down take, at most, `probe_interval` × (members + 1) when
/// one member has to notice it, but on average two intervals as all do, then `suspect_for`, and the time that news take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipConfig {
    /// How often a member asks one other, each in its turn, for a sign of life. 100 ms to 1 min. Default 1 s.
    pub probe_interval: Duration,
    /// How long it waits for that before it asks others to ask: 10 ms to half of `probe_interval`. Default 300 ms.
    pub probe_timeout: Duration,
    /// How many others it asks. 1 to 16. Default 3.
    pub indirect_probes: u8,
    /// How long a suspected member may contradict before it is given up: `probe_interval` to 10 min. Default 5 s.
    pub suspect_for: Duration,
    /// How often news are passed on, each time to three members: 20 ms to 1 min. Without news nothing is sent. Default 200 ms.
    pub gossip_interval: Duration,
    /// How often members that this one has no association with are dialled: 100 ms to 10 min. Without it a cluster that was
    /// split stays so now and then, when each half has given up the other. Default 5 s.
    pub announce_interval: Duration,
    /// How many of them each time, drawn at random: 1 to 64. Default 3.
    pub announce_max: u8,
    /// How long a member that is down is remembered, and dialled: 1 min to 30 days. Default 24 h.
    pub forget_after: Duration,
    /// How many members one knows at most: news of more are dropped. 2 to 4096. Default 1024.
    pub members_max: u16,
}

impl Default for MembershipConfig {
    fn default() -> Self {
        Self {
            probe_interval: Duration::from_secs(1),
            probe_timeout: Duration::from_millis(300),
            indirect_probes: 3,
            suspect_for: Duration::from_secs(5),
            gossip_interval: Duration::from_millis(200),
            announce_interval: Duration::from_secs(5),
            announce_max: 3,
            forget_after: Duration::from_secs(24 * 3600),
            members_max: 1024,
        }
    }
}

impl MembershipConfig {
    /// # Errors
    /// The first value outside its bounds.
    pub(in crate::proto) fn check(&self) -> Result<(), ConfigError> {
        let (ms, minutes) = (Duration::from_millis, |minutes: u64| Duration::from_secs(60 * minutes));
        let within = ConfigError::check::<Duration>;
        within("probe_interval", self.probe_interval, (ms(100), minutes(1)), "")?;
        within("probe_timeout", self.probe_timeout, (ms(10), self.probe_interval / 2), ", half of probe_interval")?;
        within("suspect_for", self.suspect_for, (self.probe_interval, minutes(10)), ", from probe_interval on")?;
        within("gossip_interval", self.gossip_interval, (ms(20), minutes(1)), "")?;
        within("announce_interval", self.announce_interval, (ms(100), minutes(10)), "")?;
        within("forget_after", self.forget_after, (minutes(1), minutes(30 * 24 * 60)), "")?;
        ConfigError::check("indirect_probes", self.indirect_probes, (1, 16), "")?;
        ConfigError::check("announce_max", self.announce_max, (1, 64), "")?;
        ConfigError::check("members_max", self.members_max, (2, 4096), "")
    }

    /// What this is for the library. Its own announcements are not used: a handshake is one.
    pub(super) fn foca(&self) -> foca::Config {
        let several = |number: u8| NonZeroUsize::new(number.into()).unwrap_or(NonZeroUsize::MIN);
        let every = |frequency, number| Some(foca::PeriodicParams { frequency, num_members: several(number) });
        foca::Config {
            probe_period: self.probe_interval,
            probe_rtt: self.probe_timeout,
            num_indirect_probes: several(self.indirect_probes),
            max_transmissions: TRANSMISSIONS,
            suspect_to_down_after: self.suspect_for,
            remove_down_after: Some(self.forget_after),
            max_packet_size: NonZeroUsize::new(PACKET_LEN_MAX).unwrap_or(NonZeroUsize::MIN),
            notify_down_members: true,
            periodic_announce: every(ROSTER_INTERVAL, 1),
            periodic_announce_to_down_members: None,
            periodic_gossip: every(self.gossip_interval, 3),
        }
    }
}
