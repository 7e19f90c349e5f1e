//! Same seed, same trace: the event log has a digest of each datagram, so that a single random byte from outside of the run shows.

use crate::world::{NAMES, asks, echoes, ms, reaches};
use rusm_sim::suite::Suite;
use rusm_sim::{Case, ClusterWire, FaultKind, Outcome, Report, SimHandle, Test};
use std::process::Command;

const SEEDS: u64 = 10;
const PRINT_SEED: &str = "RUSM_PRINT_HASH_OF_SEED";

/// Three nodes that talk while ways are cut and nodes crash.
fn talk(test: &mut Test) {
    echoes(test);
    test.faults([FaultKind::Crash, FaultKind::Cut]).fault_count(4..12);
    test.script("outside", |sim: SimHandle| async move {
        while !sim.healed() {
            sim.sleep(ms(50)).await;
            for from in NAMES {
                for of in NAMES {
                    asks(&sim, from, of, 3_000, ms(200)).await;
                }
            }
        }
        for from in NAMES {
            for of in NAMES {
                reaches(&sim, from, of).await;
            }
        }
    });
}

fn run(seed: u64) -> Report {
    let report = Suite::new("talk", talk).run(&Case::of_seed(seed).over(ClusterWire::Quic));
    assert_eq!(report.outcome, Outcome::Passed, "seed {seed}");
    report
}

#[test]
fn two_processes_agree_on_every_byte() {
    let program = std::env::current_exe().expect("this program");
    let mut reached = std::collections::BTreeSet::new();
    for seed in 1..=SEEDS {
        let mut other = Command::new(&program);
        other.args(["--exact", "same_bytes::print_hash", "--nocapture"]).env(PRINT_SEED, seed.to_string());
        let output = String::from_utf8(other.output().expect("this program runs").stdout).expect("text");
        let printed = output.split_whitespace().find_map(|word| word.strip_prefix("trace:"));
        let report = run(seed);
        assert_eq!(printed, Some(report.trace()), "seed {seed}: {output}");
        reached.extend(report.counts.into_keys());
    }
    for what in ["datagrams: lost in a cut", FaultKind::Crash.name()] {
        assert!(reached.contains(what), "{what} is not among {reached:?}");
    }
}

/// Prints the hash of one seed for [`two_processes_agree_on_every_byte`]; without a seed, compares a seed with itself.
#[test]
fn print_hash() {
    match std::env::var(PRINT_SEED) {
        Ok(seed) => println!("trace:{}", run(seed.parse().expect("a seed")).trace()),
        Err(_) => assert_eq!(run(7).hash, run(7).hash),
    }
}

#[test]
fn seeds_differ() {
    assert_ne!(run(1).hash, run(2).hash);
}
