//! The project's own conformance programs, with the outcomes of real Erlang/OTP, on the production executor and in the
//! simulator.

use super::program::programs;
use super::world::World;
use super::{signals, supervisors};
use std::collections::BTreeMap;

const SIGNALS: (&str, &str) =
    (include_str!("../../../tests/otp/signals.prog"), include_str!("../../../tests/otp/signals.out"));
const SUPERVISORS: (&str, &str) =
    (include_str!("../../../tests/otp/supervisors.prog"), include_str!("../../../tests/otp/supervisors.out"));

/// More of them: `RUSM_SEEDS=200 cargo test -p xtask otp`.
fn seeds() -> std::ops::Range<u64> {
    let count = std::env::var("RUSM_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(8);
    0..count
}

/// Outcomes by program, each as its lines.
fn by_program(outcomes: &str) -> BTreeMap<String, Vec<String>> {
    let programs = programs(outcomes, "program").expect("outcomes are in the format of programs");
    programs.into_iter().map(|program| (program.id, program.lines)).collect()
}

#[track_caller]
fn check(found: anyhow::Result<String>, expected: &str, world: World) {
    let found = by_program(&found.expect("the programs are in the format"));
    let expected = by_program(expected);
    // Those that wait for seconds may be left out.
    assert!(found.len() + 1 >= expected.len(), "{} programs of {}", found.len(), expected.len());
    for (id, found) in found {
        let expected = &expected[&id];
        for (line, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found, expected, "program {id}, line {line}, {world:?}: found, then what OTP did");
        }
        assert_eq!(found.len(), expected.len(), "program {id}, {world:?}");
    }
}

/// Without the programs that wait for seconds of real time.
fn without_sleeps(text: &str) -> String {
    let programs = programs(text, "supprogram").expect("the programs are in the format");
    let timeless = programs.iter().filter(|program| !program.lines.iter().any(|line| line.starts_with("do sleep")));
    timeless.map(|program| format!("supprogram {}\n{}\nend\n", program.id, program.lines.join("\n"))).collect()
}

#[test]
fn signal_programs_end_as_on_otp_on_one_and_two_threads() {
    let (programs, expected) = SIGNALS;
    for threads in [1, 2] {
        let world = World::Threads(threads);
        check(signals::outcomes(programs, world), expected, world);
    }
}

#[test]
fn signal_programs_end_as_on_otp_in_the_simulator() {
    let (programs, expected) = SIGNALS;
    for seed in seeds() {
        let world = World::Simulated { seed };
        check(signals::outcomes(programs, world), expected, world);
    }
}

#[test]
fn supervision_programs_end_as_on_otp_on_one_and_two_threads() {
    let (programs, expected) = SUPERVISORS;
    for threads in [1, 2] {
        let world = World::Threads(threads);
        check(supervisors::outcomes(&without_sleeps(programs), world), expected, world);
    }
}

#[test]
fn supervision_programs_end_as_on_otp_in_the_simulator() {
    let (programs, expected) = SUPERVISORS;
    for seed in seeds() {
        let world = World::Simulated { seed };
        check(supervisors::outcomes(programs, world), expected, world);
    }
}

#[test]
fn a_file_that_is_not_in_the_format_is_an_error_that_names_the_line() {
    let world = World::Threads(1);
    let check = |text: &str, expected: &str| {
        let error = signals::outcomes(text, world).expect_err("not in the format");
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    };
    check("roots p0\n", "line 1");
    check("program 1\nroots p0\n", "no end");
    check("program 7\nroots p0\np0: dance\nend\n", "program 7: step \"p0: dance\": unknown operation \"dance\"");
}
