use super::build::{chat, code_cache, components, rusm};
use super::client::{self, Answer, WebSocketClient};
use super::upstream::Upstream;
use super::within;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// What differs from test to test in the manifest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AppOptions<'a> {
    /// The lines of `[limits]`.
    pub(crate) limits: &'static str,
    /// `as-child` of the branch with the component that crashes as soon as it is up; without it there is no such branch.
    pub(crate) looper: Option<&'static str>,
    /// A server that the component `streaming` may send requests to; the node trusts its certificate.
    pub(crate) upstream: Option<&'a Upstream>,
}

/// A running node with the app of these tests.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    child: Child,
    log: watch::Receiver<String>,
    place: Arc<Place>,
}

/// A node that was killed.
pub(crate) struct Killed(Arc<Place>);

impl Killed {
    /// Starts it on the same data.
    pub(crate) async fn start_again(self) -> Served {
        Served::start_in(self.0).await
    }
}

/// The file of the certificate authorities that a node trusts.
const AUTHORITIES: &str = "authorities.pem";

/// Where a node runs: on loopback, unless something else is said.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// A network namespace, by its name.
    pub(crate) namespace: Option<String>,
    /// Where it listens, on free ports.
    pub(crate) address: IpAddr,
}

impl Default for Site {
    fn default() -> Self {
        Self { namespace: None, address: Ipv4Addr::LOCALHOST.into() }
    }
}

