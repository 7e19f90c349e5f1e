//! `application`.

use crate::{boom, check, ms, next, none, tell, text};
use rusm_core::{
    ApplicationError, ApplicationSpec, Applications, ApplicationsRef, ChildSpec, Context, ExitReason, Message, Payload,
    Pid, StartType, Strategy, SupervisorSpec, sys,
};

/// A tree of one worker of that name, which ends its supervisor when it crashes.
fn tree(worker: &str) -> SupervisorSpec {
    let idle = |context: Context, _| async move { drop(context.receive_match(|_| false).await) };
    SupervisorSpec::new(Strategy::OneForOne).intensity(0, ms(1000)).child(ChildSpec::worker(worker, idle).name(worker))
}

/// Tells this process of what happens when it starts and stops.
fn telling(context: &Context, name: &'static str) -> ApplicationSpec {
    let to = context.pid();
    let say = move |node: rusm_core::Node, what: &str| {
        node.send(to, Payload::local(format!("{name} {what}"))).expect("a pid");
    };
    ApplicationSpec::new(name, tree(name))
        .prep_stop(move |moment| async move {
            assert!(moment.node.process_info(moment.root).is_some(), "the tree is still up");
            say(moment.node, "prep_stop");
        })
        .stop(move |moment| async move {
            assert!(moment.node.process_info(moment.root).is_none(), "the tree is gone");
            say(moment.node, "stop");
        })
}

async fn applications(context: &Context) -> (Pid, ApplicationsRef) {
    Applications::start(context.node()).await.expect("the first")
}

#[test]
fn app_phases_and_stop() {
    check(|context| async move {
        let (_, applications) = applications(&context).await;
        let to = context.pid();
        let phase = move |name: &'static str, arguments: &'static str| {
            move |moment: rusm_core::Moment| async move {
                assert!(moment.node.whereis("facts_app").is_some(), "the tree is up");
                let text = format!("{name} {:?} {arguments}", moment.start_type);
                moment.node.send(to, Payload::local(text)).expect("a pid");
                Ok(())
            }
        };
        let spec =
            telling(&context, "facts_app").start_phase("one", phase("one", "x")).start_phase("two", phase("two", "y"));
        applications.load(&context, spec.clone()).await.expect("loaded");
        let again = applications.load(&context, spec).await;
        assert_eq!(again, Err(ApplicationError::AlreadyLoaded("facts_app".to_owned())));
        applications.start(&context, "facts_app", StartType::Temporary).await.expect("started");
        assert_eq!(next(&context).await, "one Temporary x");
        assert_eq!(next(&context).await, "two Temporary y");
        let again = applications.start(&context, "facts_app", StartType::Temporary).await;
        assert_eq!(again, Err(ApplicationError::AlreadyStarted("facts_app".to_owned())));
        let running = applications.unload(&context, "facts_app").await;
        assert_eq!(running, Err(ApplicationError::Running("facts_app".to_owned())));
        applications.stop(&context, "facts_app").await.expect("stopped");
        assert_eq!(next(&context).await, "facts_app prep_stop");
        assert_eq!(next(&context).await, "facts_app stop");
        assert_eq!(context.whereis("facts_app"), None);
        assert_eq!(applications.running(&context).await, Ok(vec![]));
        applications.unload(&context, "facts_app").await.expect("unloaded");
        assert_eq!(applications.loaded(&context).await, Ok(vec![]));
    });
}

#[test]
fn app_dependency_missing() {
    check(|context| async move {
        let (_, applications) = applications(&context).await;
        applications.load(&context, telling(&context, "facts_dep").depends_on("facts_nope")).await.expect("loaded");
        let started = applications.start(&context, "facts_dep", StartType::Temporary).await;
        assert_eq!(started, Err(ApplicationError::NotStarted("facts_nope".to_owned())));
        let started = applications.start_all(&context, "facts_dep", StartType::Temporary).await;
        assert_eq!(started, Err(ApplicationError::NotLoaded("facts_nope".to_owned())));
        let stopped = applications.stop(&context, "facts_dep").await;
        assert_eq!(stopped, Err(ApplicationError::NotStarted("facts_dep".to_owned())));
    });
}

#[test]
fn all_are_started_behind_what_they_need_and_stopped_the_other_way_round() {
    check(|context| async move {
        let (controller, applications) = applications(&context).await;
        for (name, needs) in [("c", &["a", "b"][..]), ("b", &["a"]), ("a", &[])] {
            let spec = needs.iter().fold(telling(&context, name), |spec, need| spec.depends_on(*need));
            applications.load(&context, spec).await.expect("loaded");
        }
        let started = applications.start_all(&context, "c", StartType::Permanent).await;
        assert_eq!(started, Ok(["a", "b", "c"].map(str::to_owned).to_vec()));
        assert_eq!(applications.start_all(&context, "c", StartType::Permanent).await, Ok(vec![]));
        let status = sys::status(&context, controller, crate::LONG).await.expect("a status");
        assert_eq!(status.state, "running [\"a Permanent\", \"b Permanent\", \"c Permanent\"] of 3 loaded");
        applications.stop_all(&context, ExitReason::SHUTDOWN).await.expect("stopped");
        for expected in ["c prep_stop", "c stop", "b prep_stop", "b stop", "a prep_stop", "a stop"] {
            assert_eq!(next(&context).await, expected);
        }
        none(&context).await;
    });
}

