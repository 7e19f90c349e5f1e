use super::request::{Reply, Request};
use super::test_world::{Driven, Ends, Outcome, World, child, pid};
use super::*;
use crate::ExitReason;
use std::time::Duration;

const UP: Outcome = Outcome::Up(Ends::Obeys);

fn boom() -> ExitReason {
    ExitReason::new("boom")
}

fn abc(strategy: Strategy) -> SupervisorSpec {
    SupervisorSpec::new(strategy)
        .intensity(3, Duration::from_secs(5))
        .child(child("a"))
        .child(child("b"))
        .child(child("c"))
}

fn always_up() -> World {
    World::new(|_, _| UP)
}

/// Starts the supervisor, lets process `ended` end, and compares what happened after the start.
#[track_caller]
fn check(spec: SupervisorSpec, ended: (u32, ExitReason), expected: &[&str]) -> Driven {
    check_in(always_up(), spec, ended, expected)
}

#[track_caller]
fn check_in(world: World, spec: SupervisorSpec, ended: (u32, ExitReason), expected: &[&str]) -> Driven {
    let mut driven = Driven::start(spec, world);
    assert!(driven.up);
    driven.take_log();
    driven.exit(ended.0, ended.1);
    assert_eq!(driven.take_log(), expected);
    driven
}

fn ids(driven: &mut Driven) -> Vec<(String, Option<u32>, u32)> {
    match driven.ask(Request::WhichChildren) {
        Some(Reply::Children(children)) => {
            children.into_iter().map(|info| (info.id, info.pid.map(|pid| pid.index), info.restarts)).collect()
        }
        other => panic!("not a list of children: {other:?}"),
    }
}

#[track_caller]
fn check_children(driven: &mut Driven, expected: &[(&str, Option<u32>, u32)]) {
    let found = ids(driven);
    let found: Vec<_> = found.iter().map(|(id, pid, restarts)| (id.as_str(), *pid, *restarts)).collect();
    assert_eq!(found, expected);
}

// 4.1

#[test]
fn children_start_in_order_and_a_failed_one_stops_the_started_ones_in_reverse() {
    let driven = Driven::start(abc(Strategy::OneForOne), World::new(|n, _| if n == 3 { Outcome::Fails } else { UP }));
    assert_eq!(driven.world.log, ["start a as 1", "start b as 2", "fail c", "stop 2 shutdown", "stop 1 shutdown"]);
    assert!(!driven.up);
    assert_eq!(driven.ended, Some(ExitReason::SHUTDOWN.with_detail("failed_to_start_child(c, bad)")));
}

// 4.2

#[test]
fn ignore_keeps_the_spec_without_a_process_except_of_a_temporary_child() {
    let spec =
        SupervisorSpec::new(Strategy::OneForOne).child(child("kept")).child(child("gone").restart(Restart::Temporary));
    let mut driven = Driven::start(spec, World::new(|_, _| Outcome::Ignores));
    check_children(&mut driven, &[("kept", None, 0)]);
}

// 4.3, 4.4

#[test]
fn a_permanent_child_is_always_restarted() {
    for reason in [ExitReason::NORMAL, ExitReason::SHUTDOWN, boom()] {
        check(abc(Strategy::OneForOne), (2, reason), &["start b as 4"]);
    }
}

#[test]
fn a_transient_child_is_restarted_unless_its_end_was_orderly_and_its_spec_stays() {
    let spec = || SupervisorSpec::new(Strategy::OneForOne).child(child("a").restart(Restart::Transient));
    check(spec(), (1, boom()), &["start a as 2"]);
    for reason in [ExitReason::NORMAL, ExitReason::SHUTDOWN, ExitReason::SHUTDOWN.with_detail("x")] {
        let mut driven = check(spec(), (1, reason), &[]);
        check_children(&mut driven, &[("a", None, 0)]);
    }
}

#[test]
fn a_temporary_child_is_never_restarted_and_its_spec_is_gone() {
    let spec = || SupervisorSpec::new(Strategy::OneForOne).child(child("a").restart(Restart::Temporary));
    for reason in [ExitReason::NORMAL, boom()] {
        let mut driven = check(spec(), (1, reason), &[]);
        check_children(&mut driven, &[]);
    }
}

// 4.5

