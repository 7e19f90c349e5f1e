use super::answers::Answers;
use super::elsewhere;
use super::member::Member;
use super::unique::{NO_VOTERS, Unique};
use crate::cluster_dir::MemberDir;
use crate::commands::Voters;
use crate::control::{ControlServer, NodeReport, RuntimeDir};
use crate::data_dir::DataDir;
use anyhow::{Context as _, bail, ensure};
use rusm_core::seam::Seams;
use rusm_core::{NoUniqueNames, Node, NodeOptions};
use rusm_host::app::{App, ListenError, RunningApp, next_incarnation};
use rusm_host::manifest::{MANIFEST_FILE, Manifest};
use rusm_host::{Engine, Host, Profile};
use rusm_transport::proto::Config;
use rusm_transport::quic::Credentials;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to start.
pub(crate) struct Options {
    /// The app's directory; without one the node runs what others start on it.
    pub(crate) app: Option<PathBuf>,
    /// Where to serve HTTP, instead of the manifest's address.
    pub(crate) http: Option<SocketAddr>,
    /// The flag that says so, for those who have to change it.
    pub(crate) http_flag: &'static str,
    /// Where the node keeps its data.
    pub(crate) data: PathBuf,
    /// As which member of which cluster.
    pub(crate) membership: Option<Membership>,
}

/// As which member of which cluster.
pub(crate) struct Membership {
    /// Where the credentials lie.
    pub(crate) folder: MemberDir,
    pub(crate) credentials: Credentials,
    /// UDP.
    pub(crate) listen: SocketAddr,
    /// Where the others can dial that, when it is not where it listens.
    pub(crate) advertise: Option<SocketAddr>,
    /// Where other nodes listen.
    pub(crate) join: Vec<SocketAddr>,
    /// Limits and times.
    pub(crate) config: Config,
    /// Who decides on unique names; without them there are none.
    pub(crate) voters: Option<Voters>,
}

/// A node of this machine with its app.
pub(super) struct StartedNode {
    pub(super) app: Arc<RunningApp>,
    /// Otherwise `app` is an empty one.
    pub(super) has_app: bool,
    member: Option<Arc<Member>>,
    _control: Option<ControlServer>,
    /// Last, so that the data is locked until nothing uses it any more.
    _data: DataDir,
}

impl StartedNode {
    /// What can fail at once comes first: the manifest, the data directory and the address before anything is compiled.
    ///
    /// # Errors
    /// What went wrong and what to do. Nothing is left running.
    pub(super) async fn start(options: Options) -> anyhow::Result<Self> {
        let Options { app: directory, http, http_flag, data, membership } = options;
        let manifest = match &directory {
            Some(directory) => Manifest::load(directory)?,
            None => Manifest::parse(Path::new(MANIFEST_FILE), "app.name = \"none\"")?,
        };
        let data = DataDir::open(&data)?;
        let seams = Seams::production(data.storage());
        let listener = App::listen(&manifest, &seams, http).await.map_err(|error| explain(error, http, http_flag))?;
        let engine = Engine::new(Profile::Production, Some(data.code())).map_err(machine)?;
        let unique = membership.as_ref().and_then(|membership| membership.voters.as_ref()).map(Unique::new);
        let singleton = manifest.children.values().find(|child| child.singleton.is_some());
        if let (Some(child), true, None) = (singleton, membership.is_some(), &unique) {
            bail!("child.{} is a singleton, and {NO_VOTERS}", child.name);
        }
        let mut host = App::host_options(&manifest, engine, std::env::vars().collect());
        host.hand_out_code = membership.is_some();
        let host = Host::new(host).map_err(machine)?;
        let app = App::load(manifest, host, &seams, |progress| {
            tracing::info!("loading component {} ({} of {})", progress.component, progress.index, progress.count);
        });
        let app = app.await?;
        let incarnation = next_incarnation(&*seams.storage)
            .with_context(|| format!("cannot count the node's lives in {}", data.path().display()))?;
        let name = match &membership {
            Some(membership) => membership.credentials.identity().name.clone(),
            None => app.manifest().app.name.clone(),
        };
        let node = Node::start(NodeOptions { incarnation, ..NodeOptions::new(&name, seams) });
        let member = membership.map(|membership| Member::start(&node, membership).map(Arc::new)).transpose()?;
        match &unique {
            Some(unique) => unique.start(&node).await?,
            None if member.is_some() => node.set_unique_names(Arc::new(NoUniqueNames(NO_VOTERS.to_owned()))),
            // It is in no cluster: what is unique on it is unique.
            None => {}
        }
        let app = Arc::new(app.start(&node, listener).await?);
        let report = NodeReport {
            name: name.clone(),
            incarnation,
            os_pid: std::process::id(),
            app: directory.as_ref().map(|directory| directory.canonicalize().unwrap_or_else(|_| directory.clone())),
            data: data.path().to_owned(),
            listen: app.local_addr().map(|address| address.to_string()),
            cluster: member.as_ref().map(|member| member.quic.local_addr().to_string()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let answers = Answers { node: report, app: app.clone(), member: member.clone(), unique };
        if member.is_some() {
            let started = elsewhere::answer_others(&node, answers.clone()).await;
            ensure!(started.is_ok(), "the node does not answer other nodes: {started:?}");
        }
        let control = RuntimeDir::open().and_then(|directory| ControlServer::start(&directory, &name, answers));
        if let Err(error) = &control {
            tracing::warn!("`rusm ps` will not see this node: {error:#}");
        }
        tracing::info!(node = name, incarnation, "the node runs");
        Ok(Self { app, has_app: directory.is_some(), member, _control: control.ok(), _data: data })
    }

    /// Drains the app, then leaves the cluster.
    pub(super) async fn stop(self) {
        self.app.stop().await;
        if let Some(member) = &self.member {
            member.quic.stop().await;
        }
    }
}

/// Says which flag or key the address came from.
fn explain(error: ListenError, given: Option<SocketAddr>, flag: &str) -> anyhow::Error {
    let remedy = match given {
        Some(_) => format!("change {flag} (port 0 takes a free one)"),
        None => {
            format!(
                "choose another address with {flag} ADDR (port 0 takes a free one), or change app.listen in rusm.toml"
            )
        }
    };
    anyhow::Error::msg(format!("{error}: {remedy}"))
}

fn machine(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::msg(format!("this machine cannot run WebAssembly: {error:#}"))
}
