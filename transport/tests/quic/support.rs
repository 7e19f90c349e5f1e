use parking_lot::Mutex;
use rusm_core::seam::Seams;
use rusm_core::{CallError, Context, Destination, Encoding, Message, Node, NodeId, NodeOptions, Payload, Term};
use rusm_transport::proto::{Config, Identity, Role};
use rusm_transport::quic::{Authority, Credentials, Issued, MemberOptions, QuicMember};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// More than anything here takes on the slowest machine.
pub(crate) const BOUND: Duration = Duration::from_secs(120);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) async fn within<T>(job: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, job).await {
        Ok(done) => done,
        Err(_) => panic!("it has not happened within {BOUND:?}"),
    }
}

pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970")
}

pub(crate) fn authority() -> Authority {
    Authority::new(now(), 365 * DAY).expect("an authority")
}

pub(crate) fn issue(authority: &Authority, name: &str) -> Issued {
    let holder = Identity { name: name.to_owned(), role: Role::Node };
    authority.issue(&holder, now(), DAY).expect("a certificate")
}

pub(crate) fn credentials(authority: &Authority, issued: &Issued) -> Credentials {
    Credentials::of_pem(authority.certificate(), &issued.certificate, &issued.key).expect("they fit together")
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A node, and what it is a member with.
pub(crate) struct Member {
    pub(crate) node: Node,
    pub(crate) member: QuicMember,
    /// Its storage.
    pub(crate) directory: Arc<TempDir>,
}

impl Member {
    pub(crate) fn start(authority: &Authority, name: &str, join: &[SocketAddr]) -> Self {
        Self::start_with(name, credentials(authority, &issue(authority, name)), join)
    }

    pub(crate) fn start_with(name: &str, credentials: Credentials, join: &[SocketAddr]) -> Self {
        Self::start_at(loopback(), name, credentials, join)
    }

    pub(crate) fn start_at(listen: SocketAddr, name: &str, credentials: Credentials, join: &[SocketAddr]) -> Self {
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        Self::start_in(directory, listen, name, credentials, join)
    }

    /// With the storage of an earlier life.
    pub(crate) fn start_in(
        directory: Arc<TempDir>,
        listen: SocketAddr,
        name: &str,
        credentials: Credentials,
        join: &[SocketAddr],
    ) -> Self {
        let node = node_in(directory.path(), name);
        let options =
            MemberOptions { listen, credentials, advertise: None, join: join.to_vec(), config: Config::default() };
        let member = QuicMember::start(&node, options).expect("a free port");
        Self { node, member, directory }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.member.local_addr()
    }

    /// Asks the echo of another node.
    pub(crate) async fn ask(&self, node: &str, text: &str) -> Result<String, CallError> {
        let Payload::Term(term) = within(self.node.call(echo_at(node), text_term(text), BOUND)).await? else {
            panic!("another node sends terms");
        };
        Ok(String::from_utf8(term.bytes.to_vec()).expect("text"))
    }

    /// Asks until it can be reached.
    pub(crate) async fn ask_until_answered(&self, node: &str, text: &str) -> String {
        let asking = async {
            loop {
                match self.ask(node, text).await {
                    Ok(answer) => return answer,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        within(asking).await
    }
}

/// A node with a process that says back what it is asked.
pub(crate) fn node(name: &str) -> Node {
    node_in(&std::env::temp_dir().join("rusm-quic-tests-without-storage"), name)
}

fn node_in(directory: &Path, name: &str) -> Node {
    let node = Node::start(NodeOptions::new(name, Seams::production(directory)));
    let echo = node.spawn(echo);
    node.register("echo", echo).expect("the name is free");
    node
}

async fn echo(context: Context) {
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            context.reply(from, payload);
        }
    }
}

pub(crate) fn echo_at(node: &str) -> Destination {
    Destination::NameAt { name: "echo".to_owned(), node: NodeId::of_name(node) }
}

pub(crate) fn text_term(text: &str) -> Term {
    Term::new(Encoding::Raw, text.as_bytes().to_vec())
}

/// Catches what is logged by any test from now on. Tests share it: each looks for names that no other uses.
pub(crate) struct Log;

static LOGGED: Mutex<String> = Mutex::new(String::new());

impl Log {
    pub(crate) fn start() -> Self {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log);
            lines.with_max_level(tracing::Level::INFO).init();
        });
        Self
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        LOGGED.lock().clone()
    }

    /// Waits for a line with all of these.
    pub(crate) async fn until(&self, parts: &[&str]) {
        let found = || LOGGED.lock().lines().any(|line| parts.iter().all(|part| line.contains(part)));
        let waiting = async {
            while !found() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(BOUND, waiting).await.is_err() {
            panic!("{parts:?} is not in one line of: {}", LOGGED.lock());
        }
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.lock().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
