use super::protocol::{NodeReport, Request, Response};
use super::runtime_dir::RuntimeDir;
use anyhow::Context as _;
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a node may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// A node that answers on its control socket.
pub(crate) struct RunningNode {
    socket: PathBuf,
    /// What it says of itself.
    pub(crate) report: NodeReport,
}

impl RunningNode {
    /// Asks it something.
    ///
    /// # Errors
    /// It does not answer, or not with that.
    pub(crate) fn ask<T: DeserializeOwned>(&self, request: &Request) -> anyhow::Result<T> {
        ask(&self.socket, request).with_context(|| format!("cannot ask node {}", self.report.name))
    }
}

/// The nodes of this user that run on this machine, by name. A socket that a killed node left behind is removed.
///
/// # Errors
/// The sockets cannot be listed.
pub(crate) fn running_nodes(directory: &RuntimeDir) -> anyhow::Result<Vec<RunningNode>> {
    let mut nodes = Vec::new();
    for socket in directory.sockets()? {
        match ask(&socket, &Request::Node) {
            Ok(report) => nodes.push(RunningNode { socket, report }),
            Err(error) if is_refused(&error) => {
                let _ = std::fs::remove_file(&socket);
            }
            Err(error) => tracing::warn!("no answer on {}: {error:#}", socket.display()),
        }
    }
    nodes.sort_by(|a, b| a.report.name.cmp(&b.report.name).then(a.report.os_pid.cmp(&b.report.os_pid)));
    Ok(nodes)
}

/// Nobody listens there any more.
fn is_refused(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

fn ask<T: DeserializeOwned>(socket: &Path, request: &Request) -> anyhow::Result<T> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    anyhow::ensure!(answer.ends_with('\n'), "the node hung up");
    serde_json::from_str::<Response>(&answer)?.read()
}
