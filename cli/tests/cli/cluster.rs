use crate::support::{Fixture, text};
use std::os::unix::fs::PermissionsExt;

#[test]
fn an_authority_makes_members_and_shows_them() {
    let fixture = Fixture::new();
    fixture.rusm(&["cluster", "init"]).check(0, &["cluster is the authority", "next: rusm cluster issue NODE\n"], &[]);
    fixture.rusm(&["cluster", "show"]).check(0, &["nobody has a certificate yet: rusm cluster issue NODE\n"], &[]);
    let issued = fixture.rusm(&["cluster", "issue", "a"]);
    issued.check(0, &["cluster/nodes/a is all that the node a needs", "--member cluster/nodes/a"], &[]);
    fixture.rusm(&["cluster", "issue", "b", "--days", "30"]).check(0, &["cluster/nodes/b"], &[]);
    let shown = fixture.rusm(&["cluster", "show"]);
    shown.check(
        0,
        &["NODE", "\na                        counts for 36", "\nb                        counts for "],
        &[],
    );
    for (path, mode) in
        [("cluster", 0o700), ("cluster/authority-key.pem", 0o600), ("cluster/nodes/a/node-key.pem", 0o600)]
    {
        let found = std::fs::metadata(fixture.path(path)).expect("it was made").permissions().mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
    let before = std::fs::read(fixture.path("cluster/nodes/a/node.pem")).expect("it was made");
    fixture.rusm(&["cluster", "rotate", "a"]).check(0, &["has a new certificate"], &[]);
    assert_ne!(std::fs::read(fixture.path("cluster/nodes/a/node.pem")).expect("it is there"), before);
}

#[test]
fn what_would_overwrite_or_is_missing_is_refused_with_what_to_do() {
    let fixture = Fixture::new();
    let check = |args: &[&str], expected: &str| fixture.rusm(&[&["cluster"], args].concat()).check(1, &[], &[expected]);
    check(&["issue", "a"], "cluster holds no authority: make one with `rusm cluster init`");
    check(&["show", "--dir", "elsewhere"], "elsewhere holds no authority");
    fixture.rusm(&["cluster", "init"]).check(0, &[], &[]);
    check(&["init"], "cluster holds an authority already");
    check(&["issue", "Room"], "\"Room\" cannot be a node's name in a cluster");
    check(&["issue", "../up"], "cannot be a node's name");
    check(&["rotate", "a"], "`rusm cluster issue a` makes the first");
    fixture.rusm(&["cluster", "issue", "a"]).check(0, &[], &[]);
    check(&["issue", "a"], "`rusm cluster rotate a` makes a new one");
    fixture.write("cluster/authority-key.pem", b"nonsense");
    check(&["issue", "b"], "the authority cannot sign");
    fixture.write("cluster/nodes/a/node.pem", b"nonsense");
    fixture.rusm(&["cluster", "show"]).check(0, &["cannot be read"], &[]);
}

const APP: &str = "[app]\nname = \"idle\"\n";

#[test]
fn a_node_that_is_no_member_says_why() {
    let fixture = Fixture::with_app(APP);
    fixture.rusm(&["cluster", "init"]).check(0, &[], &[]);
    fixture.rusm(&["cluster", "issue", "a"]).check(0, &[], &[]);
    let check = |args: &[&str], code: i32, expected: &str| {
        fixture.rusm(&[&["serve", "app"], args].concat()).check(code, &[], &[expected]);
    };
    let member = ["--member", "cluster/nodes/a"];
    check(&member, 2, "--cluster-listen <ADDR>");
    check(&["--join", "127.0.0.1:1"], 2, "--member <DIR>");
    check(&["--member", "nowhere", "--cluster-listen", "127.0.0.1:0"], 1, "cannot read nowhere/authority.pem");
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    check(&[&member[..], &["--cluster-listen", &address]].concat(), 1, &format!("cannot listen on {address} (UDP)"));
}

#[test]
fn two_nodes_find_each_other() {
    let fixture = Fixture::with_app(APP);
    fixture.rusm(&["cluster", "init"]).check(0, &[], &[]);
    for node in ["a", "b"] {
        fixture.rusm(&["cluster", "issue", node]).check(0, &[], &[]);
    }
    let serve = |node: &str, more: &[&str]| {
        let (member, data) = (format!("cluster/nodes/{node}"), fixture.path(node));
        let args = ["app", "--member", &member, "--data", text(&data), "--cluster-listen", "127.0.0.1:0"];
        fixture.serve(&[&args[..], more].concat())
    };
    let a = serve("a", &[]);
    let line = a.until_logged("a member of its cluster");
    let (_, address) = line.split_once("address=").expect("it says where it listens");
    let b = serve("b", &["--join", address.split(' ').next().expect("an address")]);
    a.until_logged("a node is up node=b");
    b.until_logged("a node is up node=a");
    b.signal("TERM");
    b.wait().check(0, &[], &["a member of its cluster node=\"b\""]);
    a.until_logged("an association has ended");
    a.signal("TERM");
    a.wait().check(0, &[], &[]);
}
