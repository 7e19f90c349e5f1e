use crate::support::{Fixture, text};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A process with a main that fails at once.
const FAILING: &str = r#"(component
    (core module $m (func (export "run") (result i32) unreachable))
    (core instance $i (instantiate $m))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $exports (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exports)))"#;

/// A component that says that it handles HTTP requests.
const HANDLER: &str = r#"(component
    (core module $m (func (export "handle")))
    (core instance $i (instantiate $m))
    (func $handle (canon lift (core func $i "handle")))
    (instance $exports (export "handle" (func $handle)))
    (export "wasi:http/incoming-handler@0.2.0" (instance $exports)))"#;

/// The manifest of an app with one route, with more keys in its table `[app]`.
fn routed(keys: &str) -> String {
    format!(
        r#"
        [app]
        name = "a"
        {keys}
        [component.web]
        wasm = "web.wasm"
        [[route]]
        path = "/x"
        http = "web"
        "#
    )
}

/// The manifest of an app with one supervised process.
const ONE_CHILD: &str = r#"
    app.name = "a"
    [component.c]
    wasm = "c.wasm"
    [supervisor.root]
    children = ["c"]
    [child.c]
    component = "c"
"#;

#[test]
fn a_directory_without_an_app_says_what_to_name() {
    let fixture = Fixture::new();
    let expected = ["error: nowhere/rusm.toml:1:1: cannot be read", "the one that holds its rusm.toml"];
    fixture.rusm(&["serve", "nowhere"]).check(1, &[], &expected);
}

#[test]
fn a_broken_manifest_lists_what_is_wrong() {
    let fixture = Fixture::with_app("[app]\nnam = \"a\"\n[supervisor.root]\nchildren = [\"b\"]\n");
    let expected = [
        "error: app/rusm.toml:1:2: app.name: is missing",
        "\napp/rusm.toml:2:1: app.nam: unknown key. Did you mean `name`?",
        "\napp/rusm.toml:4:13: supervisor.root.children: unknown child \"b\"",
    ];
    fixture.rusm(&["serve", "app"]).check(1, &[], &expected);
}

#[test]
fn an_app_that_is_not_built_says_how_to_build_it() {
    let fixture = Fixture::with_app("app.name = \"a\"\n[component.web]\nsource = \"web\"\n");
    fixture.write("app/web/Cargo.toml", b"");
    let expected = ["component web is not built: there is no app/build/web.wasm. Run `rusm build app`"];
    fixture.rusm(&["serve", "app"]).check(1, &[], &expected);
}

#[test]
fn a_file_that_is_no_component_is_named() {
    let check = |bytes: &[u8], expected: &str| {
        let fixture = Fixture::with_app("app.name = \"a\"\n[component.web]\nwasm = \"web.wasm\"\n");
        fixture.write("app/web.wasm", bytes);
        fixture.rusm(&["serve", "app"]).check(1, &[], &["app/web.wasm: component web cannot be loaded: ", expected]);
    };
    check(b"hello", "it is not WebAssembly");
    check(b"\0asm\x01\0\0\0", "not a component");
    check(b"\0asm\x0d\0\x01\0\xff", "it is a broken component");
}

#[test]
fn a_component_for_another_world_is_named_with_its_place() {
    let fixture = Fixture::with_app(&routed(""));
    fixture.component("app/web.wasm", FAILING);
    let expected = ["app/rusm.toml: route /x: component web is not a handler of HTTP requests"];
    fixture.rusm(&["serve", "app", "--listen", "127.0.0.1:0"]).check(1, &[], &expected);
}

#[test]
fn an_address_in_use_names_the_flag_before_anything_is_compiled() {
    let fixture = Fixture::with_app(&routed(""));
    fixture.write("app/web.wasm", b"never read");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let error = format!("error: cannot listen on {address}: Address already in use");
    let ended = fixture.rusm(&["serve", "app", "--listen", &address]);
    ended.check(1, &[], &[&error, "change --listen (port 0 takes a free one)"]);
    fixture.write("app/rusm.toml", routed(&format!("listen = \"{address}\"")).as_bytes());
    let ended = fixture.rusm(&["serve", "app"]);
    ended.check(1, &[], &[&error, "--listen ADDR", "change app.listen in rusm.toml"]);
}

