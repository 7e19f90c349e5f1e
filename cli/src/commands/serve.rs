mod node;
mod report;

use crate::exit_code::ROOT_GAVE_UP;
use crate::signals::EndSignals;
use anyhow::Context as _;
use node::ServedNode;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Serve an app: start its supervision tree and its routes, until Ctrl-C or SIGTERM
///
/// Compiles the components that the app's rusm.toml names (kept for the next time), starts a node with its supervision
/// tree, and serves its routes. Ctrl-C or SIGTERM drains the node: it takes no new connections, lets those that are open
/// finish for at most limits.drain-time, and stops the tree from its leaves up.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// The app's directory: the one with its rusm.toml
    #[arg(default_value = ".", value_name = "DIR")]
    directory: PathBuf,

    /// Where to listen, instead of the manifest's app.listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Where the node keeps its data [default: DIR/.rusm]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    #[command(flatten)]
    membership: Membership,
}

/// As which member of which cluster.
#[derive(clap::Args)]
pub(super) struct Membership {
    /// Be a member of a cluster: the folder that `rusm cluster issue` has made for this node, which takes its name
    #[arg(long, value_name = "DIR", requires = "cluster_listen", help_heading = "Cluster")]
    member: Option<PathBuf>,

    /// Where to listen for other nodes (UDP)
    #[arg(long, value_name = "ADDR", requires = "member", help_heading = "Cluster")]
    cluster_listen: Option<SocketAddr>,

    /// Where the other nodes can reach that, when it is not where it listens
    #[arg(long, value_name = "ADDR", requires = "member", help_heading = "Cluster")]
    cluster_advertise: Option<SocketAddr>,

    /// Where another node listens: it tells of all others; may be given several times, for when one is not there
    #[arg(long, value_name = "ADDR", requires = "member", help_heading = "Cluster")]
    join: Vec<SocketAddr>,
}

const EXAMPLES: &str = "\
Examples:
  rusm serve                                   the app in the current directory
  rusm serve examples/chat --listen 0.0.0.0:80
  rusm serve --listen 127.0.0.1:0 --data /tmp/second-node

Exit codes:
  0  it was asked to stop, and has
  1  it did not start
  2  a flag is wrong
  3  the root supervisor gave up";

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
        let ended = runtime.block_on(self.serve());
        // A compilation that is not wanted any more cannot be stopped: it ends with the process.
        runtime.shutdown_background();
        ended
    }

    async fn serve(self) -> anyhow::Result<ExitCode> {
        let mut signals = EndSignals::catch().context("cannot catch signals")?;
        let data = self.data.unwrap_or_else(|| self.directory.join(".rusm"));
        let node = tokio::select! {
            started = ServedNode::start(&self.directory, self.listen, &data, self.membership) => started?,
            name = signals.next() => {
                tracing::info!("{name}: stopped before it served");
                return Ok(ExitCode::SUCCESS);
            }
        };
        announce(node.app.local_addr());
        tokio::select! {
            reason = node.app.wait() => {
                node.stop().await;
                eprintln!("error: the root supervisor gave up: {reason}. The log says which child ended, and why");
                Ok(ExitCode::from(ROOT_GAVE_UP))
            }
            name = signals.next() => {
                tracing::info!("{name}: draining; once more to stop at once");
                tokio::select! {
                    () = node.stop() => tracing::info!("stopped"),
                    name = signals.next() => tracing::warn!("{name}: stopped at once"),
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Says on standard output that the app is ready.
fn announce(address: Option<SocketAddr>) {
    let line = match address {
        Some(address) => format!("listening on http://{address}"),
        None => "running; the manifest has no routes to listen for".to_owned(),
    };
    let mut out = std::io::stdout().lock();
    // Nobody has to listen to this: a node whose output is closed serves on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