/// Where an app and its data lie.
struct Place {
    app: PathBuf,
    /// The network namespace that it runs in.
    namespace: Option<String>,
    /// `rusm`'s command, and its flags.
    command: Vec<String>,
    /// The data, and the control sockets.
    data: TempDir,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::start_with(AppOptions::default()).await
    }

    pub(crate) async fn start_with(options: AppOptions<'_>) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(data.path().join("rusm.toml"), manifest(options)).expect("the manifest can be written");
        if let Some(certificate) = options.upstream.and_then(|upstream| upstream.certificate.as_ref()) {
            std::fs::write(data.path().join(AUTHORITIES), certificate).expect("the certificate can be written");
        }
        Self::start_app(data.path().to_owned(), data).await
    }

    /// The chat example.
    pub(crate) async fn start_chat() -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        Self::start_app(chat().to_owned(), data).await
    }

    /// A member of a cluster: the folder that was made for it, and where the others listen.
    pub(crate) async fn start_member(member: &Path, join: &[&Self]) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(data.path().join("rusm.toml"), manifest(AppOptions::default())).expect("it can be written");
        let mut flags = vec!["--cert".to_owned(), member.display().to_string()];
        for other in join {
            flags.extend(["--join".to_owned(), other.cluster_address().await.to_string()]);
        }
        Self::start_at(data.path().to_owned(), data, node_command(&Site::default(), flags)).await
    }

    /// A member of a cluster that has nothing of the app but what answers requests, with these lines in its manifest.
    pub(crate) async fn start_stranger(member: &Path, join: &Self, lines: &str) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let web = components().join("serve_web.wasm");
        let text = format!(
            "app.name = \"stranger\"\n[component.web]\nwasm = {:?}\n[[route]]\npath = \"/*\"\nhttp = \"web\"\n{lines}",
            web.display().to_string()
        );
        std::fs::write(data.path().join("rusm.toml"), text).expect("it can be written");
        let join = join.cluster_address().await.to_string();
        let flags = ["--cert".to_owned(), member.display().to_string(), "--join".to_owned(), join];
        Self::start_at(data.path().to_owned(), data, node_command(&Site::default(), flags.into())).await
    }

    /// A member of a cluster with that app, and these flags of `rusm node` beside those that say where it listens.
    pub(crate) async fn start_node(app: &Path, flags: Vec<String>) -> Self {
        Self::start_node_at(&Site::default(), app, flags).await
    }

    /// The same, there.
    pub(crate) async fn start_node_at(site: &Site, app: &Path, flags: Vec<String>) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        Self::start_there(site, app.to_owned(), data, node_command(site, flags)).await
    }

    /// Where it listens for other nodes.
    pub(crate) async fn cluster_address(&self) -> SocketAddr {
        let line = self.logs(&["a member of its cluster"]).await;
        let (_, address) = line.split_once("address=").expect("it says where it listens");
        address.split(' ').next().expect("an address").parse().expect("an address")
    }

    async fn start_app(app: PathBuf, data: TempDir) -> Self {
        Self::start_at(app, data, ["serve", "--listen", "127.0.0.1:0"].map(str::to_owned).into()).await
    }

    async fn start_at(app: PathBuf, data: TempDir, command: Vec<String>) -> Self {
        Self::start_there(&Site::default(), app, data, command).await
    }

    async fn start_there(site: &Site, app: PathBuf, data: TempDir, command: Vec<String>) -> Self {
        // Compiled once for all tests, as the code does not change.
        std::fs::create_dir_all(code_cache()).expect("a directory for code");
        std::os::unix::fs::symlink(code_cache(), data.path().join("code")).expect("a link to the code");
        Self::start_in(Arc::new(Place { app, namespace: site.namespace.clone(), command, data })).await
    }

    /// Kills the node as a power failure would.
    pub(crate) async fn kill(mut self) {
        self.child.start_kill().expect("it runs");
        within(self.child.wait()).await.expect("it ended");
    }

    /// Kills the node as a power failure would; its data stays.
    pub(crate) async fn killed(self) -> Killed {
        let place = self.place.clone();
        self.kill().await;
        Killed(place)
    }

    /// Kills the node as a power failure would, and starts it again on the same data.
    pub(crate) async fn kill_and_start_again(self) -> Self {
        self.killed().await.start_again().await
    }

    /// What an operator's command says of it.
    pub(crate) async fn rusm(&self, arguments: &[&str]) -> std::process::Output {
        within(command(&self.place).args(arguments).output()).await.expect("rusm can be started")
    }

    async fn start_in(place: Arc<Place>) -> Self {
        let mut child = command(&place)
            .args(&place.command)
            .arg("--data")
            .arg(place.data.path())
            .arg(&place.app)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("rusm can be started");
        let log = collect(child.stderr.take().expect("it is piped"));
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let Some(line) = within(lines.next_line()).await.expect("text") else {
            panic!("the node did not start: {}", log.borrow().as_str());
        };
        let address = line.strip_prefix("listening on http://").expect("the line that says it is ready");
        Self { address: address.parse().expect("an address"), child, log, place }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        within(TcpStream::connect(self.address)).await.expect("it listens")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        within(client::request(self.connect().await, "GET", path, "")).await.expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
        within(client::request(self.connect().await, "POST", path, body)).await.expect("an answer")
    }

    /// A WebSocket to the room of that name; a query may follow it.
    pub(crate) async fn socket(&self, room: &str) -> WebSocketClient {
        self.try_socket(room).await.expect("it is opened")
    }

    pub(crate) async fn try_socket(
        &self,
        room: &str,
    ) -> Result<WebSocketClient, tokio_tungstenite::tungstenite::Error> {
        let url = format!("ws://{}/ws/{room}", self.address);
        let (socket, _) = within(tokio_tungstenite::client_async(url, self.connect().await)).await?;
        Ok(socket)
    }

    /// Waits until the log has a line with all of these.
    pub(crate) async fn logs(&self, parts: &[&str]) -> String {
        let mut log = self.log.clone();
        let found =
            |log: &str| log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned);
        let waiting = async {
            loop {
                if let Some(line) = found(log.borrow_and_update().as_str()) {
                    return line;
                }
                if log.changed().await.is_err() {
                    panic!("the node ended and never logged {parts:?}: {}", log.borrow().as_str());
                }
            }
        };
        within(waiting).await
    }

    /// How many processes of that component live.
    pub(crate) async fn processes(&self, component: &str) -> usize {
        let output = command(&self.place).args(["ps", "--json"]).output();
        let output = within(output).await.expect("rusm can be started");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let listed: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        count(&listed, component)
    }

    /// Waits until so many processes of that component live.
    pub(crate) async fn until_processes(&self, component: &str, wanted: usize) {
        within(async { while self.processes(component).await != wanted {} }).await;
    }

    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal of the operating system, as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let (signal, pid) = (format!("-{signal}"), self.os_pid().to_string());
        let status = std::process::Command::new("kill").args([&signal, &pid]).status();
        assert!(status.expect("kill can be run").success());
    }

    pub(crate) fn os_pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits for the node's end.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let status = within(self.child.wait()).await.expect("it ended");
        // The log ends with the node.
        while within(self.log.changed()).await.is_ok() {}
        let log = self.log.borrow().clone();
        (status, log)
    }
}

