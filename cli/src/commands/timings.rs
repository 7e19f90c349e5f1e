use anyhow::anyhow;
use rusm_host::manifest::parse_duration;
use rusm_transport::proto::Config;
use std::time::Duration;

/// How soon a node notices what others do. All nodes of a cluster should have the same.
#[derive(clap::Args)]
#[command(next_help_heading = "Timings, the same on all nodes of a cluster")]
pub(super) struct Timings {
    /// Silence until another node counts as lost, 1s to 8m; the other times follow it where they are not given
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = parse_duration)]
    down_after: Duration,

    /// Silence until it is suspected [default: 3/8 of --down-after]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    suspect_after: Option<Duration>,

    /// A sign of life on a connection that has nothing else to send [default: 1/8 of --down-after]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    ping_interval: Option<Duration>,

    /// How often one other member is asked whether it lives [default: 1/8 of --down-after]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    probe_interval: Option<Duration>,

    /// How long it may take before others are asked to ask [default: 3/10 of --probe-interval]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    probe_timeout: Option<Duration>,

    /// How long a member that answers nobody may contradict before all give it up [default: 5/8 of --down-after]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    suspect_for: Option<Duration>,

    /// How often news of members are passed on [default: 1/40 of --down-after]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    gossip_interval: Option<Duration>,

    /// How often members without a connection are dialled [default: 5/8 of --down-after]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    announce_interval: Option<Duration>,

    /// How long a member that is down is remembered, and dialled
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    forget_after: Duration,
}

impl Timings {
    /// # Errors
    /// A time makes no sense, or none beside the others; the flag is named.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::of_down_after(self.down_after);
        let set = |time: &mut Duration, given: Option<Duration>| *time = given.unwrap_or(*time);
        set(&mut config.ping_interval, self.ping_interval);
        set(&mut config.suspect_after, self.suspect_after);
        let membership = &mut config.membership;
        set(&mut membership.probe_interval, self.probe_interval);
        membership.probe_timeout = membership.probe_interval * 3 / 10;
        set(&mut membership.probe_timeout, self.probe_timeout);
        set(&mut membership.suspect_for, self.suspect_for);
        set(&mut membership.gossip_interval, self.gossip_interval);
        set(&mut membership.announce_interval, self.announce_interval);
        membership.forget_after = self.forget_after;
        // Its name is the field's, which is the flag's.
        config.check().map_err(|error| anyhow!("--{} {}", error.name.replace('_', "-"), error.problem))?;
        Ok(config)
    }
}
