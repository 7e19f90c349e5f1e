use crate::plan::{format_duration, parse_duration};
use crate::seed::{generator, pick};
use std::fmt;
use std::time::Duration;

/// Which ready task runs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Any, with equal chances.
    Random,
    /// The one of the highest priority; priorities are drawn, and now and then the running task gets the lowest.
    /// Source: Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs" (PCT).
    Priorities {
        /// Mean number of polls between two changes.
        change_every: u32,
    },
    /// The one that has been ready for longest.
    Fifo,
    /// The same, but now and then that one is put off behind all others that are ready.
    /// Source: Emmi, Qadeer, Rakamaric, "Delay-Bounded Scheduling".
    Delays {
        /// Mean number of polls between two delays.
        every: u32,
    },
}

/// How a run behaves, apart from faults: drawn from the seed, so that seeds differ in kind and not only in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which ready task runs next.
    pub policy: Policy,
    /// Virtual time of one poll: drawn below this many nanoseconds.
    pub poll_ns_max: u64,
    /// Most signals take less than this from send to arrival.
    pub signal_ns_max: u64,
    /// Of 256 signals, how many take up to a hundred times as long.
    pub slow_signals: u64,
    /// One-way time of a packet: at least this.
    pub packet_ns_min: u64,
    /// And up to this much more.
    pub packet_jitter_ns: u64,
    /// Of 65536 packets, how many are lost once and sent again.
    pub lost_packets: u64,
    /// Bytes that a connection takes before its reader has read them.
    pub window: usize,
    /// Of 256 writes to a connection, how many are taken in part only.
    pub short_writes: u64,
}

impl Profile {
    /// The profile of that seed.
    pub fn of_seed(seed: u64) -> Self {
        let rng = &mut generator(seed, "profile");
        let (random, fifo) = (Policy::Random, Policy::Fifo);
        let priorities = |change_every| Policy::Priorities { change_every };
        let delays = |every| Policy::Delays { every };
        let policies = [
            [random, random],
            [random, random],
            [priorities(20), priorities(20)],
            [priorities(100), priorities(100)],
            [priorities(500), delays(50)],
            [fifo, delays(500)],
        ];
        Self {
            policy: pick(rng, policies.as_flattened()),
            poll_ns_max: pick(rng, &[500, 2_000, 2_000, 10_000]),
            signal_ns_max: pick(rng, &[1_000, 4_000, 4_000, 20_000, 100_000]),
            slow_signals: pick(rng, &[0, 2, 8, 32]),
            packet_ns_min: pick(rng, &[20_000, 100_000, 1_000_000]),
            packet_jitter_ns: pick(rng, &[10_000, 200_000, 2_000_000, 20_000_000]),
            lost_packets: pick(rng, &[0, 0, 64, 640]),
            window: pick(rng, &[4 << 10, 16 << 10, 64 << 10, 256 << 10]),
            short_writes: pick(rng, &[0, 8, 64]),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.policy {
            Policy::Random => write!(f, "policy=random")?,
            Policy::Priorities { change_every } => write!(f, "policy=pct/{change_every}")?,
            Policy::Fifo => write!(f, "policy=fifo")?,
            Policy::Delays { every } => write!(f, "policy=delays/{every}")?,
        }
        let time = |nanos| format_duration(Duration::from_nanos(nanos));
        write!(f, " poll={} signal={}", time(self.poll_ns_max), time(self.signal_ns_max))?;
        write!(f, " slow-signals={}/256", self.slow_signals)?;
        write!(f, " packet={} jitter={}", time(self.packet_ns_min), time(self.packet_jitter_ns))?;
        write!(f, " lost={}/65536 window={}", self.lost_packets, self.window)?;
        write!(f, " short-writes={}/256", self.short_writes)
    }
}

impl Profile {
    /// Changes what the text says: the inverse of `Display`, where what is not named stays as it is.
    ///
    /// # Errors
    /// Which word is wrong. What stood before it has been changed.
    pub fn change(&mut self, text: &str) -> Result<(), String> {
        for word in text.split_whitespace() {
            let wrong = || format!("{word:?} is no setting of a profile");
            let (name, value) = word.split_once('=').ok_or_else(wrong)?;
            let of =
                |total: &str| value.strip_suffix(total).and_then(|part| part.parse::<u64>().ok()).ok_or_else(wrong);
            let nanos = || {
                let time = parse_duration(value).ok_or_else(wrong)?;
                u64::try_from(time.as_nanos()).map_err(|_| wrong())
            };
            match name {
                "policy" => self.policy = policy(value).ok_or_else(wrong)?,
                "poll" => self.poll_ns_max = nanos()?.max(1),
                "signal" => self.signal_ns_max = nanos()?.max(1),
                "slow-signals" => self.slow_signals = of("/256")?,
                "packet" => self.packet_ns_min = nanos()?,
                "jitter" => self.packet_jitter_ns = nanos()?.max(1),
                "lost" => self.lost_packets = of("/65536")?,
                "window" => self.window = value.parse::<usize>().map_err(|_| wrong())?.max(1),
                "short-writes" => self.short_writes = of("/256")?,
                _ => return Err(wrong()),
            }
        }
        Ok(())
    }
}

fn policy(text: &str) -> Option<Policy> {
    match text {
        "random" => Some(Policy::Random),
        "fifo" => Some(Policy::Fifo),
        text => {
            let (name, every) = text.split_once('/')?;
            let every = every.parse().ok().filter(|every| *every > 0)?;
            match name {
                "pct" => Some(Policy::Priorities { change_every: every }),
                "delays" => Some(Policy::Delays { every }),
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_as_it_is_written() {
        for seed in 0..50 {
            let (profile, mut other) = (Profile::of_seed(seed), Profile::of_seed(seed + 1));
            assert_eq!(other.change(&profile.to_string()), Ok(()));
            assert_eq!(other, profile);
        }
        let mut profile = Profile::of_seed(0);
        for wrong in [
            "policy=lifo",
            "policy=pct/0",
            "policy=delays/0",
            "policy=lifo/3",
            "poll=fast",
            "lost=1/2",
            "speed=3",
            "fifo",
        ] {
            assert!(profile.change(wrong).is_err(), "{wrong}");
        }
    }
}
