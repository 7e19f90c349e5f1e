use super::timings::Timings;
use super::voters::VoterFlags;
use crate::cluster_dir::MemberDir;
use crate::node::{self, Membership, Options};
use anyhow::ensure;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Run a node of a cluster, with an app or without, until Ctrl-C or SIGTERM
///
/// The node shows every other one the certificate that `rusm cluster issue` has made for it, and has the name in it. With an
/// app it serves what `rusm serve` would; without, it runs what other nodes start on it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Node {
    /// The directory of an app: the one with its rusm.toml
    #[arg(value_name = "APP")]
    app: Option<PathBuf>,

    /// The node's name, to be sure whose certificate it is [default: the one in the certificate]
    #[arg(long)]
    name: Option<String>,

    /// Where to listen for other nodes (UDP); port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,

    /// The folder that `rusm cluster issue` has made for this node
    #[arg(long, value_name = "DIR")]
    cert: PathBuf,

    /// Where the other nodes can dial that, when it is not where it listens
    #[arg(long, value_name = "ADDR")]
    advertise: Option<SocketAddr>,

    /// Where another node listens: it tells of all others; may be given several times, for when one is not there
    #[arg(long, value_name = "ADDR")]
    join: Vec<SocketAddr>,

    /// Where to serve HTTP, instead of the manifest's app.listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", requires = "app")]
    http: Option<SocketAddr>,

    /// Where the node keeps its data [default: .rusm/NAME]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    #[command(flatten)]
    voters: VoterFlags,

    #[command(flatten)]
    timings: Timings,
}

const EXAMPLES: &str = "\
Examples:
  rusm node --listen 10.0.0.1:7400 --cert nodes/a my-app
  rusm node --listen 10.0.0.2:7400 --cert nodes/b --join 10.0.0.1:7400 my-app --http 0.0.0.0:80
  rusm node --name c --listen 10.0.0.3:7400 --cert nodes/c --join 10.0.0.1:7400
  rusm node --listen 10.0.0.1:7400 --cert nodes/a --voters a,b,c my-app    unique names, and singletons
  rusm node --listen 10.0.0.1:7400 --cert nodes/a --down-after 2s    a killed node is noticed after 2 s, not 8

Exit codes:
  0  it was asked to stop, and has
  1  it did not start
  2  a flag is wrong
  3  the root supervisor gave up";

impl Node {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self { app, name, listen, cert, advertise, join, http, data, voters, timings } = self;
        let config = timings.config()?;
        let voters = voters.voters()?;
        let folder = MemberDir::new(&cert);
        let credentials = folder.credentials()?;
        let certified = &credentials.identity().name;
        if let Some(name) = name {
            ensure!(
                name == *certified,
                "{} is for the node {certified}, not for {name}: name that one's folder, or issue one for {name}",
                cert.display()
            );
        }
        let data = data.unwrap_or_else(|| Path::new(".rusm").join(certified));
        let membership = Some(Membership { folder, credentials, listen, advertise, join, config, voters });
        node::run(Options { app, http, http_flag: "--http", data, membership })
    }
}
