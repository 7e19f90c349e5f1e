use super::protocol::{Asked, NodeReport, Request, Response};
use super::runtime_dir::RuntimeDir;
use anyhow::{Context as _, anyhow};
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a node may take to answer, also through another one.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

/// A node that answers on its control socket.
pub(crate) struct RunningNode {
    socket: PathBuf,
    /// What it says of itself.
    pub(crate) report: NodeReport,
}

impl RunningNode {
    /// The node whose control socket that is.
    ///
    /// # Errors
    /// Why it cannot be asked, and what to do.
    pub(crate) fn at(socket: &Path) -> anyhow::Result<Self> {
        let asked = Asked { request: Request::Node, node: None };
        let report = ask(socket, &asked).map_err(|error| explain(socket, error))?;
        Ok(Self { socket: socket.to_owned(), report })
    }

    /// Asks it something, or through it the node of that name.
    ///
    /// # Errors
    /// It does not answer, or not with that.
    pub(crate) fn ask<T: DeserializeOwned>(&self, node: Option<&str>, request: Request) -> anyhow::Result<T> {
        let asked = Asked { request, node: node.map(str::to_owned) };
        ask(&self.socket, &asked).with_context(|| format!("node {}", node.unwrap_or(&self.report.name)))
    }
}

/// The nodes of this user that run on this machine, by name. A socket that a killed node left behind is removed.
///
/// # Errors
/// The sockets cannot be listed.
pub(crate) fn running_nodes(directory: &RuntimeDir) -> anyhow::Result<Vec<RunningNode>> {
    let mut nodes = Vec::new();
    for socket in directory.sockets()? {
        match ask(&socket, &Asked { request: Request::Node, node: None }) {
            Ok(report) => nodes.push(RunningNode { socket, report }),
            Err(error) if kind(&error) == Some(ErrorKind::ConnectionRefused) => {
                let _ = std::fs::remove_file(&socket);
            }
            Err(error) => tracing::warn!("{:#}", explain(&socket, error)),
        }
    }
    nodes.sort_by(|a, b| a.report.name.cmp(&b.report.name).then(a.report.os_pid.cmp(&b.report.os_pid)));
    Ok(nodes)
}

fn kind(error: &anyhow::Error) -> Option<ErrorKind> {
    error.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
}

/// Says what is wrong with a socket that a node should answer on, and what to do.
fn explain(socket: &Path, error: anyhow::Error) -> anyhow::Error {
    let metadata = std::fs::metadata(socket).ok();
    let at = socket.display();
    match (kind(&error), metadata) {
        (Some(ErrorKind::NotFound), _) => {
            anyhow!("there is no {at}: name a node's control socket, or leave --socket out to find the nodes of yours")
        }
        (_, Some(file)) if !file.file_type().is_socket() => anyhow!("{at} is no socket: name a node's control socket"),
        (Some(ErrorKind::PermissionDenied), file) => {
            let owner = file.map_or_else(|| "somebody else".to_owned(), |file| format!("user {}", file.uid()));
            anyhow!("you may not open {at}, which belongs to {owner}: ask as that user or as root")
        }
        (Some(ErrorKind::ConnectionRefused), _) => anyhow!("no node listens at {at} any more"),
        (Some(ErrorKind::WouldBlock | ErrorKind::TimedOut), _) => {
            anyhow!("the node at {at} has not answered within {ANSWER_TIME_MAX:?}: it is stopped or overloaded")
        }
        (Some(_), _) => error.context(format!("cannot ask at {at}")),
        (None, _) => error.context(format!("whoever listens at {at} does not answer as a node of this version")),
    }
}

fn ask<T: DeserializeOwned>(socket: &Path, asked: &Asked) -> anyhow::Result<T> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
    let mut line = serde_json::to_vec(asked)?;
    line.push(b'\n');
    // Whoever refuses the connection may have hung up before it has read: what it said is still there.
    let written = stream.write_all(&line);
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.is_empty() {
        written?;
    }
    anyhow::ensure!(answer.ends_with('\n'), "it hung up");
    serde_json::from_str::<Response>(&answer)?.read()
}
