use crate::support::Fixture;
use std::os::unix::fs::PermissionsExt;

#[test]
fn an_authority_makes_members_and_shows_them() {
    let fixture = Fixture::new();
    fixture.rusm(&["cluster", "init"]).check(0, &["cluster is the authority", "next: rusm cluster issue NODE\n"], &[]);
    fixture.rusm(&["cluster", "show"]).check(0, &["nobody has a certificate yet: rusm cluster issue NODE\n"], &[]);
    let issued = fixture.rusm(&["cluster", "issue", "a"]);
    issued.check(0, &["cluster/nodes/a is all that the node a needs", "--cert cluster/nodes/a"], &[]);
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

const SINGLETON: &str = r#"
[app]
name = "idle"
[component.billing]
wasm = "billing.wasm"
[supervisor.root]
children = ["billing"]
[child.billing]
component = "billing"
singleton = "billing"
"#;

#[test]
fn who_cannot_decide_on_unique_names_is_told_what_to_do() {
    let fixture = Fixture::with_app(SINGLETON);
    fixture.write("app/billing.wasm", b"");
    fixture.rusm(&["cluster", "init"]).check(0, &[], &[]);
    fixture.rusm(&["cluster", "issue", "a"]).check(0, &[], &[]);
    let check = |args: &[&str], expected: &str| {
        let node = ["node", "--cert", "cluster/nodes/a", "--listen", "127.0.0.1:0"];
        fixture.rusm(&[&node, args].concat()).check(1, &[], &[expected]);
    };
    check(
        &["--voters", "a,b"],
        "fewer than 3 cannot bear the loss of one, as a majority decides: name 3, 5 or 7 nodes",
    );
    check(&["--voters", "a,b,c,d"], "4 bear the loss of no more nodes than 3 do");
    check(&["--voters", "a,b,c", "--lease-time", "1s"], "--lease-time is from 2s to 1h");
    let without = "child.billing is a singleton, and this cluster has no voters, who decide on unique names: start each of its nodes";
    check(&["app"], without);
}

#[test]
fn a_node_that_is_no_member_says_why() {
    let fixture = Fixture::with_app(APP);
    fixture.rusm(&["cluster", "init"]).check(0, &[], &[]);
    fixture.rusm(&["cluster", "issue", "a"]).check(0, &[], &[]);
    let check = |args: &[&str], code: i32, expected: &str| {
        fixture.rusm(&[&["node"], args].concat()).check(code, &[], &[expected]);
    };
    check(&["--cert", "cluster/nodes/a"], 2, "--listen <ADDR>");
    check(&["--listen", "127.0.0.1:0"], 2, "--cert <DIR>");
    check(&["--cert", "nowhere", "--listen", "127.0.0.1:0"], 1, "cannot read nowhere/authority.pem");
    let member = ["--cert", "cluster/nodes/a", "--listen"];
    check(&[&member[..], &["127.0.0.1:0", "--http", "127.0.0.1:0"]].concat(), 2, "<APP>");
    let other = [&member[..], &["127.0.0.1:0", "--name", "b"]].concat();
    check(&other, 1, "cluster/nodes/a is for the node a, not for b: name that one's folder, or issue one for b");
    let timed =
        |flags: &[&str], code, expected: &str| check(&[&member[..], &["127.0.0.1:0"], flags].concat(), code, expected);
    let wrong = "error: --suspect-after is 1.5s: it has to be 2s to 8s, twice ping_interval to down_after";
    timed(&["--suspect-after", "1500ms"], 1, wrong);
    timed(&["--down-after", "500ms"], 1, "error: --probe-interval is 62.5ms: it has to be 100ms to 60s");
    timed(&["--down-after", "2s", "--ping-interval", "1s"], 1, "error: --suspect-after is 750ms");
    timed(&["--down-after", "2"], 2, "\"2\" is no duration");
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    check(&[&member[..], &[&address, "app"]].concat(), 1, &format!("cannot listen on {address} (UDP)"));
}

#[test]
fn two_nodes_find_each_other_and_an_operator_asks_one_through_the_other() {
    let fixture = Fixture::with_app(APP);
    let a = fixture.member("a", &["app"], &[]);
    // Without an app, in a folder of its own below the one where it is started.
    let b = fixture.member("b", &[], &[&a]);
    assert_eq!(a.ready, "running; the manifest has no routes to listen for");
    assert_eq!(b.ready, "running without an app");
    assert!(fixture.path(".rusm/b/storage").is_dir());
    a.until_logged("a node is Up: heard node=b");
    b.until_logged("a node is Up: heard node=a");

    let through = |args: &[&str]| fixture.rusm(&[args, &["--via", "a", "--node", "b"]].concat());
    through(&["ps"]).check(0, &["b  no routes  no app", "rusm:control"], &[]);
    let nodes = fixture.rusm(&["nodes", "--via", "a", "--json", "--node", "a"]);
    let nodes: serde_json::Value = serde_json::from_str(&nodes.stdout).expect("it is JSON");
    assert_eq!((&nodes[0]["name"], &nodes[0]["state"]), (&"a".into(), &"self".into()));
    assert_eq!((&nodes[1]["name"], &nodes[1]["state"]), (&"b".into(), &"up".into()));
    through(&["info", "rusm:control"]).check(0, &["component     control", "trap exit     no"], &[]);
    through(&["kill", "rusm:supervisor", "normal"]).check(0, &["lives on: `normal` ends nobody else"], &[]);
    let unknown = fixture.rusm(&["ps", "--via", "a", "--node", "c"]);
    unknown.check(1, &[], &["error: node c: no such node is known in this cluster; these are: a, b"]);
    fixture.rusm(&["ps", "--node", "b"]).check(0, &["b  no routes"], &[]);

    b.signal("TERM");
    b.wait().check(0, &[], &["a member of its cluster node=\"b\""]);
    a.until_logged("a node is Down: shutdown node=b");
    through(&["ps"]).check(1, &[], &["error: node b: it cannot be reached"]);
    fixture.rusm(&["nodes", "--node", "a"]).check(0, &["\na     self", "\nb     down   shutdown"], &[]);
    a.signal("TERM");
    a.wait().check(0, &[], &[]);
}

#[test]
fn a_revoked_node_is_thrown_out_of_running_nodes() {
    let fixture = Fixture::new();
    let a = fixture.member("a", &[], &[]);
    let b = fixture.member("b", &[], &[&a]);
    let c = fixture.member("c", &[], &[&a, &b]);
    for (node, other) in [(&a, "b"), (&a, "c"), (&b, "c"), (&c, "a"), (&c, "b")] {
        node.until_logged(&format!("a node is Up: heard node={other}"));
    }
    fixture.rusm(&["cluster", "revoke", "nobody"]).check(1, &[], &["nobody never had a certificate of cluster"]);
    // Also the certificate that it has no more.
    fixture.rusm(&["cluster", "rotate", "c"]).check(0, &["next, where the node runs: rusm cluster reload"], &[]);
    fixture.rusm(&["cluster", "revoke", "c"]).check(
        0,
        &["2 certificates of c count no more: cluster/revoked.pem"],
        &[],
    );
    fixture.rusm(&["cluster", "show"]).check(
        0,
        &["\nb                        counts", "\nc                        revoked"],
        &[],
    );

    // One node is told.
    let reloaded = fixture.rusm(&["cluster", "reload", "--node", "a"]);
    reloaded.check(
        0,
        &["the node's certificate counts for 36", "list 1 of revoked certificates is new, and handed on"],
        &[],
    );
    for node in [&a, &b] {
        node.until_logged("a node is thrown out: its certificate is revoked node=\"c\"");
    }
    c.until_logged("this node was thrown out: its certificate is revoked");
    let again = fixture.rusm(&["cluster", "reload", "--node", "b", "--json"]);
    let again: serde_json::Value = serde_json::from_str(&again.stdout).expect("it is JSON");
    assert_eq!((again["revocations"].as_u64(), again["revocations_new"].as_bool()), (Some(1), Some(false)));

    // It has a new certificate that counts, takes it, and is back without a restart.
    fixture.rusm(&["cluster", "rotate", "c"]).check(0, &[], &[]);
    fixture.rusm(&["cluster", "reload", "--node", "c"]).check(0, &["the node's certificate counts"], &[]);
    let reached = || fixture.rusm(&["ps", "--via", "c", "--node", "a"]).code == Some(0);
    while !reached() {}
    fixture.rusm(&["nodes", "--node", "a"]).check(0, &["\nc     up"], &[]);
}

#[test]
fn what_a_node_cannot_take_in_is_named_and_it_goes_on() {
    let fixture = Fixture::new();
    let a = fixture.member("a", &[], &[]);
    let check = |expected: &str| fixture.rusm(&["cluster", "reload"]).check(1, &[], &[expected]);
    fixture.write("cluster/nodes/a/revoked.pem", b"nonsense");
    check("error: node a: the list of revoked certificates in the node's folder cannot be used: this is no list");
    fixture.rusm(&["cluster", "issue", "b"]).check(0, &[], &[]);
    for file in ["node.pem", "node-key.pem"] {
        let bytes = std::fs::read(fixture.path(&format!("cluster/nodes/b/{file}"))).expect("it was made");
        fixture.write(&format!("cluster/nodes/a/{file}"), &bytes);
    }
    check("error: node a: the new certificate is for \"b\": it must be for this node");
    fixture.rusm(&["ps"]).check(0, &["a  no routes"], &[]);
    drop(a);

    let alone = Fixture::with_app(APP);
    let _alone = alone.serve(&["app"]);
    alone.rusm(&["cluster", "reload"]).check(1, &[], &["error: node idle: it is in no cluster"]);
}
