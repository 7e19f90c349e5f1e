use crate::node::{self, Options};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Serve an app: start its supervision tree and its routes, until Ctrl-C or SIGTERM
///
/// Compiles the components that the app's rusm.toml names (kept for the next time), starts a node with its supervision
/// tree, and serves its routes. Ctrl-C or SIGTERM drains the node: it takes no new connections, lets those that are open
/// finish for at most limits.drain-time, and stops the tree from its leaves up. A node of a cluster is started with `rusm
/// node`.
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
        let data = self.data.unwrap_or_else(|| self.directory.join(".rusm"));
        node::run(Options {
            app: Some(self.directory),
            http: self.listen,
            http_flag: "--listen",
            data,
            membership: None,
        })
    }
}
