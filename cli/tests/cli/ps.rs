use crate::support::{Fixture, text};

#[test]
fn without_a_node_it_says_how_to_start_one() {
    let fixture = Fixture::new();
    for args in [&["ps"][..], &["ps", "--json"], &["ps", "--node", "a"]] {
        fixture.rusm(args).check(
            1,
            &[],
            &["error: no node of yours runs on this machine: start one with `rusm serve DIR` or `rusm node`"],
        );
    }
}

#[test]
fn a_nodes_tree_is_shown() {
    let fixture =
        Fixture::with_app("app.name = \"tree\"\n[supervisor.root]\nchildren = [\"inner\"]\n[supervisor.inner]\n");
    let node = fixture.serve(&["app"]);
    let ended = fixture.rusm(&["ps"]);
    let os_pid = format!("process {}", node.os_pid());
    ended.check(0, &["tree  no routes", &os_pid, "PID", "SUPERVISOR", "supervisor:root", "supervisor:inner"], &[]);
    let inner = ended.stdout.lines().find(|line| line.contains("supervisor:inner")).expect("it is shown");
    assert!(inner.starts_with("   └─ <"), "it is below the root: {inner}");
    let cells: Vec<&str> = inner.split_whitespace().skip(2).collect();
    assert_eq!(cells[..4], ["supervisor:inner", "supervisor", "root", "0"], "{inner}");
}

#[test]
fn json_has_the_node_and_its_processes() {
    let fixture = Fixture::with_app("app.name = \"tree\"\n");
    let _node = fixture.serve(&["app"]);
    let ended = fixture.rusm(&["ps", "--json"]);
    ended.check(0, &[], &[]);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    assert_eq!(json["node"]["name"], "tree");
    assert_eq!(json["node"]["incarnation"], 1);
    let processes = json["processes"].as_array().expect("a list");
    let root = processes.iter().find(|process| process["name"] == "supervisor:root").expect("the root lives");
    let application = processes.iter().find(|process| process["pid"] == root["parent"]).expect("it has a parent");
    assert_eq!(application["component"], "application");
    assert_eq!(root["restarts"], serde_json::Value::Null, "nobody restarts the root");
}

#[test]
fn one_of_several_nodes_is_chosen() {
    let fixture = Fixture::new();
    for name in ["a", "b"] {
        fixture.write(&format!("{name}/rusm.toml"), format!("app.name = \"{name}\"\n").as_bytes());
    }
    let _a = fixture.serve(&["a"]);
    let b = fixture.serve(&["b"]);
    let ended = fixture.rusm(&["ps"]);
    ended.check(
        1,
        &[],
        &["several nodes run: choose one with --node, --via or --data", "\n  a  no routes", "\n  b  no routes"],
    );
    fixture.rusm(&["ps", "--node", "b"]).check(0, &["b  no routes"], &[]);
    fixture.rusm(&["ps", "--data", text(&fixture.path("a/.rusm"))]).check(0, &["a  no routes"], &[]);
    fixture.rusm(&["ps", "--node", "c"]).check(
        1,
        &[],
        &["no such node runs on this machine, and none that could ask it; these do:\n  a  "],
    );
    drop(b);
    fixture.rusm(&["ps"]).check(0, &["a  no routes"], &[]);
}