#[test]
fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    let expected = ["stop 3 shutdown", "stop 1 shutdown", "start a as 4", "start b as 5", "start c as 6"];
    let mut driven = check(abc(Strategy::OneForAll), (2, boom()), &expected);
    check_children(&mut driven, &[("c", Some(6), 1), ("b", Some(5), 1), ("a", Some(4), 1)]);
}

#[test]
fn rest_for_one_leaves_the_children_before_alone() {
    check(abc(Strategy::RestForOne), (2, boom()), &["stop 3 shutdown", "start b as 4", "start c as 5"]);
}

#[test]
fn a_temporary_child_is_stopped_with_its_group_and_forgotten() {
    let spec = abc(Strategy::OneForAll).child(child("d").restart(Restart::Temporary));
    let expected =
        ["stop 4 shutdown", "stop 3 shutdown", "stop 1 shutdown", "start a as 5", "start b as 6", "start c as 7"];
    check(spec, (2, boom()), &expected);
}

// 4.6

fn dynamic() -> SupervisorSpec {
    SupervisorSpec::dynamic(child("x")).intensity(3, Duration::from_secs(5))
}

#[track_caller]
fn start_instances(world: World, numbers: &[u32]) -> Driven {
    let mut driven = Driven::start(dynamic(), world);
    for number in numbers {
        let reply = driven.ask(Request::StartInstance(ChildArgs::local(*number)));
        assert!(matches!(reply, Some(Reply::Started(Ok(Some(_))))), "{reply:?}");
    }
    driven.take_log();
    driven
}

#[test]
fn an_instance_is_restarted_with_its_own_arguments() {
    let mut driven = start_instances(always_up(), &[7, 8]);
    driven.exit(2, boom());
    assert_eq!(driven.take_log(), ["start x(8) as 3"]);
    check_children(&mut driven, &[("x", Some(3), 1), ("x", Some(1), 0)]);
}

#[test]
fn an_instance_is_terminated_by_pid_and_a_dead_or_unknown_process_is_told_apart() {
    let mut driven = start_instances(always_up(), &[7, 8]);
    let mut terminate = |child: ChildRef| driven.ask(Request::TerminateChild(child));
    assert_eq!(terminate(pid(1).into()), Some(Reply::Done(Ok(()))));
    assert_eq!(terminate("x".into()), Some(Reply::Done(Err(SupervisorError::SimpleOneForOne))));
    assert_eq!(terminate(pid(99).into()), Some(Reply::Done(Ok(()))));
    assert_eq!(terminate(pid(100).into()), Some(Reply::Done(Err(SupervisorError::NotFound))));
    assert_eq!(driven.take_log(), ["stop 1 shutdown"]);
}

#[test]
fn instances_have_no_spec_to_restart_or_delete() {
    let mut driven = start_instances(always_up(), &[7]);
    let refused = SupervisorError::SimpleOneForOne;
    assert_eq!(driven.ask(Request::RestartChild("x".into())), Some(Reply::Started(Err(refused.clone()))));
    assert_eq!(driven.ask(Request::DeleteChild("x".into())), Some(Reply::Done(Err(refused.clone()))));
    assert_eq!(driven.ask(Request::StartChild(child("y"))), Some(Reply::Started(Err(refused))));
}

