use crate::support::{Fixture, text};

/// A command whose main is this core function.
fn command(core: &str) -> String {
    format!(
        r#"(component
            (core module $m {core})
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $exports (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $exports)))"#
    )
}

#[test]
fn the_exit_code_is_the_components() {
    let check = |core: &str, code: i32, stderr: &[&str]| {
        let fixture = Fixture::new();
        let file = fixture.component("main.wasm", &command(core));
        let ended = fixture.rusm(&["run", text(&file)]);
        ended.check(code, &[], stderr);
        assert_eq!(ended.stderr.is_empty(), stderr.is_empty(), "standard error is the component's: {ended:?}");
    };
    check(r#"(func (export "run") (result i32) i32.const 0)"#, 0, &[]);
    check(r#"(func (export "run") (result i32) i32.const 1)"#, 1, &[]);
    check(r#"(func (export "run") (result i32) unreachable)"#, 101, &["main.wasm crashed: trap(", "unreachable"]);
}

#[test]
fn a_command_that_wants_too_much_memory_says_so() {
    let fixture = Fixture::new();
    let grows = r#"(memory 1) (func (export "run") (result i32) (drop (memory.grow (i32.const 31))) i32.const 0)"#;
    let file = fixture.component("main.wasm", &command(grows));
    fixture.rusm(&["run", "--memory", "2MiB", text(&file)]).check(0, &[], &[]);
    let ended = fixture.rusm(&["run", "--memory", "2047KiB", text(&file)]);
    ended.check(101, &[], &["main.wasm crashed: memory_limit("]);
}

#[test]
fn what_is_no_command_is_refused() {
    let fixture = Fixture::new();
    let check = |name: &str, stderr: &[&str]| fixture.rusm(&["run", name]).check(1, &[], stderr);
    check("nowhere.wasm", &["cannot read nowhere.wasm: name the file of a component", "No such file"]);
    fixture.write("text.wasm", b"hello");
    check("text.wasm", &["cannot run text.wasm", "it is not WebAssembly"]);
    fixture.component("empty.wasm", "(component)");
    check("empty.wasm", &["cannot run empty.wasm", "component empty is not a command", "it exports nothing"]);
}

#[test]
fn a_command_that_never_ends_is_stopped_by_a_signal() {
    let fixture = Fixture::new();
    let file =
        fixture.component("main.wasm", &command(r#"(func (export "run") (result i32) (loop (br 0)) i32.const 0)"#));
    let mut child = fixture.command(&["run", text(&file)]).spawn().expect("rusm can be run");
    let os_pid = child.id().to_string();
    // Until it catches signals, one ends it otherwise: ask again until it does.
    let status = loop {
        let sent = std::process::Command::new("kill").args(["-TERM", &os_pid]).status();
        assert!(sent.expect("kill can be run").success());
        if let Some(status) = child.try_wait().expect("it is ours") {
            break status;
        }
        std::thread::yield_now();
    };
    use std::os::unix::process::ExitStatusExt;
    assert!(status.code() == Some(130) || status.signal() == Some(15), "{status}");
}

#[test]
fn flags_after_the_file_are_the_components() {
    let fixture = Fixture::new();
    let file = fixture.component("main.wasm", &command(r#"(func (export "run") (result i32) i32.const 0)"#));
    fixture.rusm(&["run", text(&file), "--memory", "much", "--help"]).check(0, &[], &[]);
}
