use super::modules::AppModules;
use super::strip::strip_types;
use super::{World, build};
use componentize_qjs::Modules as _;
use std::path::Path;
use tempfile::TempDir;
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower};
use wasmtime::{Config, Engine, OptLevel, Store};

/// An app with these files.
fn app(files: &[(&str, &str)]) -> TempDir {
    let app = tempfile::tempdir().expect("a temporary directory");
    for (name, content) in files {
        let file = app.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, content).expect("a file");
    }
    app
}

/// Builds `main.ts` of the app as an actor.
fn build_in(app: &TempDir) -> anyhow::Result<bool> {
    build(app.path(), Path::new("main.ts"), World::Actor, &app.path().join("build/main.wasm"))
}

fn wasm_of(app: &TempDir) -> Vec<u8> {
    std::fs::read(app.path().join("build/main.wasm")).expect("the component")
}

const ACTOR: &str = "\
import { actor } from \"rusm\";
import { greeting, type Name } from \"./lib/greeting.ts\";
const state: { greeted: Name[] } = { greeted: [] };
export const callbacks = actor({
  init(args): void {
    const name = String.fromCharCode(...args.bytes) as Name;
    state.greeted.push(name);
    if (name !== \"Ada\") throw new Error(greeting(name));
  },
});
";
const GREETING: &str = "\
export type Name = string;
export function greeting(name: Name): string { return `no ${name}, please`; }
";

#[derive(Clone, Copy, ComponentType, Lower, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the type has all cases that the interface has")]
enum Encoding {
    #[component(name = "raw")]
    Raw,
    #[component(name = "text")]
    Text,
    #[component(name = "cbor")]
    Cbor,
    #[component(name = "json")]
    Json,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Term {
    encoding: Encoding,
    bytes: Vec<u8>,
}

/// What the component's `init` returns for each text. Nothing of the host is there: each import traps.
fn init(wasm: &[u8], texts: &[&str]) -> Vec<Result<(), String>> {
    let engine = Engine::new(Config::new().cranelift_opt_level(OptLevel::None)).expect("an engine");
    let component = Component::new(&engine, wasm).expect("a component");
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&component).expect("traps");
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component).expect("an instance");
    let (_, callbacks) =
        instance.get_export(&mut store, None, "rusm:actor/callbacks@0.1.0").expect("the callbacks are exported");
    let (_, init) = instance.get_export(&mut store, Some(&callbacks), "init").expect("init is exported");
    let init = instance.get_typed_func::<(Term,), (Result<(), String>,)>(&mut store, init).expect("its type");
    let terms = texts.iter().map(|text| Term { encoding: Encoding::Text, bytes: text.as_bytes().to_vec() });
    terms.map(|term| init.call(&mut store, (term,)).expect("no trap").0).collect()
}

#[test]
fn a_script_becomes_a_component_that_runs() {
    let app = app(&[("main.ts", ACTOR), ("lib/greeting.ts", GREETING)]);
    assert!(build_in(&app).expect("a component"));
    assert_eq!(init(&wasm_of(&app), &["Ada", "Eve"]), [Ok(()), Err("no Eve, please".to_owned())]);
}

#[test]
fn the_same_source_gives_the_same_component() {
    let files = [("main.ts", ACTOR), ("lib/greeting.ts", GREETING)];
    let (one, other) = (app(&files), app(&files));
    build_in(&one).expect("a component");
    build_in(&other).expect("a component");
    assert!(wasm_of(&one) == wasm_of(&other), "two components of one source");
}

#[test]
fn only_what_has_changed_is_built_again() {
    let app = app(&[("main.ts", ACTOR), ("lib/greeting.ts", GREETING)]);
    assert!(build_in(&app).expect("a component"));
    assert!(!build_in(&app).expect("it is up to date"));
    std::fs::write(app.path().join("lib/greeting.ts"), GREETING.replace("no ", "oh ")).expect("a file");
    assert!(build_in(&app).expect("an import has changed"));
    std::fs::write(app.path().join("build/main.wasm"), "").expect("a file");
    assert!(build_in(&app).expect("the component was overwritten"));
}

#[test]
fn what_does_not_build_is_named_with_its_place() {
    let check = |source: &str, expected: &str| {
        let app = app(&[("main.ts", source), ("lib.ts", "export interface Shape {}\n")]);
        let error = build_in(&app).expect_err(source);
        assert!(format!("{error:#}").contains(expected), "{source}\n{error:#}");
    };
    check("let x: = 1;", "main.ts:1:8:");
    check("\nenum E { A }", "main.ts:2:1: TypeScript enum is not supported");
    check("import { x } from \"./gone.ts\";", "gone.ts is imported by /main.ts, and there is no such file");
    check("import { x } from \"left-pad\";", "\"left-pad\" is imported by /main.ts");
    check("import { x } from \"rusm/gone\";", "the SDK has rusm");
    check("import { Shape } from \"./lib.ts\";", "import it with `import type`");
    check("throw new Error(\"too early\");", "too early");
}

#[test]
fn types_leave_blanks() {
    let check = |source: &str, expected: &str| {
        assert_eq!(strip_types("a.ts", source.to_owned()).as_deref(), Ok(expected));
    };
    check("let a: number = 1;", "let a         = 1;");
    check("import type { A } from \"./a.ts\";\nf<A>(b as A);", ";                               \nf   (b     );");
    check("class A { private b?: string; }", "class A {         b         ; }");
}

#[test]
fn imports_lead_to_the_sdk_or_below_the_app() {
    let app = app(&[("main.ts", ""), ("lib/a.ts", ""), ("lib/b.ts", "")]);
    let modules = AppModules::new(app.path()).expect("the app's directory");
    let check = |referrer: &str, specifier: &str, expected: Result<&str, &str>| match (
        modules.resolve(referrer, specifier),
        expected,
    ) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
        (found, expected) => panic!("{specifier}: found {found:?}, expected {expected:?}"),
    };
    check("/main.ts", "./lib/a.ts", Ok("/lib/a.ts"));
    check("/lib/a.ts", "./b.ts", Ok("/lib/b.ts"));
    check("/lib/a.ts", "../main.ts", Ok("/main.ts"));
    check("/main.ts", "rusm", Ok("/rusm:sdk/index.ts"));
    check("/rusm:sdk/index.ts", "./utf8.ts", Ok("/rusm:sdk/utf8.ts"));
    check("/main.ts", "../outside.ts", Err("lies outside of the app"));
    check("/rusm:sdk/index.ts", "../main.ts", Err("the SDK has no main.ts"));
}
