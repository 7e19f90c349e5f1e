use super::Membership;
use super::report::Reporter;
use crate::cluster_dir::MemberDir;
use crate::control::{ControlServer, NodeReport, RuntimeDir};
use crate::data_dir::DataDir;
use anyhow::Context as _;
use rusm_core::seam::Seams;
use rusm_core::{Node, NodeOptions};
use rusm_host::app::{App, ListenError, RunningApp, next_incarnation};
use rusm_host::manifest::Manifest;
use rusm_host::{Engine, Host, Profile};
use rusm_transport::proto::Config;
use rusm_transport::quic::{MemberOptions, QuicMember};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// A node of this machine with its app.
pub(super) struct ServedNode {
    pub(super) app: Arc<RunningApp>,
    member: Option<QuicMember>,
    _control: Option<ControlServer>,
    /// Last, so that the data is locked until nothing uses it any more.
    _data: DataDir,
}

impl ServedNode {
    /// What can fail at once comes first: the manifest, the data directory and the address before anything is compiled.
    ///
    /// # Errors
    /// What went wrong and what to do. Nothing is left running.
    pub(super) async fn start(
        directory: &Path,
        listen: Option<SocketAddr>,
        data: &Path,
        membership: Membership,
    ) -> anyhow::Result<Self> {
        let manifest = Manifest::load(directory)?;
        let credentials = membership.member.map(|folder| MemberDir::new(&folder).credentials()).transpose()?;
        let data = DataDir::open(data)?;
        let seams = Seams::production(data.storage());
        let listener = App::listen(&manifest, &seams, listen).await.map_err(|error| explain(error, listen))?;
        let engine = Engine::new(Profile::Production, Some(data.code())).map_err(machine)?;
        let host = Host::new(App::host_options(&manifest, engine, std::env::vars().collect())).map_err(machine)?;
        let app = App::load(manifest, host, &seams, |progress| {
            tracing::info!("loading component {} ({} of {})", progress.component, progress.index, progress.count);
        });
        let app = app.await?;
        let incarnation = next_incarnation(&*seams.storage)
            .with_context(|| format!("cannot count the node's lives in {}", data.path().display()))?;
        let name = match &credentials {
            Some(credentials) => credentials.identity().name.clone(),
            None => app.manifest().app.name.clone(),
        };
        let node = Node::start(NodeOptions { incarnation, ..NodeOptions::new(&name, seams) });
        let member = match (credentials, membership.cluster_listen) {
            (Some(credentials), Some(listen)) => {
                let (advertise, join) = (membership.cluster_advertise, membership.join);
                let options = MemberOptions { listen, credentials, advertise, join, config: Config::default() };
                let member = QuicMember::start(&node, options).map_err(|error| anyhow::anyhow!("{error}"))?;
                tracing::info!(node = name, address = %member.local_addr(), "a member of its cluster");
                Some(member)
            }
            _ => None,
        };
        let app = Arc::new(app.start(&node, listener).await?);
        let report = NodeReport {
            name: name.clone(),
            incarnation,
            os_pid: std::process::id(),
            app: directory.canonicalize().unwrap_or_else(|_| directory.to_owned()),
            data: data.path().to_owned(),
            listen: app.local_addr().map(|address| address.to_string()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let reporter = Reporter { node: report, app: app.clone() };
        let control = RuntimeDir::open().and_then(|directory| ControlServer::start(&directory, &name, reporter));
        if let Err(error) = &control {
            tracing::warn!("`rusm ps` will not see this node: {error:#}");
        }
        tracing::info!(node = name, incarnation, "the node runs");
        Ok(Self { app, member, _control: control.ok(), _data: data })
    }

    /// Drains the app, then leaves the cluster.
    pub(super) async fn stop(self) {
        self.app.stop().await;
        if let Some(member) = self.member {
            member.stop().await;
        }
    }
}

/// Says which flag or key the address came from.
fn explain(error: ListenError, flag: Option<SocketAddr>) -> anyhow::Error {
    let remedy = match flag {
        Some(_) => "change --listen (port 0 takes a free one)",
        None => {
            "choose another address with --listen ADDR (port 0 takes a free one), or change app.listen in rusm.toml"
        }
    };
    anyhow::Error::msg(format!("{error}: {remedy}"))
}

fn machine(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::msg(format!("this machine cannot run WebAssembly: {error:#}"))
}
