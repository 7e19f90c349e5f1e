use crate::support::Fixture;

/// Runs `rusm build app` with these files in `app`, and checks its exit code and what it says on standard error.
fn check(fixture: &Fixture, files: &[(&str, &str)], code: i32, expected: &[&str]) {
    for (name, content) in files {
        fixture.write(&format!("app/{name}"), content.as_bytes());
    }
    let ended = fixture.rusm(&["build", "app"]);
    ended.check(code, &[], expected);
    assert!(ended.stdout.is_empty(), "progress and errors go to standard error: {}", ended.stdout);
}

const MANIFEST: &str = "\
[app]
name = \"two\"
[component.rusty]
source = \"rusty\"
[component.scripted]
source = \"scripted.ts\"
";
const CRATE: &str = "[package]\nname = \"rusty\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
const SCRIPT: &str = "import { actor } from \"rusm\";\nexport const callbacks = actor({});\n";

#[test]
fn both_languages_are_built_once() {
    let fixture = Fixture::new();
    let files = [
        ("rusm.toml", MANIFEST),
        ("rusty/Cargo.toml", CRATE),
        ("rusty/src/main.rs", "fn main() {}\n"),
        ("scripted.ts", SCRIPT),
    ];
    let first = [
        "[1/2] rusty: building (Rust)",
        "[1/2] rusty: built",
        "[2/2] scripted: building (TypeScript)",
        "[2/2] scripted: built",
    ];
    check(&fixture, &files, 0, &first);
    for name in ["rusty", "scripted"] {
        let wasm = std::fs::read(fixture.path(&format!("app/build/{name}.wasm"))).expect("a component");
        assert!(wasm.starts_with(b"\0asm\x0d\0\x01\0"), "{name} is a component");
    }
    check(&fixture, &[], 0, &["[1/2] rusty: up to date", "[2/2] scripted: up to date"]);
}

#[test]
fn what_cargo_says_is_shown_when_it_fails() {
    let manifest = "[app]\nname = \"broken\"\n[component.rusty]\nsource = \"rusty\"\n";
    let files = [("rusm.toml", manifest), ("rusty/Cargo.toml", CRATE)];
    let check = |source: (&str, &str), expected: &[&str]| {
        check(&Fixture::new(), &[&files[..], &[source]].concat(), 1, expected);
    };
    check(
        ("rusty/src/main.rs", "fn main() { let x: u8 = \"\"; }\n"),
        &["error: component rusty was not built", "cargo failed in", "error[E0308]: mismatched types", "main.rs:1:25"],
    );
    check(("rusty/src/lib.rs", ""), &["makes no component", "crate-type = [\"cdylib\"]"]);
}

#[test]
fn a_broken_manifest_is_named_with_its_place() {
    check(&Fixture::new(), &[("rusm.toml", "[app]\nnam = \"x\"\n")], 1, &["rusm.toml:2:1", "nam"]);
    check(&Fixture::new(), &[], 1, &["rusm.toml", "Name the directory of an app"]);
}
