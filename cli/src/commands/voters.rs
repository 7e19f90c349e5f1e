use anyhow::ensure;
use rusm_host::manifest::parse_duration;
use rusm_transport::quic::is_node_name;
use std::collections::BTreeSet;
use std::time::Duration;

/// Who decides on unique names. All nodes of a cluster should have the same.
#[derive(clap::Args)]
#[command(next_help_heading = "Unique names, the same on all nodes of a cluster")]
pub(super) struct VoterFlags {
    /// The 3, 5 or 7 nodes that decide who has a unique name, and which node runs a singleton; this node votes when it is one of them.
    /// They are the same for ever
    #[arg(long, value_name = "NAME,NAME,NAME", value_delimiter = ',')]
    voters: Vec<String>,

    /// How long a unique name is nobody's after its holder's node was lost, 2s to 1h
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = parse_duration)]
    lease_time: Duration,
}

/// The shortest and the longest lease.
const LEASE_TIME: std::ops::RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(3_600);

/// Who decides on unique names, and for how long a lease counts that is not renewed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Voters {
    pub(crate) names: Vec<String>,
    pub(crate) lease_time: Duration,
}

impl VoterFlags {
    /// # Errors
    /// They cannot decide, and what to do.
    pub(super) fn voters(self) -> anyhow::Result<Option<Voters>> {
        let Self { voters: names, lease_time } = self;
        if names.is_empty() {
            return Ok(None);
        }
        for name in &names {
            ensure!(is_node_name(name), "--voters: {name:?} is no node's name");
        }
        let count = names.len();
        let distinct: BTreeSet<&String> = names.iter().collect();
        ensure!(distinct.len() == count, "--voters names a node twice: name 3, 5 or 7 different ones");
        ensure!(
            count >= 3,
            "--voters: fewer than 3 cannot bear the loss of one, as a majority decides: name 3, 5 or 7 nodes, the same on all of them"
        );
        ensure!(
            count % 2 == 1,
            "--voters: {count} bear the loss of no more nodes than {} do, as a majority decides: name 3, 5 or 7 nodes, the same on all \
             of them",
            count - 1
        );
        ensure!(count <= 7, "--voters: with {count} each name waits for {} disks: name 3, 5 or 7 nodes", count / 2 + 1);
        ensure!(LEASE_TIME.contains(&lease_time), "--lease-time is from 2s to 1h");
        Ok(Some(Voters { names, lease_time }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(names: &str, lease_secs: u64) -> anyhow::Result<Option<Voters>> {
        let voters = names.split_terminator(',').map(str::to_owned).collect();
        VoterFlags { voters, lease_time: Duration::from_secs(lease_secs) }.voters()
    }

    #[test]
    fn an_odd_number_of_different_nodes_decides() {
        for names in ["a,b,c", "a,b,c,d,e", "a,b,c,d,e,f,g"] {
            let voters = voters(names, 15).expect(names).expect("they are some");
            assert_eq!(voters.names.join(","), names);
        }
        assert_eq!(voters("", 15).expect("none is no error"), None);
    }

    #[test]
    fn who_cannot_decide_is_told_what_to_do() {
        let check = |names: &str, lease_secs: u64, why: &str| {
            let error = voters(names, lease_secs).expect_err(names).to_string();
            assert!(error.contains(why), "{names}: {error}");
        };
        check("a", 15, "fewer than 3");
        check("a,b", 15, "fewer than 3");
        check("a,b,c,d", 15, "no more nodes than 3 do");
        check("a,b,c,d,e,f,g,h,i", 15, "name 3, 5 or 7");
        check("a,b,b", 15, "twice");
        check("a,b,C d", 15, "\"C d\" is no node's name");
        check("a,b,c", 1, "2s to 1h");
        check("a,b,c", 3_601, "2s to 1h");
    }
}
