//! `gen_statem`: states, events and timeouts.

use crate::told_machine::State::{A, B, C};
use crate::told_machine::{machine, machine_with, told};
use crate::{LONG, boom, check, ms, next, none, tell, wait};
use rusm_core::{
    Behaviour, CallError, Event, ExitReason, Initial, MachineInit, SpawnOptions, Standing, Started, StateMachine,
    TimeoutName, Transition, sys,
};
use std::time::Duration;

type Told = crate::told_machine::Told;

const T: TimeoutName = TimeoutName::Named("t");

#[test]
fn sm_enter_on_start() {
    check(|context| async move {
        machine(&context).await;
    });
}

#[test]
fn sm_postpone_order() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        for got in ["1", "2"] {
            let job = told(move |seen| {
                seen.tell(got);
                Transition::keep()
            });
            machine.cast(&context, job.put_off_in(A));
        }
        // What is put off has run, too: once before, once after.
        machine.cast(&context, told(|_| Transition::to(B)));
        machine.cast(
            &context,
            told(|seen| {
                seen.tell("3");
                Transition::keep()
            }),
        );
        for expected in ["1", "2", "enter A B", "1", "2", "3"] {
            assert_eq!(next(&context).await, expected);
        }
    });
}

/// An event that is put off and changes the state comes again at once, in the new state.
#[test]
fn what_is_put_off_with_a_change_of_state_comes_again_behind_its_own_events() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        let job = told(|seen| {
            seen.tell("job");
            Transition::to(B).next_event(Event::Internal("own"))
        });
        machine.cast(&context, job.put_off_in(A));
        for expected in ["job", "enter A B", "internal own in B", "job", "internal own in B"] {
            assert_eq!(next(&context).await, expected);
        }
    });
}

#[test]
fn sm_state_timeout_cancelled() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        machine.cast(&context, told(|_| Transition::to(B).state_timeout(ms(30), "x")));
        machine.cast(&context, told(|_| Transition::to(A)));
        assert_eq!(next(&context).await, "enter A B");
        assert_eq!(next(&context).await, "enter B A");
        context.sleep(ms(80)).await;
        none(&context).await;
    });
}

#[test]
fn sm_state_timeout_fires() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        machine.cast(&context, told(|_| Transition::to(B).state_timeout(ms(10), "x")));
        assert_eq!(next(&context).await, "enter A B");
        assert_eq!(next(&context).await, "state_timeout x in B");
    });
}

#[test]
fn sm_event_timeout_any_event() {
    check(|context| async move {
        let (pid, machine) = machine(&context).await;
        machine.cast(&context, told(|_| Transition::keep().event_timeout(ms(30), "x")));
        tell(&context, pid, "hi");
        assert_eq!(next(&context).await, "info hi in A");
        context.sleep(ms(80)).await;
        none(&context).await;
        machine.cast(&context, told(|_| Transition::keep().event_timeout(ms(30), "y")));
        assert_eq!(next(&context).await, "timeout y in A");
    });
}

#[test]
fn sm_generic_timeout_survives() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        machine.cast(&context, told(|_| Transition::to(B).timeout("t", ms(30), "x")));
        machine.cast(&context, told(|_| Transition::to(A)));
        assert_eq!(next(&context).await, "enter A B");
        assert_eq!(next(&context).await, "enter B A");
        assert_eq!(next(&context).await, "t x in A");
    });
}

#[test]
fn sm_generic_restart_overrides() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        let twice =
            |_: &crate::told_machine::Seen<'_>| Transition::keep().timeout("t", ms(20), "x").timeout("t", ms(60), "y");
        machine.cast(&context, told(twice));
        assert_eq!(next(&context).await, "t y in A");
        none(&context).await;
    });
}

