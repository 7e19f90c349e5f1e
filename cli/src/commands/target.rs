use crate::control::{Request, RunningNode, RuntimeDir, running_nodes};
use anyhow::bail;
use serde::de::DeserializeOwned;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Which node a command is about, and through which node of this machine it is asked.
#[derive(clap::Args)]
pub(super) struct Target {
    /// The node: one of yours on this machine, or through it another one of its cluster
    #[arg(long, value_name = "NAME")]
    node: Option<String>,

    /// Through which node of this machine to ask, when several run
    #[arg(long, value_name = "NAME", conflicts_with = "socket")]
    via: Option<String>,

    /// The same by its data directory, when several have one name
    #[arg(long, value_name = "DIR", conflicts_with = "socket")]
    data: Option<PathBuf>,

    /// The same by its control socket, when it is not in your own runtime directory
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// A node that can be asked.
pub(super) struct Node {
    local: RunningNode,
    /// When it is another than that one.
    other: Option<String>,
}

impl Node {
    /// # Errors
    /// It does not answer, or not with that.
    pub(super) fn ask<T: DeserializeOwned>(&self, request: Request) -> anyhow::Result<T> {
        self.local.ask(self.other.as_deref(), request)
    }
}

impl Target {
    /// The one node that is meant.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(super) fn find(&self) -> anyhow::Result<Node> {
        let nodes = match &self.socket {
            Some(socket) => vec![RunningNode::at(socket)?],
            None => running_nodes(&RuntimeDir::open()?)?,
        };
        self.choose(nodes)
    }

    fn choose(&self, nodes: Vec<RunningNode>) -> anyhow::Result<Node> {
        if nodes.is_empty() {
            bail!("no node of yours runs on this machine: start one with `rusm serve DIR` or `rusm node`");
        }
        let data = self.data.as_ref().map(|data| data.canonicalize().unwrap_or_else(|_| data.clone()));
        let is_meant = |node: &RunningNode| {
            self.via.as_ref().is_none_or(|name| *name == node.report.name)
                && data.as_ref().is_none_or(|data| *data == node.report.data)
        };
        let (mut meant, others): (Vec<_>, Vec<_>) = nodes.into_iter().partition(is_meant);
        if let Some(name) = &self.node
            && meant.iter().any(|node| node.report.name == *name)
        {
            meant.retain(|node| node.report.name == *name);
        } else if self.node.is_some() && meant.iter().any(|node| node.report.cluster.is_some()) {
            // Only a member of a cluster knows other nodes.
            meant.retain(|node| node.report.cluster.is_some());
        } else if self.node.is_some() {
            bail!("no such node runs on this machine, and none that could ask it; these do:\n{}", list(&meant));
        }
        match meant.len() {
            0 => bail!("no such node runs; these do:\n{}", list(&others)),
            1 => {
                let local = meant.remove(0);
                let other = self.node.clone().filter(|name| *name != local.report.name);
                Ok(Node { local, other })
            }
            _ => bail!("several nodes run: choose one with --node, --via or --data\n{}", list(&meant)),
        }
    }
}

fn list(nodes: &[RunningNode]) -> String {
    nodes.iter().fold(String::new(), |mut text, node| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "  {}, data {}", describe(&node.report), node.report.data.display());
        text
    })
}

/// `chat  http://127.0.0.1:8080  examples/chat  process 123`
pub(super) fn describe(report: &crate::control::NodeReport) -> String {
    let listen = report.listen.as_ref().map_or("no routes".to_owned(), |address| format!("http://{address}"));
    let app = report.app.as_ref().map_or("no app".to_owned(), |app| app.display().to_string());
    format!("{}  {listen}  {app}  process {}", report.name, report.os_pid)
}
