//! What an operator sees of a running node, and does to it.

use crate::support::{Ended, Fixture, Served};
use serde_json::Value;

const TREE: &str = r#"
    app.name = "tree"
    [supervisor.root]
    intensity = 3
    children = ["inner"]
    [supervisor.inner]
"#;

fn json(ended: &Ended) -> Value {
    ended.check(0, &[], &[]);
    serde_json::from_str(&ended.stdout).expect("it is JSON")
}

/// The pid of whoever has that name.
fn pid(fixture: &Fixture, name: &str) -> Option<String> {
    let listed = json(&fixture.rusm(&["ps", "--json"]));
    let process = listed["processes"].as_array()?.iter().find(|process| process["name"] == name)?;
    Some(process["pid"].as_str()?.to_owned())
}

fn start(fixture: &Fixture) -> (Served, String) {
    let node = fixture.serve(&["app"]);
    let inner = pid(fixture, "supervisor:inner").expect("it lives");
    (node, inner)
}

#[test]
fn a_process_is_shown_with_all_that_is_known_of_it() {
    let fixture = Fixture::with_app(TREE);
    let (_node, inner) = start(&fixture);
    let root = pid(&fixture, "supervisor:root").expect("it lives");
    let shown = [
        &*format!("pid           {inner}\n"),
        "name          supervisor:inner\n",
        "behaviour     supervisor\n",
        "supervisor    root, restarted 0 times\n",
        &format!("links         {root}\n"),
        "trap exit     yes\n",
        "state         ",
    ];
    fixture.rusm(&["info", &inner]).check(0, &shown, &[]);
    fixture.rusm(&["info", "supervisor:inner"]).check(0, &shown, &[]);
    let details = json(&fixture.rusm(&["info", inner.trim_matches(['<', '>']), "--json"]));
    assert_eq!(details["ancestors"][0], root.as_str());
    assert_eq!(details["links"], serde_json::json!([root]));
    assert_eq!(details["suspended"], false);
}

#[test]
fn a_killed_process_is_started_again_by_its_supervisor() {
    let fixture = Fixture::with_app(TREE);
    let (node, inner) = start(&fixture);
    let killed = json(&fixture.rusm(&["kill", &inner, "kill", "--json"]));
    assert_eq!((killed["pid"].as_str(), killed["ended"].as_str()), (Some(&*inner), Some("killed")));
    node.until_logged("supervisor report");
    let again = loop {
        if let Some(again) = pid(&fixture, "supervisor:inner") {
            break again;
        }
    };
    assert_ne!(again, inner);
    fixture.rusm(&["info", "supervisor:inner"]).check(0, &["supervisor    root, restarted 1 times\n"], &[]);
    fixture.rusm(&["kill", &again, "normal"]).check(0, &["lives on: `normal` ends nobody else"], &[]);
    fixture.rusm(&["kill", &again, "shout"]).check(0, &["got the exit signal `shout` and lives on"], &[]);
    // Whoever killed it stands in the log, which also keeps what was said of the dead.
    fixture.rusm(&["logs", &inner]).check(0, &["an operator sends an exit signal", "reason=kill"], &[]);
    let logged = json(&fixture.rusm(&["logs", &inner, "--follow", "--json"]));
    assert_eq!(logged["lives"], false, "it does not go on: the process has ended");
}

#[test]
fn who_is_not_there_is_named() {
    let fixture = Fixture::with_app(TREE);
    let check = |args: &[&str], expected: &str| fixture.rusm(args).check(1, &[], &[expected]);
    for args in
        [&["info", "1.0"][..], &["kill", "1.0", "kill"], &["send", "x", "1"], &["logs", "1.0"], &["top"], &["nodes"]]
    {
        check(args, "error: no node of yours runs on this machine");
    }
    let (_node, inner) = start(&fixture);
    check(
        &["info", "<9999.0>"],
        "error: node tree: there is no process <9999.0>: it has ended, or there never was one",
    );
    check(&["kill", "nobody", "kill"], "error: node tree: nobody has the name \"nobody\"");
    check(&["send", "nobody", "{}"], "nobody has the name \"nobody\"");
    check(&["logs", "9999.0"], "there is no process <9999.0>");
    fixture.rusm(&["logs", &inner]).check(0, &[], &[]);
    let gone = fixture.path("gone.sock");
    check(&["ps", "--socket", gone.to_str().expect("UTF-8")], "leave --socket out to find the nodes of yours");
    // The place of an ended process is taken by a later one.
    fixture.rusm(&["kill", &inner, "kill"]).check(0, &["has ended: killed"], &[]);
    let stale = loop {
        let ended = fixture.rusm(&["info", &inner]);
        ended.check(1, &[], &[&inner]);
        if ended.stderr.contains("is a stale pid") || pid(&fixture, "supervisor:inner").is_some() {
            break ended.stderr;
        }
    };
    assert!(stale.contains("is a stale pid") || stale.contains("it has ended"), "{stale}");
}

#[test]
fn a_message_reaches_whoever_has_the_name() {
    let fixture = Fixture::with_app(TREE);
    let (node, inner) = start(&fixture);
    let sent = json(&fixture.rusm(&["send", "supervisor:inner", "{\"a\":[1,null]}", "--json"]));
    assert_eq!(sent["pid"], inner.as_str());
    // A supervisor takes no messages, and says so.
    node.until_logged("a supervisor ignores an unexpected message");
}

#[test]
fn top_shows_the_greatest_and_the_sums() {
    let fixture = Fixture::with_app(TREE);
    let (_node, _) = start(&fixture);
    let shown = fixture.rusm(&["top", "--once"]);
    shown.check(0, &["tree  no routes", " processes, 0 messages wait, ", "PID", "STATUS", "supervisor:inner"], &[]);
    let look = json(&fixture.rusm(&["top", "--once", "--json", "--lines", "1", "--sort", "mailbox"]));
    assert_eq!(look["processes"].as_array().map(Vec::len), Some(1));
    assert!(look["totals"]["processes"].as_u64() >= Some(3), "{look}");
    assert_eq!(look["node"]["name"], "tree");
}

#[test]
fn a_node_alone_knows_itself() {
    let fixture = Fixture::with_app(TREE);
    let (_node, _) = start(&fixture);
    fixture.rusm(&["nodes"]).check(0, &["NODE", "\ntree  self"], &[]);
    let nodes = json(&fixture.rusm(&["nodes", "--json"]));
    assert_eq!(nodes.as_array().map(Vec::len), Some(1));
    assert_eq!(nodes[0]["state"], "self");
}
