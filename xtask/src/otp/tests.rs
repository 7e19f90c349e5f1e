//! The project's own conformance programs, with the outcomes of real Erlang/OTP, on the production executor and in the
//! simulator.

use super::program::{Program, programs};
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
    let lines = |program: Program| program.lines.into_iter().map(|line| line.text).collect();
    programs.into_iter().map(|program| (program.id.clone(), lines(program))).collect()
}

#[track_caller]
fn check(found: anyhow::Result<String>, expected: &str, world: World) {
    let found = by_program(&found.expect("the programs are in the format"));
    let expected = by_program(expected);
    // Those that depend on real time may be left out.
    assert!(found.len() + 2 >= expected.len(), "{} programs of {}", found.len(), expected.len());
    for (id, found) in found {
        let expected = &expected[&id];
        for (line, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found, expected, "program {id}, line {line}, {world:?}: found, then what OTP did");
        }
        assert_eq!(found.len(), expected.len(), "program {id}, {world:?}");
    }
}

/// What this program prints depends on how much is done before a shutdown time of 60 ms is over.
const TIMED: &str = "0064";

/// Without the programs that wait for seconds of real time, or depend on it.
fn without_time(text: &str) -> String {
    let programs = programs(text, "supprogram").expect("the programs are in the format");
    let lines = |program: &Program| program.lines.iter().map(|line| format!("{}\n", line.text)).collect::<String>();
    let programs = programs.iter().map(|program| (&program.id, lines(program)));
    let timeless = programs.filter(|(id, lines)| *id != TIMED && !lines.contains("do sleep"));
    timeless.map(|(id, lines)| format!("supprogram {id}\n{lines}end\n")).collect()
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
fn signal_programs_end_as_on_otp_spread_over_two_and_three_nodes() {
    let (programs, expected) = SIGNALS;
    for seed in seeds().step_by(2) {
        for nodes in [2, 3] {
            let world = World::Nodes { seed, nodes };
            check(signals::outcomes(programs, world), expected, world);
        }
    }
    assert!(super::nodes::crossed() > 10_000, "the programs have not crossed between nodes");
}

#[test]
fn supervision_programs_end_as_on_otp_on_one_and_two_threads() {
    let (programs, expected) = SUPERVISORS;
    for threads in [1, 2] {
        let world = World::Threads(threads);
        check(supervisors::outcomes(&without_time(programs), world), expected, world);
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
    #[track_caller]
    fn check(outcomes: fn(&str, World) -> anyhow::Result<String>, text: &str, expected: &str) {
        let error = outcomes(text, World::Threads(1)).expect_err("not in the format");
        assert_eq!(format!("{error:#}"), expected);
    }
    let whole = |text, expected| check(signals::outcomes, text, expected);
    whole("roots p0\n", "line 1: \"roots p0\": expected `program ID`");
    whole("# a comment\n\nprogram\n", "line 3: \"program\": expected `program ID`");
    whole("program 1\nroots p0\n", "program 1 has no end");
    whole("program 1\nroots p0\nprogram 2\n", "line 3: \"program 2\": program 1 has no end");
    whole("program 1\nend\n", "program 1: expected `roots PROCESS...`, not the end");
    whole("program 1\np0: return\nend\n", "program 1: line 2: \"p0: return\": expected `roots PROCESS...`");

    let step = |step: &str, expected: &str| {
        let text = format!("program 7\nroots p0\n{step}\nend\n");
        check(signals::outcomes, &text, &format!("program 7: line 3: {step:?}: {expected}"));
    };
    step("p0: dance", "unknown operation \"dance\"");
    step("p0 return", "expected `PROCESS: OPERATION`");
    step("x0: return", "expected a process, not \"x0\"");
    step("p0: link", "expected a process");
    step("p0: link p1 p2", "nothing was expected after it, but \"p2\"");
    step("p0: send p1 4 ;", "expected an operation");
    step("p0: send 4 p1", "expected a destination, not \"4\"");
    step("p0: send p1 four", "expected a number, not \"four\"");
    step("p0: monitor m1 a1", "expected a process or a name, not \"a1\"");
    step("p0: monitor_alias m1 p1 never", "unknown alias mode \"never\"");
    step("p0: demonitor m1 often", "unknown option \"often\"");
    step("p0: trap maybe", "expected `on` or `off`, not \"maybe\"");
    step("p0: recv mail", "unknown kind of message \"mail\"");

    let tree = |line: &str, expected: &str| {
        let root = "sup root strategy=one_for_one intensity=1 period=1";
        let text = format!("supprogram 7\n{root}\nchild root c1 restart=permanent shutdown=1\n{line}\nend\n");
        check(supervisors::outcomes, &text, &format!("program 7: line 4: {line:?}: {expected}"));
    };
    tree("dance", "expected `sup`, `child` or `do`, not \"dance\"");
    tree("do dance", "unknown event \"dance\"");
    tree("do exit c1", "expected a reason");
    tree("do exit c1 boom boom", "nothing was expected after it, but \"boom\"");
    tree("do sleep long", "expected milliseconds, not \"long\"");
    tree("child c1 c2", "c1 is no supervisor");
    tree("child root c2 restrat=permanent", "unknown option \"restrat\"");
    tree("child root c2 exit=obey exit=plain", "the option \"exit\" is there twice");
    tree("child root c2 obey", "expected an option, `NAME=VALUE`, not \"obey\"");
    tree("child root c2 shutdown=soon", "expected milliseconds, `infinity` or `brutal_kill`, not \"soon\"");
    tree("child root c2 start=fail:2", "expected `ok`, `ignore`, `error` or `fail:K:N`, not \"fail:2\"");
    tree("child root c2 sig=yes", "expected `sig=true` or `sig=false`, not \"yes\"");
    tree("sup s1 in=root intensity=1 period=1", "expected `strategy=`");
    tree("sup s1 strategy=one_for_one intensity=1 period=1", "every supervisor but `root` has a parent, `in=`");
    tree("sup s1 in=root strategy=all_for_one intensity=1 period=1", "unknown strategy \"all_for_one\"");
    tree("sup s1 in=root strategy=one_for_one intensity=-1 period=1", "expected a number of restarts, not \"-1\"");
    check(supervisors::outcomes, "supprogram 1\ndo count root\nend\n", "program 1: expected `sup root OPTION...`");
}