#[test]
fn sm_timeout_cancel_update() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        machine.cast(&context, told(|_| Transition::keep().timeout("t", ms(20), "x").cancel_timeout(T)));
        context.sleep(ms(60)).await;
        none(&context).await;
        machine.cast(&context, told(|_| Transition::keep().timeout("t", ms(20), "x").update_timeout(T, "z")));
        assert_eq!(next(&context).await, "t z in A");
        none(&context).await;
        // One that does not run fires at once, and for ever is never.
        machine.cast(&context, told(|_| Transition::keep().update_timeout(T, "now")));
        assert_eq!(next(&context).await, "t now in A");
        machine.cast(&context, told(|_| Transition::keep().timeout("t", ms(20), "x").timeout("t", Duration::MAX, "x")));
        none(&context).await;
    });
}

#[test]
fn sm_zero_timeout_before_external() {
    check(|context| async move {
        let (pid, machine) = machine(&context).await;
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        machine.cast(&context, told(|_| Transition::keep().timeout("t", Duration::ZERO, "x")));
        tell(&context, pid, "later");
        sys::resume(&context, pid, LONG).await.expect("resumed");
        assert_eq!(next(&context).await, "t x in A");
        assert_eq!(next(&context).await, "info later in A");
    });
}

#[test]
fn sm_next_event_first() {
    check(|context| async move {
        let (pid, machine) = machine(&context).await;
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        machine.cast(
            &context,
            told(|_| Transition::keep().next_event(Event::Internal("1")).next_event(Event::Internal("2"))),
        );
        tell(&context, pid, "ext");
        sys::resume(&context, pid, LONG).await.expect("resumed");
        for expected in ["internal 1 in A", "internal 2 in A", "info ext in A"] {
            assert_eq!(next(&context).await, expected);
        }
    });
}

#[test]
fn sm_same_state_no_enter_no_retry() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        let job = told(|seen| {
            seen.tell("job");
            Transition::keep()
        });
        machine.cast(&context, job.put_off_in(A));
        machine.cast(&context, told(|_| Transition::to(A).state_timeout(ms(30), "x")));
        machine.cast(&context, told(|_| Transition::to(A)));
        assert_eq!(next(&context).await, "job");
        assert_eq!(next(&context).await, "state_timeout x in A");
        none(&context).await;
    });
}

#[test]
fn sm_repeat_state() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        let job = told(|seen| {
            seen.tell("job");
            Transition::keep()
        });
        machine.cast(&context, job.put_off_in(A));
        machine.cast(&context, told(|_| Transition::keep().state_timeout(ms(30), "x")));
        machine.cast(&context, told(|_| Transition::repeat()));
        assert_eq!(next(&context).await, "job");
        assert_eq!(next(&context).await, "enter A A");
        assert_eq!(next(&context).await, "state_timeout x in A");
        none(&context).await;
    });
}

#[test]
fn entering_a_state_sets_timeouts_and_starting_gives_events() {
    check(|context| async move {
        let (_, machine) = machine_with(&context, |_, to| {
            let initial = Initial::state(B).next_event(Event::Internal("first")).state_timeout(ms(20), "x");
            MachineInit::Up(Told::telling(to), initial)
        })
        .await;
        for expected in ["enter B B", "internal first in B", "state_timeout x in B"] {
            assert_eq!(next(&context).await, expected);
        }
        machine.cast(&context, told(|_| Transition::to(C)));
        assert_eq!(next(&context).await, "enter B C");
        assert_eq!(next(&context).await, "entered c in C");
    });
}

#[test]
fn a_call_is_answered_and_one_that_is_put_off_later() {
    check(|context| async move {
        let (_, machine) = machine(&context).await;
        let nothing = || told(|_| Transition::keep());
        assert_eq!(machine.call(&context, nothing(), LONG).await.as_deref(), Ok("A"));
        let waits = machine.send_request(&context, nothing().put_off_in(A)).expect("sent");
        machine.cast(&context, told(|_| Transition::to(B)));
        assert_eq!(waits.receive_response(&context, LONG).await.as_deref(), Ok("B"));
        // A deadline is that of the event, also when it comes again.
        let deadline = context.now() + ms(40);
        let shows = told(move |seen| {
            seen.tell(format!("{}", seen.context.deadline() == Some(deadline)));
            Transition::keep()
        });
        while context.try_receive(|_| true).is_some() {}
        assert_eq!(machine.call_until(&context, shows, deadline).await.as_deref(), Ok("B"));
        assert_eq!(next(&context).await, "true");
        let late = machine.call_until(&context, nothing().put_off_in(B), context.now() + ms(10)).await;
        assert_eq!(late, Err(CallError::Timeout));
    });
}

