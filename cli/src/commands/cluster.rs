use super::output::{print, print_json};
use super::target::Target;
use crate::cluster_dir::{ClusterDir, now};
use crate::control::{ReloadReport, Request};
use rusm_transport::quic::{Inspected, Revocations};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Make a cluster's authority, and the certificates of its nodes
///
/// A cluster is whom one authority has given a certificate: both sides of every connection show theirs. The authority's
/// folder makes members, so keep it off the nodes; a node needs only the folder that `issue` makes for it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cluster {
    #[command(subcommand)]
    action: Action,

    /// The folder of the authority
    #[arg(long, global = true, value_name = "DIR", default_value = "cluster")]
    dir: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  rusm cluster init                    make an authority in ./cluster
  rusm cluster issue a                 make cluster/nodes/a, to copy to the node a
  rusm node --listen 10.0.0.1:7400 --cert cluster/nodes/a my-app
  rusm node --listen 10.0.0.2:7400 --cert cluster/nodes/b --join 10.0.0.1:7400 my-app
  rusm cluster show                    who has a certificate, and until when it counts
  rusm cluster revoke b                b's certificates count no more: cluster/revoked.pem says so
  rusm cluster reload                  a node that runs here takes in what is new in its folder";

#[derive(clap::Subcommand)]
enum Action {
    /// Make a new authority
    Init {
        /// How long its certificate counts
        #[arg(long, value_name = "DAYS", default_value_t = 3650)]
        days: u32,
    },
    /// Make the certificate of a node
    Issue {
        /// The node's name: lower-case letters, digits and `-`
        node: String,
        /// How long it counts
        #[arg(long, value_name = "DAYS", default_value_t = 365)]
        days: u32,
    },
    /// Make a new certificate and key of a node that has one
    Rotate {
        /// The node's name
        node: String,
        /// How long it counts
        #[arg(long, value_name = "DAYS", default_value_t = 365)]
        days: u32,
    },
    /// Make all certificates that a node has ever had count no more
    ///
    /// The list of those that do not is signed by the authority. One running node that takes it in hands it to all others, and
    /// each closes its connections with the node.
    Revoke {
        /// The node's name
        node: String,
    },
    /// Have a running node take in what is new in its folder: its certificate, and who is revoked
    ///
    /// What there is goes on: connections are closed only with nodes whose certificate is revoked.
    Reload {
        #[command(flatten)]
        target: Target,

        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show who has a certificate
    Show,
}

impl Cluster {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Init { days } => {
                ClusterDir::init(&self.dir, of_days(days))?;
                println!(
                    "{} is the authority of a new cluster. Whoever has this folder can make members.",
                    self.dir.display()
                );
                println!("next: rusm cluster issue NODE{}", flag(&self.dir));
            }
            Action::Issue { node, days } => {
                let folder = ClusterDir::open(&self.dir)?.issue(&node, of_days(days))?;
                println!("{} is all that the node {node} needs. Copy it there, and to nobody else.", folder.display());
                println!("next: rusm node --listen ADDR --cert {} [--join ADDR] [APP]", folder.display());
            }
            Action::Rotate { node, days } => {
                let folder = ClusterDir::open(&self.dir)?.rotate(&node, of_days(days))?;
                println!("{} has a new certificate. Copy it to the node.", folder.display());
                println!("next, where the node runs: rusm cluster reload");
            }
            Action::Revoke { node } => {
                let (list, certificates) = ClusterDir::open(&self.dir)?.revoke(&node)?;
                println!("{} certificates of {node} count no more: {} says so.", certificates, list.display());
                println!("next: copy it into the folder of any running node, and there: rusm cluster reload");
            }
            Action::Reload { target, json } => {
                let report: ReloadReport = target.find()?.ask(Request::Reload)?;
                if json {
                    print_json(&report)?;
                } else {
                    print(&describe(&report, now()))?;
                }
            }
            Action::Show => show(&self.dir)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(dir: &Path) -> anyhow::Result<()> {
    let cluster = ClusterDir::open(dir)?;
    let (members, revocations) = (cluster.members()?, cluster.revocations()?);
    if members.is_empty() {
        println!("nobody has a certificate yet: rusm cluster issue NODE{}", flag(dir));
        return Ok(());
    }
    println!("{:<24} CERTIFICATE", "NODE");
    for (folder, inspected) in members {
        match inspected {
            Ok(certificate) => {
                println!("{:<24} {}", certificate.holder.name, state(&certificate, revocations.as_ref(), now()));
            }
            Err(error) => println!("{folder:<24} cannot be read: {error:#}"),
        }
    }
    Ok(())
}

/// What a certificate is worth, in words.
fn state(certificate: &Inspected, revocations: Option<&Revocations>, now: Duration) -> String {
    if revocations.is_some_and(|revocations| revocations.serials().contains(&certificate.serial)) {
        return "revoked".to_owned();
    }
    counts(certificate.until, now)
}

fn describe(report: &ReloadReport, now: Duration) -> String {
    let until = counts(Duration::from_secs(report.certificate_until), now);
    let revoked = match (report.revocations, report.revocations_new) {
        (None, _) => "nobody is revoked".to_owned(),
        (Some(number), true) => format!("list {number} of revoked certificates is new, and handed on"),
        (Some(number), false) => format!("list {number} of revoked certificates was known"),
    };
    format!("the node's certificate {until}\n{revoked}\n")
}

/// How long a certificate counts yet, in words.
fn counts(until: Duration, now: Duration) -> String {
    match until.checked_sub(now) {
        Some(left) => format!("counts for {} days", left.as_secs() / 86_400),
        None => format!("expired {} days ago", (now - until).as_secs() / 86_400),
    }
}

fn of_days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}

/// The flag that leads to the folder, when it is not where it usually is.
fn flag(dir: &Path) -> String {
    if dir == Path::new("cluster") { String::new() } else { format!(" --dir {}", dir.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_in_whole_days() {
        let day = 86_400;
        let check = |until: u64, now: u64, expected: &str| {
            assert_eq!(counts(Duration::from_secs(until), Duration::from_secs(now)), expected);
        };
        check(10 * day, 7 * day, "counts for 3 days");
        check(10 * day, 10 * day, "counts for 0 days");
        check(7 * day, 10 * day, "expired 3 days ago");
    }
}
