use super::protocol::{Asked, REQUEST_LEN_MAX, Response};
use super::runtime_dir::{RuntimeDir, close_to_others, own_uid};
use anyhow::Context as _;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};

/// How long a client may take for its request or for reading the answer.
const CLIENT_TIME_MAX: Duration = Duration::from_secs(10);

/// Answers requests.
pub(crate) trait Responder: Send + Sync + 'static {
    /// The answer.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn respond(&self, asked: Asked) -> impl Future<Output = Result<serde_json::Value, String>> + Send;
}

/// A node's control socket. It is closed and removed when this is dropped.
pub(crate) struct ControlServer {
    path: PathBuf,
    accepting: tokio::task::JoinHandle<()>,
}

impl ControlServer {
    /// Listens for that node, on the current runtime.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub(crate) fn start(directory: &RuntimeDir, node: &str, responder: impl Responder) -> anyhow::Result<Self> {
        let path = directory.socket(node, std::process::id());
        // One of the same process number can only be left over from a node that was killed.
        let _ = std::fs::remove_file(&path);
        let make = || -> std::io::Result<UnixListener> {
            let listener = UnixListener::bind(&path)?;
            close_to_others(&path)?;
            Ok(listener)
        };
        let listener = make().with_context(|| format!("cannot make the control socket {}", path.display()))?;
        let accepting = tokio::spawn(accept(listener, own_uid(), Arc::new(responder)));
        Ok(Self { path, accepting })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, uid: u32, responder: Arc<impl Responder>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let responder = responder.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve(stream, uid, &*responder).await {
                        tracing::debug!(%error, "a control connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Answers the requests of one client, until it hangs up.
async fn serve(stream: UnixStream, uid: u32, responder: &impl Responder) -> anyhow::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let (reader, mut writer) = stream.into_split();
    if !may_ask(peer, uid) {
        let refused =
            Response::Error(format!("user {peer} may not ask this node: only user {uid}, who started it, and root"));
        return write(&mut writer, &refused).await;
    }
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(REQUEST_LEN_MAX);
        tokio::time::timeout(CLIENT_TIME_MAX, limited.read_until(b'\n', &mut line)).await??;
        if line.is_empty() {
            return Ok(());
        }
        let response = match serde_json::from_slice(&line) {
            Ok(asked) => responder.respond(asked).await.into(),
            Err(error) => Response::Error(format!("this is no request that rusm {VERSION} knows: {error}")),
        };
        write(&mut writer, &response).await?;
        anyhow::ensure!(line.ends_with(b"\n"), "a request was not ended");
    }
}

/// Whoever started the node, and root.
fn may_ask(peer: u32, owner: u32) -> bool {
    peer == owner || peer == 0
}

async fn write(writer: &mut OwnedWriteHalf, response: &Response) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    Ok(tokio::time::timeout(CLIENT_TIME_MAX, writer.write_all(&line)).await??)
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    use super::may_ask;

    #[test]
    fn only_the_owner_and_root_may_ask() {
        let check =
            |peer: u32, owner: u32, expected: bool| assert_eq!(may_ask(peer, owner), expected, "{peer} {owner}");
        check(1000, 1000, true);
        check(0, 1000, true);
        check(1001, 1000, false);
        check(1000, 0, false);
    }
}
