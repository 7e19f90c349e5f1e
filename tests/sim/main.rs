//! The chat example in the simulator, as its users run it: `rusm sim`.

#![expect(clippy::disallowed_methods, reason = "runs the command, which runs the simulator")]

#[path = "../serve/support/build.rs"]
#[allow(dead_code, reason = "the suite over real sockets needs more of it")]
mod build;
mod faults;

use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::{Command, Output};

const SEEDS: u64 = 20;

/// The exit code of a broken property.
const PROPERTY_BROKEN: i32 = 4;

fn sim(app: &Path, arguments: &[&str]) -> Output {
    Command::new(build::rusm()).arg("sim").arg(app).args(arguments).output().expect("rusm can be started")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The trace hash, which is the last line.
fn hash(output: &Output) -> String {
    let printed = text(output);
    let hash = printed.lines().last().and_then(|line| line.strip_prefix("trace "));
    hash.unwrap_or_else(|| panic!("no hash: {printed}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

#[test]
fn two_processes_give_the_same_trace_and_the_log_is_what_the_hash_is_of() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let log = directory.path().join("log");
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 1..=SEEDS {
        let seed = seed.to_string();
        let first = sim(build::chat(), &["--seed", &seed]);
        assert!(first.status.success(), "{}", text(&first));
        let recorded = sim(build::chat(), &["--seed", &seed, "--record", log.to_str().expect("text")]);
        assert_eq!(hash(&first), hash(&recorded), "seed {seed}");
        let mut content = std::fs::read(&log).expect("the log is written");
        assert_eq!(hash(&first), digest(&content), "seed {seed}");
        // One changed event is another hash.
        *content.last_mut().expect("a log") ^= 1;
        assert_ne!(hash(&first), digest(&content), "seed {seed}");
        assert!(hashes.insert(hash(&first)), "seed {seed} is another seed's run");
    }
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_run_says_first_what_it_is_and_what_goes_wrong_in_it() {
    let output = text(&sim(build::chat(), &["--seed", "7"]));
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines[0].starts_with("rusm 0.") && lines[0].ends_with("--seed 7"), "{output}");
    assert_eq!(lines[1], "seed 7");
    assert!(lines[2].starts_with("profile policy="), "{output}");
    assert!(lines[3..].iter().any(|line| line.starts_with("heal ")), "the plan is not printed: {output}");
}

/// An app that lacks what its scenario asks for: the statistics.
#[test]
fn a_broken_property_is_told_with_the_command_that_replays_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for entry in std::fs::read_dir(build::chat()).expect("the chat") {
        let entry = entry.expect("the chat");
        std::os::unix::fs::symlink(entry.path(), directory.path().join(entry.file_name())).expect("a link");
    }
    let manifest = std::fs::read_to_string(build::chat().join("rusm.toml")).expect("the manifest");
    let without = manifest.replace("path = \"/events\"", "path = \"/elsewhere\"");
    assert_ne!(manifest, without, "the chat serves its statistics somewhere else");
    std::fs::remove_file(directory.path().join("rusm.toml")).expect("a link");
    std::fs::write(directory.path().join("rusm.toml"), without).expect("the manifest");

    let explored = sim(directory.path(), &["--seeds", "3", "--jobs", "1"]);
    let printed = text(&explored);
    assert_eq!(explored.status.code(), Some(PROPERTY_BROKEN), "{printed}");
    assert!(printed.contains("property broken: statistics-arrive"), "{printed}");
    let replay = printed.lines().find_map(|line| line.strip_prefix("replay: rusm sim ")).expect("a command");
    let (app, seed) = replay.split_once(" --seed ").expect("a seed");
    assert_eq!(Path::new(app), directory.path());
    let replayed = sim(Path::new(app), &["--seed", seed]);
    assert_eq!(replayed.status.code(), Some(PROPERTY_BROKEN), "{}", text(&replayed));
    assert_eq!(hash(&explored), hash(&replayed), "the replay is another run");
}