#[test]
fn a_machine_stops_itself_is_stopped_and_panics() {
    check(|context| async move {
        context.trap_exit(true);
        let (_, stops) = machine(&context).await;
        let stop = told(|_| Transition::stop(boom()));
        assert_eq!(stops.call(&context, stop, LONG).await.as_deref(), Ok("A"), "it answers first");
        assert_eq!(next(&context).await, "terminated boom in A");
        assert_eq!(next(&context).await, "exit boom");
        let (_, stopped) = machine(&context).await;
        assert_eq!(stopped.stop(&context, ExitReason::new("why"), LONG).await, Ok(()));
        assert_eq!(next(&context).await, "terminated why in A");
        assert_eq!(next(&context).await, "exit why");
        let (_, panics) = machine(&context).await;
        panics.cast(&context, told(|_| panic!("oops")));
        assert_eq!(next(&context).await, "terminated panic(oops) in A");
        assert_eq!(next(&context).await, "exit panic(oops)");
    });
}

#[test]
fn what_the_init_of_a_machine_says_is_what_start_returns() {
    check(|context| async move {
        let start = |init| Told::start_link(&context, SpawnOptions::default(), (context.pid(), init));
        assert_eq!(start(|_, _| MachineInit::Ignore).await, Started::Ignored);
        assert_eq!(start(|_, _| MachineInit::Stop(boom())).await, Started::Failed(boom()));
        let panicked = Started::Failed(ExitReason::PANIC.with_detail("bad"));
        assert_eq!(start(|_, _| panic!("bad")).await, panicked);
    });
}

#[test]
fn a_machine_is_looked_into_held_and_hibernates() {
    check(|context| async move {
        let (pid, machine) = machine(&context).await;
        machine.cast(&context, told(|_| Transition::to(B).hibernate()));
        assert_eq!(next(&context).await, "enter A B");
        let info = || context.node().process_info(pid).expect("it lives");
        wait(&context, || info().status == "hibernating").await;
        assert_eq!(info().behaviour, Behaviour::StateMachine);
        assert_eq!(sys::status(&context, pid, LONG).await.expect("a status").state, "B");
        let set_back = |standing: &mut Standing<Told>| std::mem::replace(&mut standing.state, A);
        assert_eq!(sys::replace_state(&context, pid, LONG, set_back).await, Ok(B));
        assert_eq!(sys::state(&context, pid, LONG, |at: &Standing<Told>| at.state).await, Ok(A));
        none(&context).await;
        // Its time runs on while it is suspended.
        machine.cast(&context, told(|_| Transition::keep().event_timeout(ms(30), "x")));
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        context.sleep(ms(50)).await;
        sys::resume(&context, pid, LONG).await.expect("resumed");
        assert_eq!(next(&context).await, "timeout x in A");
    });
}

#[test]
fn the_parents_exit_ends_a_machine_that_traps_and_any_other_is_info() {
    check(|context| async move {
        let (own, (sent, pid)) = (context.pid(), tokio::sync::oneshot::channel());
        let parent = context.spawn(move |context| async move {
            let init = |context: &rusm_core::Context, to| {
                context.trap_exit(true);
                crate::told_machine::up(context, to)
            };
            let Started::Up(pid) = Told::start_link(&context, SpawnOptions::default(), (own, init)).await else {
                panic!()
            };
            sent.send(pid).expect("the test waits");
            context.receive().await;
            boom()
        });
        let pid = pid.await.expect("a pid");
        assert_eq!(next(&context).await, "enter A A");
        context.exit_signal(pid, ExitReason::new("stranger"));
        assert_eq!(next(&context).await, "info exit stranger in A");
        tell(&context, parent, "end");
        assert_eq!(next(&context).await, "terminated boom in A");
    });
}
