//! Nodes that are processes of the operating system, and are killed and stopped.

use crate::members::serve;
use crate::signals::watch;
use crate::support::{Member, authority, credentials, issue, within};
use rusm_core::ExitReason;
use rusm_transport::quic::{Authority, Issued};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::sync::oneshot;

const CHILD: &str = "RUSM_TEST_NODE";

/// A node that is a process of its own.
pub(crate) struct Other {
    child: Child,
    _directory: tempfile::TempDir,
}

impl Other {
    pub(crate) fn start(authority: &Authority, name: &str, join: SocketAddr) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let Issued { certificate, key } = issue(authority, name);
        for (file, text) in [("authority", authority.certificate()), ("certificate", &certificate), ("key", &key)] {
            std::fs::write(directory.path().join(file), text).expect("it can be written");
        }
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "life::a_node_of_its_own", "--nocapture"])
            .env(CHILD, format!("{name} {join} {}", directory.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this program runs");
        Self { child, _directory: directory }
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill can be run").success());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other process: joins, and waits to be killed. Without the variable there is nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_its_own() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let [name, join, directory] = told.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{told:?}") };
    let read = |file: &str| std::fs::read_to_string(Path::new(directory).join(file)).expect("it was written");
    let authority = Authority::of_pem(read("authority"), String::new());
    let issued = Issued { certificate: read("certificate"), key: read("key") };
    let join = join.parse().expect("an address");
    let member = Member::start_with(name, credentials(&authority, &issued), &[join]);
    serve(&member).await;
    std::future::pending::<()>().await;
}

/// A node here, the other one, and the news of its end.
async fn watched(authority: &Authority) -> (Member, Other, oneshot::Receiver<ExitReason>) {
    let a = Member::start(authority, "a", &[]);
    let other = Other::start(authority, "b", a.address());
    assert_eq!(a.ask_until_answered("b", "hello").await, "hello");
    let down = watch(&a, "b");
    assert_eq!(a.ask("b", "watched").await.as_deref(), Ok("watched"));
    (a, other, down)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_noconnection_and_its_next_life_is_another() {
    let authority = authority();
    let (a, other, down) = watched(&authority).await;
    other.signal("KILL");
    assert_eq!(within(down).await.expect("a DOWN"), ExitReason::NOCONNECTION);
    drop(other);
    let _again = Other::start(&authority, "b", a.address());
    assert_eq!(a.ask_until_answered("b", "welcome").await, "welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_paused_for_too_long_is_down_and_comes_back() {
    let authority = authority();
    let (a, other, down) = watched(&authority).await;
    other.signal("STOP");
    assert_eq!(within(down).await.expect("a DOWN"), ExitReason::NOCONNECTION);
    other.signal("CONT");
    assert_eq!(a.ask_until_answered("b", "there you are").await, "there you are");
}