#[test]
fn instances_are_told_to_stop_all_at_once() {
    let mut driven = start_instances(always_up(), &[7, 8]);
    driven.state.stop(driven.world.now, ExitReason::SHUTDOWN);
    let told: Vec<_> = std::iter::from_fn(|| driven.state.poll_action()).map(|action| format!("{action:?}")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    driven.state.handle_down(driven.world.now, pid(2), ExitReason::SHUTDOWN);
    assert!(driven.state.poll_action().is_none());
    driven.state.handle_down(driven.world.now, pid(1), ExitReason::SHUTDOWN);
    assert!(driven.state.poll_action().is_some());
}

/// Divergence: OTP 25 then supervises the atom `undefined`.
#[test]
fn an_instance_whose_restart_says_ignore_is_forgotten() {
    let mut driven = start_instances(World::new(|n, _| if n > 1 { Outcome::Ignores } else { UP }), &[7]);
    driven.exit(1, boom());
    check_children(&mut driven, &[]);
}

// 4.7, 4.8

#[test]
fn one_restart_more_than_the_intensity_ends_the_supervisor_with_shutdown() {
    let mut driven = Driven::start(abc(Strategy::OneForOne), always_up());
    for ended in [1, 4, 5] {
        driven.exit(ended, boom());
    }
    assert_eq!(driven.ended, None);
    driven.take_log();
    driven.exit(6, boom());
    assert_eq!(driven.take_log(), ["stop 3 shutdown", "stop 2 shutdown"]);
    assert_eq!(driven.ended, Some(ExitReason::SHUTDOWN));
    assert!(matches!(driven.decisions.last(), Some(Decision::GaveUp { count: 4, intensity: 3, .. })));
}

#[test]
fn a_failed_restart_counts_and_is_tried_again_through_the_mailbox() {
    let world = World::new(|n, _| if (4..6).contains(&n) { Outcome::Fails } else { UP });
    let mut driven = check_in(world, abc(Strategy::OneForOne), (1, boom()), &["fail a"]);
    check_children(&mut driven, &[("c", Some(3), 0), ("b", Some(2), 0), ("a", None, 0)]);
    assert_eq!(driven.ask(Request::RestartChild("a".into())), Some(Reply::Started(Err(SupervisorError::Restarting))));
    assert_eq!(driven.ask(Request::DeleteChild("a".into())), Some(Reply::Done(Err(SupervisorError::Restarting))));
    assert!(driven.retry());
    assert!(driven.retry());
    assert!(!driven.retry());
    assert_eq!(driven.take_log(), ["fail a", "start a as 6"]);
    check_children(&mut driven, &[("c", Some(3), 0), ("b", Some(2), 0), ("a", Some(6), 1)]);
    driven.exit(6, boom());
    assert_eq!(driven.ended, Some(ExitReason::SHUTDOWN), "three attempts were counted before this one");
}

#[test]
fn a_child_terminated_before_its_retry_is_not_restarted() {
    let world = World::new(|n, _| if n == 4 { Outcome::Fails } else { UP });
    let mut driven = check_in(world, abc(Strategy::OneForOne), (1, boom()), &["fail a"]);
    assert_eq!(driven.ask(Request::TerminateChild("a".into())), Some(Reply::Done(Ok(()))));
    assert!(driven.retry());
    assert!(driven.take_log().is_empty());
    check_children(&mut driven, &[("c", Some(3), 0), ("b", Some(2), 0), ("a", None, 0)]);
}

// 4.9

#[test]
fn in_a_group_the_retry_begins_with_the_child_that_failed() {
    let world = World::new(|n, _| if n == 5 { Outcome::Fails } else { UP });
    let mut driven = check_in(
        world,
        abc(Strategy::RestForOne),
        (1, boom()),
        &["stop 3 shutdown", "stop 2 shutdown", "start a as 4", "fail b"],
    );
    driven.retry();
    assert_eq!(driven.take_log(), ["start b as 6", "start c as 7"]);
}

// 4.10

#[test]
fn a_child_that_stays_is_killed_when_its_shutdown_time_is_over() {
    let world = World::new(|_, _| Outcome::Up(Ends::Never));
    let mut driven = Driven::start(abc(Strategy::OneForOne), world);
    driven.take_log();
    assert_eq!(driven.ask(Request::TerminateChild("b".into())), Some(Reply::Done(Ok(()))));
    assert_eq!(driven.take_log(), ["stop 2 killed"]);
    assert_eq!(driven.decisions, [Decision::StoppedOtherwise]);
}

#[test]
fn the_shutdown_time_is_over_at_its_deadline_and_not_before() {
    let mut driven = Driven::start(abc(Strategy::OneForOne), always_up());
    driven.state.handle_request(driven.world.now, super::test_world::caller(), Request::TerminateChild("b".into()));
    while driven.state.poll_action().is_some() {}
    let deadline = driven.state.poll_timeout().expect("a worker has five seconds");
    assert_eq!(deadline.since(driven.world.now), Duration::from_secs(5));
    driven.state.handle_timeout(crate::Timestamp::from_nanos(deadline.as_nanos() - 1));
    assert!(driven.state.poll_action().is_none());
    driven.state.handle_timeout(deadline);
    assert!(driven.state.poll_action().is_some());
    assert_eq!(driven.state.poll_timeout(), None);
}

#[test]
fn brutal_kill_does_not_ask_first() {
    let spec = SupervisorSpec::new(Strategy::OneForOne).child(child("a").shutdown(Shutdown::BrutalKill));
    let mut driven = Driven::start(spec, always_up());
    driven.take_log();
    driven.stop(ExitReason::SHUTDOWN);
    assert_eq!(driven.take_log(), ["stop 1 killed"]);
    assert_eq!(driven.decisions, []);
}

// 4.11

#[test]
fn a_child_is_terminated_then_restarted_or_deleted() {
    let mut driven = Driven::start(abc(Strategy::OneForOne), always_up());
    let done = |result| Some(Reply::Done(result));
    let started = |result| Some(Reply::Started(result));
    assert_eq!(driven.ask(Request::RestartChild("a".into())), started(Err(SupervisorError::Running)));
    assert_eq!(driven.ask(Request::DeleteChild("a".into())), done(Err(SupervisorError::Running)));
    assert_eq!(driven.ask(Request::StartChild(child("a"))), started(Err(SupervisorError::AlreadyStarted(pid(1)))));
    assert_eq!(driven.ask(Request::TerminateChild("a".into())), done(Ok(())));
    assert_eq!(driven.ask(Request::TerminateChild("a".into())), done(Ok(())));
    assert_eq!(driven.ask(Request::StartChild(child("a"))), started(Err(SupervisorError::AlreadyPresent)));
    assert_eq!(driven.ask(Request::RestartChild("a".into())), started(Ok(Some(pid(4)))));
    assert_eq!(driven.ask(Request::TerminateChild("a".into())), done(Ok(())));
    assert_eq!(driven.ask(Request::DeleteChild("a".into())), done(Ok(())));
    for request in [Request::TerminateChild("a".into()), Request::DeleteChild("a".into())] {
        assert_eq!(driven.ask(request), done(Err(SupervisorError::NotFound)));
    }
    assert_eq!(driven.ask(Request::RestartChild("a".into())), started(Err(SupervisorError::NotFound)));
    assert_eq!(driven.ask(Request::StartChild(child("a"))), started(Ok(Some(pid(5)))));
    check_children(&mut driven, &[("a", Some(5), 0), ("c", Some(3), 0), ("b", Some(2), 0)]);
}

#[test]
fn a_new_child_that_does_not_start_is_not_kept_and_an_old_one_is() {
    let mut driven =
        Driven::start(abc(Strategy::OneForOne), World::new(|n, _| if n > 3 { Outcome::Fails } else { UP }));
    let failed = || Some(Reply::Started(Err(SupervisorError::StartFailed(ExitReason::new("bad")))));
    assert_eq!(driven.ask(Request::StartChild(child("d"))), failed());
    assert_eq!(driven.ask(Request::TerminateChild("a".into())), Some(Reply::Done(Ok(()))));
    assert_eq!(driven.ask(Request::RestartChild("a".into())), failed());
    check_children(&mut driven, &[("c", Some(3), 0), ("b", Some(2), 0), ("a", None, 0)]);
}

// 4.12

fn significant(auto_shutdown: AutoShutdown) -> SupervisorSpec {
    let child = |id| child(id).restart(Restart::Transient);
    SupervisorSpec::new(Strategy::OneForOne)
        .auto_shutdown(auto_shutdown)
        .child(child("a").significant(true))
        .child(child("b").significant(true))
        .child(child("c"))
}

#[test]
fn any_significant_child_that_ended_for_good_ends_the_supervisor() {
    let expected = ["stop 3 shutdown", "stop 2 shutdown"];
    let driven = check(significant(AutoShutdown::AnySignificant), (1, ExitReason::NORMAL), &expected);
    assert_eq!(driven.ended, Some(ExitReason::SHUTDOWN));
    let driven = check(significant(AutoShutdown::AnySignificant), (3, ExitReason::NORMAL), &[]);
    assert_eq!(driven.ended, None);
}

#[test]
fn all_significant_children_must_have_ended() {
    let mut driven = check(significant(AutoShutdown::AllSignificant), (1, ExitReason::NORMAL), &[]);
    assert_eq!(driven.ended, None);
    driven.exit(2, ExitReason::NORMAL);
    assert_eq!(driven.ended, Some(ExitReason::SHUTDOWN));
}

#[test]
fn a_restart_is_no_end_of_a_significant_child_and_terminate_child_neither() {
    let mut driven = check(significant(AutoShutdown::AnySignificant), (1, boom()), &["start a as 4"]);
    assert_eq!(driven.ask(Request::TerminateChild("b".into())), Some(Reply::Done(Ok(()))));
    assert_eq!(driven.ended, None);
}

#[test]
fn a_significant_child_needs_auto_shutdown_and_must_not_be_permanent() {
    let never =
        SupervisorSpec::new(Strategy::OneForOne).child(child("a").restart(Restart::Transient).significant(true));
    assert!(matches!(never.check(), Err(SpecError::SignificantWithoutAutoShutdown { .. })));
    let permanent = SupervisorSpec::new(Strategy::OneForOne)
        .auto_shutdown(AutoShutdown::AnySignificant)
        .child(child("a").significant(true));
    assert!(matches!(permanent.check(), Err(SpecError::SignificantAndPermanent { .. })));
}

#[test]
fn a_spec_that_contradicts_itself_is_refused() {
    let twice = SupervisorSpec::new(Strategy::OneForOne).child(child("a")).child(child("a"));
    assert_eq!(twice.check(), Err(SpecError::DuplicateId { id: "a".into() }));
    let no_time = SupervisorSpec::new(Strategy::OneForOne).intensity(1, Duration::ZERO);
    assert_eq!(no_time.check(), Err(SpecError::ZeroPeriod));
    let no_template = SupervisorSpec::new(Strategy::SimpleOneForOne);
    assert_eq!(no_template.check(), Err(SpecError::NotOneTemplate { specs: 0 }));
}

// 4.13

#[test]
fn exits_of_strangers_are_ignored() {
    let mut driven = check(abc(Strategy::OneForAll), (99, boom()), &[]);
    check_children(&mut driven, &[("c", Some(3), 0), ("b", Some(2), 0), ("a", Some(1), 0)]);
}

#[test]
fn the_parents_exit_stops_all_children_in_reverse_and_then_the_supervisor_with_that_reason() {
    let mut driven = Driven::start(abc(Strategy::OneForOne), always_up());
    driven.take_log();
    driven.stop(boom());
    assert_eq!(driven.take_log(), ["stop 3 shutdown", "stop 2 shutdown", "stop 1 shutdown"]);
    assert_eq!(driven.ended, Some(boom()));
}

// 4.14

#[test]
fn counts_are_of_specs_running_children_and_kinds() {
    let nested = ChildSpec::supervisor("s", SupervisorSpec::new(Strategy::OneForOne)).restart(Restart::Transient);
    let mut driven = check(abc(Strategy::OneForOne).child(nested), (4, ExitReason::NORMAL), &[]);
    let counts = ChildCounts { specs: 4, active: 3, supervisors: 1, workers: 3 };
    assert_eq!(driven.ask(Request::CountChildren), Some(Reply::Counts(counts)));
    let mut driven = start_instances(always_up(), &[7, 8]);
    let counts = ChildCounts { specs: 1, active: 2, supervisors: 0, workers: 2 };
    assert_eq!(driven.ask(Request::CountChildren), Some(Reply::Counts(counts)));
}

// 4.15

#[test]
fn new_specs_keep_running_children_and_start_none() {
    let mut driven = Driven::start(abc(Strategy::OneForOne), always_up());
    driven.take_log();
    let spec = SupervisorSpec::new(Strategy::OneForAll)
        .intensity(9, Duration::from_secs(9))
        .child(child("new"))
        .child(child("c"))
        .child(child("a"));
    assert_eq!(driven.ask(Request::Change(spec)), Some(Reply::Done(Ok(()))));
    assert!(driven.take_log().is_empty());
    check_children(&mut driven, &[("b", Some(2), 0), ("a", Some(1), 0), ("c", Some(3), 0), ("new", None, 0)]);
    driven.exit(1, boom());
    let expected =
        ["stop 2 shutdown", "stop 3 shutdown", "start new as 4", "start c as 5", "start a as 6", "start b as 7"];
    assert_eq!(driven.take_log(), expected);
}

#[test]
fn a_bad_change_changes_nothing() {
    let mut driven = Driven::start(abc(Strategy::OneForOne), always_up());
    let refused = driven.ask(Request::Change(dynamic()));
    assert_eq!(refused, Some(Reply::Done(Err(SupervisorError::Spec(SpecError::OtherKindOfSupervisor)))));
    check_children(&mut driven, &[("c", Some(3), 0), ("b", Some(2), 0), ("a", Some(1), 0)]);
}