#[test]
fn a_data_directory_in_use_names_its_node() {
    let fixture = Fixture::with_app("app.name = \"a\"\n");
    let node = fixture.serve(&["app"]);
    let expected = [&*format!("is in use by another node (process {})", node.os_pid()), "--data DIR"];
    fixture.rusm(&["serve", "app"]).check(1, &[], &expected);
    let _other = fixture.serve(&["app", "--data", text(&fixture.path("other"))]);
}

#[test]
fn sigterm_and_ctrl_c_stop_a_node_in_order() {
    let fixture = Fixture::with_app("app.name = \"a\"\n");
    for signal in ["TERM", "INT"] {
        let node = fixture.serve(&["app"]);
        assert_eq!(node.ready, "running; the manifest has no routes to listen for");
        node.signal(signal);
        node.wait().check(0, &[], &["draining", "stopped"]);
    }
}

#[test]
fn a_node_says_where_it_listens_and_answers_until_it_is_stopped() {
    let fixture = Fixture::with_app(&routed(""));
    fixture.component("app/web.wasm", HANDLER);
    let node = fixture.serve(&["app", "--listen", "127.0.0.1:0"]);
    let address = node.ready.strip_prefix("listening on http://").expect("it says where").to_owned();
    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream.write_all(b"GET /unknown HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    fixture.rusm(&["ps"]).check(0, &[&format!("a  http://{address}")], &[]);
    node.signal("TERM");
    node.wait().check(0, &[], &["stopped"]);
    TcpStream::connect(&address).expect_err("nobody listens any more");
}

#[test]
fn every_life_of_a_node_has_a_greater_incarnation_also_after_a_kill() {
    let fixture = Fixture::with_app("app.name = \"a\"\n");
    for incarnation in 1..4 {
        let _killed_at_the_end = fixture.serve(&["app"]);
        let ended = fixture.rusm(&["ps", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
        assert_eq!(json["node"]["incarnation"], incarnation);
    }
}

#[test]
fn a_child_that_does_not_start_is_an_error_with_the_reason() {
    let fixture = Fixture::with_app(ONE_CHILD);
    let start = r#"(func $s unreachable) (start $s) (func (export "run")"#;
    fixture.component("app/c.wasm", &FAILING.replace(r#"(func (export "run")"#, start));
    fixture.rusm(&["serve", "app"]).check(1, &[], &["error: the app did not start: ", "unreachable"]);
}

#[test]
fn a_root_supervisor_that_gives_up_ends_the_node_with_the_reason() {
    let fixture = Fixture::with_app(ONE_CHILD);
    fixture.component("app/c.wasm", FAILING);
    let expected = ["supervisor gave up", "unreachable", "error: the root supervisor gave up: shutdown"];
    fixture.serve(&["app"]).wait().check(3, &[], &expected);
}

#[test]
fn a_node_without_a_control_socket_serves_and_says_so() {
    let fixture = Fixture::with_app("app.name = \"a\"\n");
    fixture.write("rusm", b"a file in the way");
    let node = fixture.serve(&["app"]);
    node.signal("TERM");
    node.wait().check(0, &[], &["`rusm ps` will not see this node", "is no directory: remove it"]);
}

#[test]
fn a_branch_that_gives_up_leaves_the_others_alone() {
    let fixture = Fixture::with_app(
        r#"
        app.name = "a"
        [component.c]
        wasm = "c.wasm"
        [supervisor.root]
        intensity = 0
        children = ["beside", "branch"]
        [supervisor.beside]
        [supervisor.branch]
        intensity = 2
        as-child = "temporary"
        children = ["c"]
        [child.c]
        component = "c"
        "#,
    );
    fixture.component("app/c.wasm", FAILING);
    let node = fixture.serve(&["app"]);
    let supervisors = || {
        let ended = fixture.rusm(&["ps", "--json"]);
        ended.check(0, &[], &[]);
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
        let processes = json["processes"].as_array().expect("a list").clone();
        let names = processes.into_iter().filter_map(|process| Some(process["name"].as_str()?.to_owned()));
        names.filter(|name| name.starts_with("supervisor:")).collect::<Vec<_>>()
    };
    while supervisors().iter().any(|name| name == "supervisor:branch") {}
    assert_eq!(supervisors(), ["supervisor:root", "supervisor:beside"]);
    node.signal("TERM");
    node.wait().check(0, &[], &["supervisor report: gave up, restart 3"]);
}
