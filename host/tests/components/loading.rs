#![expect(clippy::disallowed_methods, reason = "the tests look into the code cache and damage it")]

use crate::support::{World, guest};
use rusm_core::ExitReason;
use rusm_core::seam::Seams;
use rusm_host::manifest::Grants;
use rusm_host::{CompileError, DENIED, Engine, LoadError, Profile, START_FAILED, World as Kind};

fn load(wasm: &[u8]) -> Result<rusm_host::Component, LoadError> {
    World::new().host.load_here("it", wasm, Grants::default())
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("it is sound")
}

#[tokio::test]
async fn what_is_no_component_is_refused_with_what_to_do() {
    let check = |wasm: &[u8], expected: &str| {
        let error = load(wasm).expect_err("it is no component").to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(b"#!/bin/sh\n", "component it cannot be loaded: it is not WebAssembly: name a component");
    check(&component("(module)"), "it is a core WebAssembly module, not a component");
    check(&guest("actor")[..5000], "it is a broken component");
}

#[tokio::test]
async fn a_component_for_another_world_is_refused_with_what_is_missing() {
    let alien = component(r#"(component (import "acme:rocket/engine@1.0.0" (instance (export "start" (func)))))"#);
    let error = load(&alien).expect_err("nobody offers that import").to_string();
    assert!(error.contains("for another world") && error.contains("acme:rocket/engine@1.0.0"), "{error}");

    let mute = load(&component("(component)")).expect("it is a component");
    assert_eq!(mute.exports().worlds(), []);
    let error = mute.require(Kind::Http).expect_err("it exports nothing").to_string();
    assert_eq!(
        error,
        "component it is not a handler of HTTP requests: it does not export wasi:http/incoming-handler@0.2; it exports nothing"
    );
}

#[tokio::test]
async fn a_component_that_is_no_process_cannot_be_started() {
    let world = World::new();
    world.host.load_here("it", &component("(component)"), Grants::default()).expect("it is a component");
    let check = |name: &str, expected: &str| {
        let reason = world.host.body(name, rusm_core::Term::empty()).err().expect("it is no process");
        assert_eq!(reason.word(), START_FAILED);
        assert!(reason.detail().is_some_and(|detail| detail.contains(expected)), "{reason}");
    };
    check("it", "component it is not a process made of callbacks: it does not export rusm:actor/callbacks@0.1");
    check("other", "there is no component other");
}

#[tokio::test]
async fn what_a_component_can_be_run_as_is_known() {
    let world = World::puppet();
    let puppet = world.host.component("puppet").expect("it was loaded");
    assert_eq!(puppet.exports().worlds(), [Kind::Actor]);
    let command = world.host.load_here("tool", guest("command"), Grants::default()).expect("it is a component");
    assert_eq!(command.exports().worlds(), [Kind::Command]);
    let names: Vec<String> = world.host.components().iter().map(|component| component.name().to_owned()).collect();
    assert_eq!(names, ["puppet", "tool"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_component_is_loaded_again_and_a_damaged_one_made_anew() {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let seams = Seams::production(directory.path());
    let wasm = component(r#"(component (import "rusm:actor/types@0.1.0" (instance)))"#);
    let compile = async || {
        let engine = Engine::new(Profile::Production, Some(directory.path().join("code"))).expect("it can be run");
        engine.compile(&seams, wasm.clone().into()).await.map(drop)
    };
    let file = || {
        let mut files = std::fs::read_dir(directory.path().join("code")).expect("it is there");
        let file = files.next().expect("one file").expect("it can be read").path();
        assert!(files.next().is_none(), "one file only");
        file
    };
    assert_eq!(compile().await, Ok(()));
    let whole = std::fs::read(file()).expect("it can be read");
    let modified = || std::fs::metadata(file()).and_then(|data| data.modified()).expect("it has a time");
    let before = modified();
    assert_eq!(compile().await, Ok(()));
    assert_eq!(modified(), before, "a whole file is used, not written");
    std::fs::write(file(), b"nonsense").expect("it can be written");
    assert_eq!(compile().await, Ok(()));
    assert_eq!(std::fs::read(file()).expect("it can be read").len(), whole.len(), "it was made anew");
    let engine = Engine::new(Profile::Production, None).expect("it can be run");
    assert_eq!(engine.compile(&seams, "text".into()).await.map(drop), Err(CompileError::NotWasm));
}

#[tokio::test]
async fn other_code_than_was_asked_for_is_not_started() {
    let world = World::puppet();
    let digest = *world.host.component("puppet").expect("it was loaded").digest();
    let spec = |digest| rusm_core::ProcessSpec {
        kind: rusm_host::app::COMPONENT_KIND.to_owned(),
        target: "puppet".to_owned(),
        digest,
        args: rusm_core::Term::empty(),
        grants: None,
    };
    for fitting in [None, Some(digest)] {
        assert!(world.node.body_of(&spec(fitting)).is_ok());
    }
    let other: ExitReason = world.node.body_of(&spec(Some([7; 32]))).err().expect("it is other code");
    assert_eq!(other.word(), DENIED);
    assert!(other.detail().is_some_and(|detail| detail.contains(&"07".repeat(32))), "{other}");
}
