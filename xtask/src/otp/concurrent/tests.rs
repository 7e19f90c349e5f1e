use super::outcome::{Outcome, Seen, Value};
use super::program::{Address, Operation, Program, Target, program};
use super::{model, run};
use crate::otp::world::World;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusm_core::Context;
use std::collections::BTreeSet;

/// How often each program runs in the simulator, under as many schedules.
const SCHEDULES: u64 = 12;
/// How often it runs on two threads.
const RUNS_ON_THREADS: usize = 24;

fn run_all(program: &Program, world: World, times: usize) -> BTreeSet<Outcome> {
    let jobs = (0..times).map(|_| {
        let program = program.clone();
        move |context: Context| run::run(context, program, world)
    });
    world.run_all(jobs.collect()).expect("the programs run").into_iter().collect()
}

/// Every outcome must be one that the model permits.
fn stays_within(program: &Program, found: &BTreeSet<Outcome>) -> Result<(), TestCaseError> {
    for outcome in found {
        let permitted = model::permits(program, outcome);
        prop_assert_ne!(permitted, Some(false), "no order of events permits this outcome: {:?}", outcome);
        if permitted.is_none() {
            return Err(TestCaseError::reject("too many orders to follow"));
        }
    }
    Ok(())
}

fn check(cases: u32, find: impl Fn(&Program) -> BTreeSet<Outcome>) {
    let mut runner = TestRunner::new(Config {
        cases: Config::default().cases.max(cases),
        failure_persistence: None,
        ..Config::default()
    });
    let ran = runner.run(&program(), |program| stays_within(&program, &find(&program)));
    if let Err(error) = ran {
        panic!("{error}");
    }
}

fn program_of<const N: usize>(scripts: [&[Operation]; N]) -> Program {
    Program { scripts: scripts.into_iter().map(<[Operation]>::to_vec).collect() }
}

fn send(to: usize, message: u32) -> Operation {
    Operation::Send { to: Address::Process(to), message }
}

fn monitor(other: usize) -> Operation {
    Operation::Monitor { monitor: 0, target: Target::Process(other), alias: None }
}

/// The mailboxes in which a process may end up, by the model.
fn mailboxes(program: &Program, process: usize) -> Vec<Vec<Seen>> {
    let outcomes = model::outcomes(program).expect("a small program");
    let mailboxes = outcomes.into_iter().filter_map(|outcome| Some(outcome.0[process].state.clone().ok()?.mailbox));
    mailboxes.collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn the_model_keeps_the_order_of_one_sender_and_no_other() {
    use Seen::Plain;
    let two_senders = program_of([&[send(2, 1), send(2, 2)], &[send(2, 3)], &[]]);
    let expected = [[1, 2, 3], [1, 3, 2], [3, 1, 2]].map(|order| order.map(Plain).to_vec());
    assert_eq!(mailboxes(&two_senders, 2), expected);
    // What p1 sends is caused by what p0 sent before, and may come first.
    let through_a_third = program_of([&[send(2, 1), send(1, 2)], &[Operation::Receive, send(2, 3)], &[]]);
    assert_eq!(mailboxes(&through_a_third, 2), [[1, 3], [3, 1]].map(|order| order.map(Plain).to_vec()));
}

#[test]
fn the_model_orders_the_news_of_one_death_in_no_way_and_before_noproc() {
    let (exit, down) = (Seen::Exit { from: 1, reason: "boom" }, Seen::Down { monitor: 0, reason: "boom" });
    let watcher = [Operation::Trap(true), Operation::Link(1), monitor(1), send(1, 1)];
    let dies = [Operation::Receive, Operation::Exit("boom")];
    assert_eq!(mailboxes(&program_of([&watcher, &dies]), 0), [[exit, down], [down, exit]]);
    // Whoever monitors the dead hears `noproc`, and never before what it heard of the death itself.
    let again = Operation::Monitor { monitor: 1, target: Target::Process(1), alias: None };
    let kills = [monitor(1), Operation::ExitSignal(1, "boom"), again];
    let noproc = Seen::Down { monitor: 1, reason: "noproc" };
    assert_eq!(mailboxes(&program_of([&kills, &[]]), 0), [[down, noproc]]);
}

#[test]
fn an_outcome_that_no_order_permits_is_refused() {
    let program = program_of([&[send(2, 1), send(2, 2)], &[send(2, 3)], &[]]);
    let permitted = model::outcomes(&program).and_then(|mut all| all.pop_first()).expect("an outcome");
    assert_eq!(model::permits(&program, &permitted), Some(true));
    let mut reordered = permitted.clone();
    reordered.0[2].state.as_mut().expect("p2 lives").mailbox = [3, 2, 1].map(Seen::Plain).to_vec();
    assert_eq!(model::permits(&program, &reordered), Some(false));
    let mut refused = permitted;
    refused.0[0].values[0] = Value::Badarg;
    assert_eq!(model::permits(&program, &refused), Some(false));
}

/// The simulator finds what may happen, not only what usually does.
#[test]
fn the_simulator_reaches_every_permitted_outcome_of_a_race() {
    #[track_caller]
    fn reaches_all(program: &Program) {
        let found: BTreeSet<Outcome> =
            (0..200).flat_map(|seed| run_all(program, World::Simulated { seed }, 1)).collect();
        assert_eq!(Some(found), model::outcomes(program));
    }
    reaches_all(&program_of([&[send(2, 1), send(2, 2)], &[send(2, 3)], &[]]));
    reaches_all(&program_of([&[send(2, 1), send(1, 2)], &[Operation::Receive, send(2, 3)], &[]]));
    // A name: who gets it, who sees it, and whether its owner is dead by then.
    let register = [Operation::Register(0, 2), Operation::Whereis(0)];
    reaches_all(&program_of([&register, &register, &[]]));
    reaches_all(&program_of([&[monitor(1)], &[Operation::Exit("boom")]]));
}

#[test]
fn concurrent_programs_end_as_the_rules_permit_in_the_simulator() {
    check(300, |program| (0..SCHEDULES).flat_map(|seed| run_all(program, World::Simulated { seed }, 1)).collect());
}

#[test]
fn concurrent_programs_end_as_the_rules_permit_on_two_threads() {
    check(300, |program| run_all(program, World::Threads(2), RUNS_ON_THREADS));
}
