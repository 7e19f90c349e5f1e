use super::application::{Application, runtime};
use super::load::App;
use super::processes::{AppProcess, processes};
use crate::manifest::Manifest;
use crate::serve::{Drained, ListenError, Server, ServerHandle};
use rusm_core::seam::{Listener, Seams};
use rusm_core::{ExitReason, Node};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// An app that runs on a node.
pub struct RunningApp {
    app: App,
    node: Node,
    application: Application,
    /// None when the app has no routes.
    server: Option<ServerHandle>,
}

/// Why an app did not start. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The supervision tree did not start: the reason of its root.
    #[error("the app did not start: {0}. The log says which child failed, and why")]
    Tree(ExitReason),
    /// The listener cannot be used.
    #[error("the app's address cannot be used: {0}")]
    Listener(#[from] io::Error),
}

impl App {
    /// Binds the app's address, before anything of it runs: the manifest's, or `instead`. `None` when it has no routes.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn listen(
        manifest: &Manifest,
        seams: &Seams,
        instead: Option<SocketAddr>,
    ) -> Result<Option<Box<dyn Listener>>, ListenError> {
        if manifest.routes.is_empty() {
            return Ok(None);
        }
        let address = instead.unwrap_or(manifest.app.listen);
        let listener = seams.sockets.listen(address).await.map_err(|source| ListenError { address, source })?;
        Ok(Some(listener))
    }

    /// Starts the app on a node: its supervision tree first, and when all of it is up, its routes on that listener.
    ///
    /// # Errors
    /// Why not; nothing of it is left.
    pub async fn start(&self, node: &Node, listener: Option<Box<dyn Listener>>) -> Result<RunningApp, StartError> {
        self.host().register(node);
        let application = Application::start(node, runtime(self.host()), self.supervision_tree(node)).await;
        let application = application.map_err(StartError::Tree)?;
        match listener.map(|listener| self.serve(node, listener)).transpose() {
            Ok(server) => Ok(RunningApp { app: self.clone(), node: node.clone(), application, server }),
            Err(error) => {
                application.stop().await;
                Err(error.into())
            }
        }
    }

    fn serve(&self, node: &Node, listener: Box<dyn Listener>) -> io::Result<ServerHandle> {
        let Manifest { limits, routes, .. } = self.manifest();
        Server::start_on(node.clone(), listener, limits.clone(), routes.clone(), Arc::new(self.host().clone()))
    }
}

impl RunningApp {
    /// What runs.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Where it runs.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Where it listens; `None` when it has no routes.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(ServerHandle::local_addr)
    }

    /// Waits until the root supervisor has given up, or has been stopped, and says why it ended.
    pub async fn wait(&self) -> ExitReason {
        self.application.wait().await
    }

    /// Stops it: drains the server for at most the manifest's `drain-time`, then stops the supervision tree, each child
    /// as its spec says. Stopping what has ended is no error.
    pub async fn stop(&self) -> ExitReason {
        if let Some(server) = &self.server {
            let Drained { processes_killed, connections_cut } =
                server.drain(self.app.manifest().limits.drain_time).await;
            if processes_killed > 0 || connections_cut > 0 {
                tracing::warn!(processes_killed, connections_cut, "the drain time was over before everyone had gone");
            }
        }
        self.application.stop().await
    }

    /// All live processes of its node, by pid.
    pub async fn processes(&self) -> Vec<AppProcess> {
        processes(&self.node, self.app.manifest()).await
    }
}