#[test]
fn what_did_not_start_leaves_nothing_running() {
    check(|context| async move {
        let (_, applications) = applications(&context).await;
        applications.load(&context, telling(&context, "a")).await.expect("loaded");
        let fails = |_: rusm_core::Moment| async { Err(boom()) };
        let panics = |_: rusm_core::Moment| async { panic!("oh no") };
        for (name, spec, why) in [
            ("b", telling(&context, "b").start_phase("go", fails), "start_phase(go: boom)"),
            ("c", telling(&context, "c").start_phase("go", panics), "start_phase(go: panic(oh no))"),
        ] {
            applications.load(&context, spec.depends_on("a")).await.expect("loaded");
            let started = applications.start_all(&context, name, StartType::Permanent).await;
            let Err(ApplicationError::StartFailed(of, reason)) = started else { panic!("{started:?}") };
            assert_eq!((of.as_str(), reason.to_string().as_str()), (name, why));
            for expected in [&format!("{name} stop"), "a prep_stop", "a stop"] {
                assert_eq!(next(&context).await, *expected);
            }
            assert_eq!(applications.running(&context).await, Ok(vec![]));
        }
        let taken = context.spawn(|context: Context| async move { drop(context.receive().await) });
        context.register("d", taken).expect("a free name");
        applications.load(&context, telling(&context, "d")).await.expect("loaded");
        let started = applications.start(&context, "d", StartType::Permanent).await;
        assert!(matches!(started, Err(ApplicationError::StartFailed(_, reason)) if reason.is_orderly()));
    });
}

/// What is said next. It is said from outside of all processes, in no order with what processes send.
async fn said(context: &Context) -> String {
    let said = context.receive_timeout(crate::LONG, |message| matches!(message, Message::Plain(_))).await;
    said.map_or("nothing".to_owned(), |message| text(&message))
}

/// Three applications, of which the second ends by itself as `start_type`. Returns whether the controller ended.
async fn one_ends(context: &Context, start_type: StartType, how: ExitReason) -> bool {
    let (controller, applications) = applications(context).await;
    context.monitor(controller);
    for name in ["a", "b", "c"] {
        applications.load(context, telling(context, name)).await.expect("loaded");
        let start_type = if name == "b" { start_type } else { StartType::Permanent };
        applications.start(context, name, start_type).await.expect("started");
    }
    let worker = context.whereis("b").expect("it runs");
    let root = context.node().process_info(worker).and_then(|info| info.parent).expect("a root");
    if how.is_normal() {
        sys::terminate(context, root, how, crate::LONG).await.expect("it ends");
    } else {
        context.exit_signal(worker, how);
    }
    assert_eq!(said(context).await, "b stop", "its tree is gone: there is nothing to prepare");
    let message = said(context).await;
    if message == "nothing" {
        assert!(context.whereis("a").is_some() && context.whereis("c").is_some());
        let running = applications.running(context).await.expect("it answers");
        assert_eq!(running.into_iter().map(|application| application.name).collect::<Vec<_>>(), ["a", "c"]);
        return false;
    }
    assert_eq!(message, "c prep_stop");
    for expected in ["c stop", "a prep_stop", "a stop"] {
        assert_eq!(said(context).await, expected);
    }
    let down = context.receive_match(|message| matches!(message, Message::Down { .. })).await;
    assert!(text(&down).starts_with("down application_terminated(b: "), "{}", text(&down));
    true
}

#[test]
fn the_end_of_a_permanent_application_stops_the_others_and_the_controller() {
    check(|context| async move {
        assert!(one_ends(&context, StartType::Permanent, boom()).await);
        assert!(one_ends(&context, StartType::Permanent, ExitReason::NORMAL).await);
    });
}

#[test]
fn the_end_of_a_transient_application_does_so_unless_it_is_normal() {
    check(|context| async move {
        assert!(one_ends(&context, StartType::Transient, boom()).await);
        assert!(!one_ends(&context, StartType::Transient, ExitReason::NORMAL).await);
    });
}

#[test]
fn the_end_of_a_temporary_application_is_only_told() {
    check(|context| async move {
        assert!(!one_ends(&context, StartType::Temporary, boom()).await);
        tell(&context, context.pid(), "goes on");
        assert_eq!(next(&context).await, "goes on");
    });
}
