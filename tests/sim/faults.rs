//! What goes wrong with guests, from a plan: that it happens to the component that the plan names, that it is counted, that the
//! chat lives through it, and that many seeds reach every rare branch of the host.

use crate::{build, hash, sim, text};
use rusm_host::Mark;
use std::path::Path;

const SEEDS: u64 = 3;

/// Of the chat's components, by name, the one that makes a process for each request.
const WEB: &str = "#4";

/// Runs the chat under that plan: it is counted so, and each of these texts is in the event log.
fn check(plan: &str, counted: &str, logged: &[&str]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("text").to_owned();
    let (faults, log) = (path("plan"), path("log"));
    std::fs::write(&faults, plan.replace(';', "\n")).expect("the plan");
    for seed in 1..=SEEDS {
        let seed = seed.to_string();
        let run = |more: &[&str]| {
            let arguments = [&["--seed", &seed, "--faults", &faults], more].concat();
            let output = sim(build::chat(), &arguments);
            assert!(output.status.success(), "seed {seed}: {}", text(&output));
            output
        };
        let output = run(&["--record", &log]);
        let happened = text(&output).lines().find(|line| line.starts_with("happened: ")).map(str::to_owned);
        assert!(happened.as_ref().is_some_and(|line| line.contains(counted)), "seed {seed}: {happened:?}");
        let lines = String::from_utf8_lossy(&std::fs::read(Path::new(&log)).expect("the log is written")).into_owned();
        for wanted in logged {
            assert!(lines.contains(wanted), "seed {seed}: {wanted:?} is not in the log");
        }
        assert_eq!(hash(&output), hash(&run(&[])), "seed {seed}: a plan is replayed");
    }
}

#[test]
fn a_component_traps() {
    let plan = format!("1s trap chat {WEB};heal 4s");
    check(&plan, "guest: trap (1)", &["guest: trap of web", "a fault of the simulator"]);
}

#[test]
fn a_component_computes_without_end_until_it_is_killed() {
    let plan = format!("1s loop chat {WEB} for 500ms;heal 4s");
    check(&plan, "guest: endless loop (1)", &["guest: endless loop of web", " killed"]);
}

#[test]
fn a_component_has_grown_to_its_limit() {
    let plan = format!("1s grow chat {WEB};heal 4s");
    check(&plan, "guest: memory at its limit (1)", &["guest: memory at its limit of web", "memory_limit"]);
}

#[test]
fn a_component_is_sent_a_giant_message() {
    check("2s giant chat #0 16777216B;heal 4s", "guest: giant message (1)", &["guest: giant message <"]);
}

#[test]
fn a_component_is_slow() {
    let plan = format!("500ms slow-guest chat {WEB} 30000% for 3s;heal 4s");
    check(&plan, "guest: slow (", &[]);
}

/// Under faults that the seeds draw, and with a component so slow that its clients give up.
#[test]
fn every_rare_branch_of_the_host_is_reached() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("plan");
    std::fs::write(&file, format!("1s loop chat {WEB} for 30s\nheal 32s\n")).expect("the plan");
    let explore = |arguments: &[&str]| {
        let output = sim(build::chat(), arguments);
        assert!(output.status.success(), "{}", text(&output));
        text(&output).lines().find(|line| line.starts_with("reached: ")).expect("a summary").to_owned()
    };
    let reached = explore(&["--seeds", "40", "--jobs", "2"])
        + &explore(&["--seeds", "3", "--jobs", "2", "--faults", file.to_str().expect("text")]);
    let never: Vec<&&str> = Mark::NAMES.iter().filter(|mark| !reached.contains(**mark)).collect();
    assert!(never.is_empty(), "no seed reached {never:?}; they reached {reached}");
}