fn node_command(site: &Site, flags: Vec<String>) -> Vec<String> {
    let free = SocketAddr::new(site.address, 0).to_string();
    let mut command: Vec<String> = ["node", "--http", &free, "--listen", &free].map(str::to_owned).into();
    command.extend(flags);
    command
}

/// Processes with that component, wherever they stand in the listing.
fn count(listed: &serde_json::Value, component: &str) -> usize {
    match listed {
        serde_json::Value::Array(items) => items.iter().map(|item| count(item, component)).sum(),
        serde_json::Value::Object(fields) => {
            let own = fields.get("component").and_then(serde_json::Value::as_str) == Some(component);
            usize::from(own) + fields.values().map(|value| count(value, component)).sum::<usize>()
        }
        _ => 0,
    }
}

/// `rusm` with a place for control sockets of its own.
fn command(place: &Place) -> Command {
    let mut command = match &place.namespace {
        Some(namespace) => {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", namespace]).arg(rusm());
            command
        }
        None => Command::new(rusm()),
    };
    command.env("XDG_RUNTIME_DIR", place.data.path());
    command.env("SSL_CERT_FILE", place.data.path().join(AUTHORITIES));
    command
}

fn collect(stderr: impl AsyncRead + Unpin + Send + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|log| {
                log.push_str(&line);
                log.push('\n');
            });
        }
    });
    receiver
}

fn manifest(options: AppOptions<'_>) -> String {
    let mut text = format!(
        r#"
[app]
name = "probe"

[supervisor.root]
intensity = 3
period = "5s"
children = ["rooms"{branch}]

[supervisor.rooms]
intensity = 20
children = ["room"]

[child.room]
component = "room"
register = "room"

[limits]
{limits}

[component.web.grants]
reach = ["room", "room@*"]
spawn = ["room@*"]
reach-groups = ["guests"]
key-value = ["notes"]
memory = "16MiB"

[component.room.grants]
join-groups = ["guests"]
memory = "16MiB"

[component.socket.grants]
reach = ["room"]
"#,
        branch = if options.looper.is_some() { ", \"loopers\"" } else { "" },
        limits = options.limits,
    );
    if let Some(as_child) = options.looper {
        text.push_str(&format!(
            "[supervisor.loopers]\nas-child = \"{as_child}\"\nintensity = 2\nchildren = [\"looper\"]\n\
             [child.looper]\ncomponent = \"looper\"\n"
        ));
    }
    if let Some(upstream) = options.upstream {
        let port = upstream.address.port();
        text.push_str(&format!("[component.streaming.grants]\nhttp = [\"127.0.0.1:{port}\", \"localhost:{port}\"]\n"));
    }
    for name in ["web", "streaming", "socket", "events", "room", "looper"] {
        let file = components().join(format!("serve_{name}.wasm"));
        text.push_str(&format!("[component.{name}]\nwasm = {:?}\n", file.display().to_string()));
    }
    for (path, kind, name) in [
        ("/api/*", "http", "web"),
        ("/stream/*", "http", "streaming"),
        ("/ws/{room}", "websocket", "socket"),
        ("/events", "events", "events"),
    ] {
        text.push_str(&format!("[[route]]\npath = {path:?}\n{kind} = {name:?}\n"));
    }
    text
}
