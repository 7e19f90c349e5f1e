use super::{Asked, ControlServer, NodeReport, Request, Responder, RunningNode, RuntimeDir, answer, running_nodes};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

struct Fixture {
    parent: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

struct Named(&'static str);

impl Responder for Named {
    async fn respond(&self, asked: Asked) -> Result<serde_json::Value, String> {
        match asked.request {
            Request::Node => answer(&NodeReport {
                name: self.0.to_owned(),
                incarnation: 1,
                os_pid: 7,
                app: Some(PathBuf::from("/app")),
                data: PathBuf::from("/data"),
                listen: None,
                cluster: None,
                version: "0".to_owned(),
            }),
            _ => Err(format!("not today, {:?}", asked.node)),
        }
    }
}

impl Fixture {
    fn new() -> Self {
        let parent = tempfile::tempdir().expect("a temporary directory");
        Self { parent, runtime: tokio::runtime::Runtime::new().expect("a runtime") }
    }

    fn directory(&self) -> RuntimeDir {
        RuntimeDir::open_at(self.parent.path().join("rusm")).expect("mine")
    }

    fn start(&self, name: &'static str) -> ControlServer {
        let _entered = self.runtime.enter();
        ControlServer::start(&self.directory(), name, Named(name)).expect("it listens")
    }

    fn names(&self) -> Vec<String> {
        let nodes = running_nodes(&self.directory()).expect("they are listed");
        nodes.into_iter().map(|node| node.report.name).collect()
    }
}

#[test]
fn running_nodes_are_found_and_gone_ones_are_not() {
    let fixture = Fixture::new();
    assert!(fixture.names().is_empty());
    let b = fixture.start("b");
    let a = fixture.start("a");
    assert_eq!(fixture.names(), ["a", "b"]);
    drop(b);
    assert_eq!(fixture.names(), ["a"]);
    drop(a);
    assert!(fixture.directory().sockets().expect("they are listed").is_empty());
}

#[test]
fn a_socket_that_a_killed_node_left_is_removed() {
    let fixture = Fixture::new();
    let left = fixture.directory().socket("gone", 1);
    drop(std::os::unix::net::UnixListener::bind(&left).expect("it can be made"));
    assert!(left.exists());
    assert!(fixture.names().is_empty());
    assert!(!left.exists());
}

#[test]
fn only_the_owner_may_open_a_socket() {
    let fixture = Fixture::new();
    let _server = fixture.start("a");
    let sockets = fixture.directory().sockets().expect("they are listed");
    assert_eq!(sockets.len(), 1);
    assert_eq!(std::fs::metadata(&sockets[0]).expect("it is there").mode() & 0o777, 0o600);
}

#[test]
fn a_refusal_says_why() {
    let fixture = Fixture::new();
    let _server = fixture.start("a");
    let node = running_nodes(&fixture.directory()).expect("they are listed").remove(0);
    let check = |other: Option<&str>, expected: &str| {
        let error = node.ask::<Vec<u8>>(other, Request::Processes).expect_err("it refuses");
        assert_eq!(format!("{error:#}"), expected);
    };
    check(None, "node a: not today, None");
    check(Some("b"), "node b: not today, Some(\"b\")");
}

#[test]
fn nonsense_is_answered_with_an_error_and_the_node_answers_on() {
    let fixture = Fixture::new();
    let _server = fixture.start("a");
    let socket = fixture.directory().sockets().expect("they are listed").remove(0);
    let check = |request: &[u8], expected: &str| {
        let mut stream = UnixStream::connect(&socket).expect("it listens");
        stream.write_all(request).expect("it reads");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.contains(expected), "{answer}");
        assert_eq!(fixture.names(), ["a"]);
    };
    check(b"\n", "this is no request that rusm");
    check(b"{\"request\":\"sing\"}\n", "unknown variant `sing`");
    check(&[0xff, b'\n'], "this is no request that rusm");
    check(&vec![b' '; 1 << 20], "this is no request that rusm");
    check(b"", "");
}

#[test]
fn a_socket_that_is_named_is_a_nodes_or_it_is_said_what_it_is() {
    let fixture = Fixture::new();
    let server = fixture.start("a");
    let socket = fixture.directory().sockets().expect("they are listed").remove(0);
    assert_eq!(RunningNode::at(&socket).map_err(|error| format!("{error:#}")).expect("a node").report.name, "a");
    let check = |path: &std::path::Path, expected: &str| {
        let error = RunningNode::at(path).err().expect("no node");
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    };
    drop(server);
    check(&socket, "leave --socket out to find the nodes of yours");
    let file = fixture.parent.path().join("file");
    std::fs::write(&file, "text").expect("it can be written");
    check(&file, "is no socket: name a node's control socket");
    let left = fixture.parent.path().join("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left).expect("it can be made"));
    check(&left, "no node listens at");
    let other = fixture.parent.path().join("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&other).expect("it can be made");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        stream.write_all(b"220 mail.example\r\n").expect("it reads");
    });
    check(&other, "does not answer as a node of this version");
}
