use crate::support::{Ended, Fixture, PATIENCE};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component that says that it handles HTTP requests.
const HANDLER: &str = r#"(component
    (core module $m (func (export "handle")))
    (core instance $i (instantiate $m))
    (func $handle (canon lift (core func $i "handle")))
    (instance $exports (export "handle" (func $handle)))
    (export "wasi:http/incoming-handler@0.2.0" (instance $exports)))"#;

const MANIFEST: &str = r#"
    app.name = "a"
    [component.web]
    wasm = "web.wasm"
    [[route]]
    path = "/x"
    http = "web"
    [sim]
    scenario = "scenario"
"#;

/// Returns at once.
const NOTHING: &str = "";

const PANICS: &str = "unreachable";

/// Waits for something that never comes.
const WAITS_FOR_EVER: &str = "(loop $again (call $sleep (i64.const 1000)) (br $again))";

const COMPUTES_FOR_EVER: &str = "(loop $again (br $again))";

/// An app whose scenario has one client, which does that.
fn app(client: &str) -> Fixture {
    let fixture = Fixture::with_app(MANIFEST);
    fixture.component("app/web.wasm", HANDLER);
    fixture.write("app/scenario/README", b"");
    fixture.write("app/build/sim/scenario.wasm", &scenario(client));
    fixture
}

fn scenario(client: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
            (import "rusm:scenario/run@0.1.0" "sleep-ms" (func $sleep (param i64)))
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "rusm:scenario/workload@0.1.0#clients") (result i32) (i32.const 1))
            (func (export "rusm:scenario/workload@0.1.0#client") (param i32) {client})
            (func (export "rusm:scenario/workload@0.1.0#check") (param i32 i32)))"#
    );
    let mut module = wat::parse_str(module).expect("a module");
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/scenario");
    let (package, _) = resolve.push_path(wit).expect("the scenario's interfaces");
    let world = resolve.select_world(&[package], Some("scenario")).expect("the scenario's world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("a module takes it");
    ComponentEncoder::default().module(&module).and_then(|encoder| encoder.encode()).expect("a component")
}

fn sim(fixture: &Fixture, args: &[&str]) -> Ended {
    fixture.rusm(&[&["sim", "app"], args].concat())
}

#[test]
fn how_many_nodes_is_up_to_the_user() {
    let fixture = app(NOTHING);
    sim(&fixture, &["--nodes", "3", "--seed", "1"]).check(0, &["--seed 1 --nodes 3\n", "every property held"], &[]);
    let refused = |nodes: &str| sim(&fixture, &["--nodes", nodes]).check(2, &[], &[nodes, "1..=1000"]);
    refused("0");
    refused("1001");
}

#[test]
fn a_plan_names_nodes_that_are_there_or_nothing_runs() {
    let fixture = app(NOTHING);
    fixture.write("plan", b"1s crash a-2 all for 1s\nheal 2s\n");
    let missing = "names the host \"a-2\", which is not there; there are a";
    sim(&fixture, &["--seed", "1", "--faults", "plan"]).check(1, &[], &[missing]);
    sim(&fixture, &["--seeds", "5", "--faults", "plan"]).check(1, &[], &[missing]);
    sim(&fixture, &["--seed", "1", "--faults", "plan", "--nodes", "2"]).check(0, &["node: crash (1)"], &[]);
}

/// The second crash of each pair comes so long after the boot that the first was followed by: at its start, in its midst, after it.
#[test]
fn a_crash_while_the_node_boots_is_a_crash_and_no_more() {
    let fixture = app(NOTHING);
    let pair = |n: u32| {
        let at = n * 1000;
        format!("{at}ms crash a all for 300ms\n{}us crash a all for 100ms\n", at * 1000 + 300_000 + n * 250)
    };
    let plan: String = (1..100).map(pair).chain(["heal 200s\n".to_owned()]).collect();
    fixture.write("plan", plan.as_bytes());
    sim(&fixture, &["--seed", "1", "--faults", "plan"]).check(0, &["node: crash (198)", "every property held"], &[]);
}

