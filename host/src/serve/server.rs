use super::active::{Active, Phase, reached};
use super::connection;
use super::date::Date;
use super::handlers::Handlers;
use super::refusal::{BUSY, Refusal};
use super::routes::Routes;
use crate::manifest::{Limits, Route};
use crate::watched::Watched;
use http::StatusCode;
use rusm_core::seam::{BoxFuture, ByteStream, Listener};
use rusm_core::{ExitReason, Node, Pid, ProcessBody, SpawnOptions};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

/// The first wait after an accept has failed, for example because descriptors ran out; each further one is twice as
/// long, up to [`ACCEPT_PAUSE_MAX`].
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// How many connections above the limit are told so at one time; more are cut without a word.
const BUSY_ANSWERS_MAX: u32 = 64;
/// How long such a connection has to ask and to take its answer.
const BUSY_ANSWER_TIME: Duration = Duration::from_secs(2);

/// What to serve, and where.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What one client may take.
    pub limits: Limits,
    /// Which component serves which path.
    pub routes: Vec<Route>,
}

/// The address cannot be listened on. Nothing was started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// The HTTP/1.1 server of a node: routes requests, WebSockets and event streams to processes of their own.
pub struct Server;

/// A running server. It serves until [`drain`](Self::drain), also when this is dropped.
pub struct ServerHandle {
    shared: Arc<Shared>,
    local_addr: SocketAddr,
}

/// What was left when `drain-time` was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Processes that were killed.
    pub processes_killed: usize,
    /// Connections that were cut.
    pub connections_cut: u32,
}

impl Server {
    /// Listens, and starts to serve on the node's executor.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(
        node: Node,
        options: ServeOptions,
        handlers: Arc<dyn Handlers>,
    ) -> Result<ServerHandle, ListenError> {
        let address = options.listen;
        let failed = |source| ListenError { address, source };
        let listener = node.seams().sockets.listen(address).await.map_err(failed)?;
        let ServeOptions { limits, routes, .. } = options;
        Self::start_on(node, listener, limits, routes, handlers).map_err(failed)
    }

    /// The same on a listener that was bound before.
    ///
    /// # Errors
    /// The listener does not know its address.
    pub fn start_on(
        node: Node,
        listener: Box<dyn Listener>,
        limits: Limits,
        routes: Vec<Route>,
        handlers: Arc<dyn Handlers>,
    ) -> io::Result<ServerHandle> {
        let local_addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            node,
            handlers,
            routes: Routes::new(routes),
            limits,
            active: Arc::default(),
            phase: Watched::new(Phase::Serving),
            date: Date::default(),
            busy_answers: AtomicU32::new(0),
        });
        shared.node.seams().executor.spawn(Box::pin(accept_all(shared.clone(), listener)));
        Ok(ServerHandle { shared, local_addr })
    }
}

impl ServerHandle {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Connections that are open now.
    pub fn connections(&self) -> u32 {
        self.shared.active.connections()
    }

    /// Stops: takes no new connections, closes idle ones, lets requests under way be answered, closes WebSockets with
    /// 1001 and event streams at their end. After `deadline` it kills the processes and cuts the connections that are
    /// left. Returns when nothing is left.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        let Shared { phase, active, node, .. } = &*self.shared;
        phase.update(|phase| *phase = Phase::Draining);
        tokio::select! {
            biased;
            () = active.idle() => return Drained::default(),
            () = self.shared.sleep(deadline) => {}
        }
        let (processes_killed, connections_cut) = active.kill(node);
        phase.update(|phase| *phase = Phase::Cutting);
        active.idle().await;
        Drained { processes_killed, connections_cut }
    }
}

/// What the parts of one server have in common.
pub(super) struct Shared {
    pub(super) node: Node,
    pub(super) handlers: Arc<dyn Handlers>,
    pub(super) routes: Routes,
    pub(super) limits: Limits,
    pub(super) active: Arc<Active>,
    pub(super) phase: Watched<Phase>,
    pub(super) date: Date,
    busy_answers: AtomicU32,
}

impl Shared {
    pub(super) fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let clock = &self.node.seams().clock;
        clock.sleep_until(clock.now() + duration)
    }

    /// Spawns a process of the server, labelled with its component.
    pub(super) fn spawn(&self, component: &str, body: Result<ProcessBody, ExitReason>) -> Result<Pid, Refusal> {
        let body = body.map_err(|reason| {
            tracing::error!(component, %reason, "no process can be started for a request");
            Refusal::NotStarted
        })?;
        let options = SpawnOptions { label: component.to_owned(), ..SpawnOptions::default() };
        Ok(self.node.spawn_with(options, self.active.track(body)).pid)
    }

    /// Waits for a process to accept its connection.
    pub(super) async fn decided(&self, decided: oneshot::Receiver<Result<(), StatusCode>>) -> Result<(), Refusal> {
        tokio::select! {
            biased;
            decided = decided => match decided {
                Ok(Ok(())) => Ok(()),
                Ok(Err(status)) => Err(Refusal::Status(status)),
                Err(_) => Err(Refusal::Crashed),
            },
            () = self.sleep(self.limits.request_time) => Err(Refusal::TimedOut),
        }
    }

    /// Waits for a process that has been told to end; kills it after `request-time`.
    pub(super) async fn ends_in_time(&self, pid: Pid, ended: impl Future<Output = ()>) {
        tokio::pin!(ended);
        tokio::select! {
            biased;
            () = &mut ended => return,
            () = self.sleep(self.limits.request_time) => {}
        }
        self.node.exit_signal(pid, ExitReason::KILL);
        ended.await;
    }
}

/// Takes connections until the server drains. Nothing else ends it.
async fn accept_all(shared: Arc<Shared>, listener: Box<dyn Listener>) {
    let mut pause = ACCEPT_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = reached(&shared.phase, Phase::Draining) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = ACCEPT_PAUSE;
                match shared.active.connect(shared.limits.connections) {
                    Some(guard) => {
                        let serving = connection::serve(shared.clone(), stream, peer, guard);
                        shared.node.seams().executor.spawn(Box::pin(serving));
                    }
                    None => say_busy(&shared, stream),
                }
            }
            Err(error) => {
                if pause == ACCEPT_PAUSE {
                    tracing::warn!(%error, "a connection could not be accepted; going on");
                }
                tokio::select! {
                    biased;
                    () = reached(&shared.phase, Phase::Draining) => return,
                    () = shared.sleep(pause) => {}
                }
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
            }
        }
    }
}

/// Answers a connection above the limit, as long as not too many of them are being answered.
fn say_busy(shared: &Arc<Shared>, mut stream: Box<dyn ByteStream>) {
    if shared.busy_answers.fetch_add(1, Ordering::Relaxed) >= BUSY_ANSWERS_MAX {
        shared.busy_answers.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let shared = shared.clone();
    let executor = shared.node.seams().executor.clone();
    executor.spawn(Box::pin(async move {
        let answer = async {
            let mut request = [0; 512];
            // A client that has not asked yet would take an answer for a mistake.
            let asked = matches!(stream.read(&mut request).await, Ok(1..));
            if asked && stream.write_all(BUSY).await.is_ok() && stream.shutdown().await.is_ok() {
                // Closing before all was read would reset the connection, and the answer be lost.
                while let Ok(1..) = stream.read(&mut request).await {}
            }
        };
        tokio::select! {
            biased;
            () = answer => {}
            () = shared.sleep(BUSY_ANSWER_TIME) => {}
        }
        shared.busy_answers.fetch_sub(1, Ordering::Relaxed);
    }));
}