#[test]
fn a_scenario_that_panics_is_a_crash() {
    let ended = sim(&app(PANICS), &["--seeds", "3"]);
    ended.check(6, &["crashed\n  the scenario's client(0) ended: trap", "replay: rusm sim app --seed 1\n"], &[]);
}

#[test]
fn a_scenario_that_never_ends_is_told_so() {
    let expected = ["property broken: clients-return", "client 0 has not returned 300 s after the heal"];
    sim(&app(WAITS_FOR_EVER), &["--seed", "1"]).check(4, &expected, &[]);
    sim(&app(WAITS_FOR_EVER), &["--seed", "1", "--until", "2"]).check(5, &["stalled\n  not done at 2.0"], &[]);
    sim(&app(COMPUTES_FOR_EVER), &["--seed", "1", "--until", "2"]).check(5, &["stalled\n  not done at 2.0"], &[]);
}

#[test]
fn a_disk_that_is_full_costs_what_was_to_be_written_and_nothing_else() {
    let full = "No space left on device";
    let (passing, failing) = (app(NOTHING), app(PANICS));
    for (flag, what) in [("--timeline", "the timeline"), ("--record", "the event log")] {
        let ended = sim(&passing, &["--seed", "1", flag, "/dev/full"]);
        ended.check(1, &["every property held", "\ntrace "], &[&format!("cannot write {what} to /dev/full"), full]);
        let ended = sim(&failing, &["--seed", "1", flag, "/dev/full"]);
        ended.check(6, &["crashed", "\ntrace "], &[&format!("cannot write {what} to /dev/full"), full]);
    }
}

#[test]
fn a_case_of_another_program_says_so_and_names_both() {
    let fixture = app(NOTHING);
    let own = sim(&fixture, &["--seed", "1"]);
    let own = own.stdout.split_whitespace().nth(1).expect("its version").to_owned();
    fixture.write("foreign.case", b"version 0.0.9+abc\nseed 1\n");
    let said = format!("this case was found by version 0.0.9+abc, and this is {own}: it may be another run");
    sim(&fixture, &["--case", "foreign.case"]).check(0, &[&said], &[]);
    fixture.write("own.case", format!("version {own}\nseed 1\n").as_bytes());
    let ended = sim(&fixture, &["--case", "own.case"]);
    ended.check(0, &["every property held"], &[]);
    assert!(!ended.stdout.contains("another run"), "{ended:?}");
}

#[test]
fn the_event_log_says_first_which_version_wrote_it() {
    let fixture = app(NOTHING);
    sim(&fixture, &["--seed", "1", "--record", "log"]).check(0, &[], &[]);
    let log = std::fs::read_to_string(fixture.path("log")).expect("a log");
    assert!(log.lines().any(|line| line.starts_with("0 options version ")), "{log}");
}

#[test]
fn ctrl_c_prints_what_was_found_by_then() {
    let fixture = app(NOTHING);
    let mut command = fixture.command(&["sim", "app", "--seeds", "1000000000"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("rusm can be run");
    // It says how far it is when it has begun to explore.
    let mut said = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().expect("it is piped"));
    let started = Instant::now();
    while !said.contains(" seeds, ") {
        assert!(started.elapsed() < PATIENCE, "{said}");
        if std::io::BufRead::read_line(&mut stderr, &mut said).expect("it is text") == 0 {
            let output = child.wait_with_output().expect("it ended");
            panic!("it ended by itself: {said}{}", String::from_utf8_lossy(&output.stdout));
        }
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill can be run");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{stdout}");
    assert!(stdout.contains("interrupted\n") && stdout.contains(" seeds in "), "{stdout}");
    assert!(said.contains(" a second, ") && said.contains(" kinds of faults"), "{said}");
}
