//! What an operator sees of the runtime's own processes: each has a label, and says what it holds.

use crate::{LONG, check};
use rusm_core::{
    ApplicationSpec, Applications, ApplicationsRef, Behaviour, CallFrom, Called, ChildSpec, ClusterNames, Context,
    EventHandler, EventManager, EventManagerRef, ExitReason, GroupsRef, Handled, Init, KeyRegistry, KeyRegistryRef,
    Keys, Next, Node, Pid, ProcessGroups, ProcessSpec, Server, SpawnOptions, StartType, Started, Strategy,
    SupervisorSpec, Task, Term, process_body, sys,
};
use std::sync::Arc;

async fn seen(context: &Context, pid: Pid) -> (String, String) {
    let label = context.process_info(pid).await.expect("it lives").label;
    (label, sys::status(context, pid, LONG).await.expect("a status").state)
}

fn both(label: &str, state: &str) -> (String, String) {
    (label.to_owned(), state.to_owned())
}

#[test]
fn a_registry_says_its_keys() {
    check(|context| async move {
        KeyRegistry::<u32>::start(context.node(), "weights", Keys::Duplicate).await;
        let weights = KeyRegistryRef::<u32>::from("weights");
        for key in ["light", "heavy", "light"] {
            weights.register(&context, key, 1).await.expect("registered");
        }
        let registry = context.whereis("weights").expect("it runs");
        assert_eq!(seen(&context, registry).await, both("weights", r#"Duplicate keys ["heavy", "light"]"#));
    });
}

#[test]
fn a_scope_says_its_groups() {
    check(|context| async move {
        ProcessGroups::start(context.node(), "rooms").await;
        let scope = context.whereis("rooms").expect("it runs");
        let rooms = GroupsRef::from(scope);
        rooms.join(&context, "lobby", &[context.pid(), context.pid()]).await.expect("joined");
        rooms.monitor(&context, "hall").await.expect("a monitor");
        assert_eq!(seen(&context, scope).await, both("rooms", "members {lobby: 2}, 1 monitors"));
    });
}

struct Deaf;

impl EventHandler<u8> for Deaf {
    type Call = ();
    type Reply = ();

    async fn handle_event(&mut self, _: &Context, _: &u8) -> Handled {
        Handled::Keep
    }

    async fn handle_call(&mut self, _: &Context, (): ()) -> ((), Handled) {
        ((), Handled::Keep)
    }
}

#[test]
fn an_event_manager_says_its_handlers() {
    check(|context| async move {
        EventManager::<u8>::start_link(&context, "events").await;
        let events = EventManagerRef::<u8>::from("events");
        events.add_handler(&context, "one", Deaf).await.expect("added");
        events.add_handler(&context, "two", Deaf).await.expect("added");
        let manager = context.whereis("events").expect("it runs");
        assert_eq!(seen(&context, manager).await, both("events", r#"handlers ["one", "two"]"#));
    });
}

#[test]
fn the_names_of_the_cluster_are_said() {
    check(|context| async move {
        ClusterNames::start(context.node()).await;
        ClusterNames::register(&context, "ledger", context.pid()).await.expect("registered");
        let names = context.whereis("rusm:cluster_names").expect("it runs");
        let state = format!("names {{ledger: {:?}}}", context.pid());
        assert_eq!(seen(&context, names).await, both("rusm:cluster_names", &state));
    });
}

#[test]
fn applications_are_known_by_their_names_and_by_pid() {
    check(|context| async move {
        let (controller, _) = Applications::start(context.node()).await.expect("the first");
        assert_eq!(context.whereis("application_controller"), Some(controller));
        // One that is not under that name is asked by its pid.
        context.unregister("application_controller").expect("it had it");
        let applications = ApplicationsRef::from(controller);
        let idle = |context: Context, _| async move { drop(context.receive().await) };
        let tree = SupervisorSpec::new(Strategy::OneForOne).child(ChildSpec::worker("worker", idle));
        applications.load(&context, ApplicationSpec::new("shop", tree)).await.expect("loaded");
        applications.start(&context, "shop", StartType::Permanent).await.expect("started");
        assert_eq!(applications.loaded(&context).await, Ok(vec!["shop".to_owned()]));
        let state = r#"running ["shop Permanent"] of 1 loaded"#;
        assert_eq!(seen(&context, controller).await, both("application_controller", state));
        let running = applications.running(&context).await.expect("it answers");
        assert_eq!(context.process_info(running[0].master).await.expect("it lives").label, "shop");
    });
}

struct Plain;

impl Server for Plain {
    type Args = ();
    type Call = ();
    type Reply = ();
    type Cast = ();
    type Continue = ();

    async fn init(_: &Context, (): ()) -> Init<Self> {
        Init::Up(Self, Next::Receive)
    }

    async fn handle_call(&mut self, _: &Context, (): (), _: CallFrom<()>) -> Called<Self> {
        Called::Reply((), Next::Receive)
    }
}

#[test]
fn a_server_that_says_nothing_of_its_state_says_its_type() {
    check(|context| async move {
        let started = context.start_link(SpawnOptions::default(), Plain::body(())).await;
        let Started::Up(server) = started else { panic!("{started:?}") };
        assert!(seen(&context, server).await.1.ends_with("::Plain"));
    });
}

#[test]
fn a_task_is_labelled() {
    check(|context| async move {
        let task = Task::start(&context, |context: Context| async move { drop(context.receive().await) });
        assert_eq!(context.process_info(task.pid()).await.expect("it lives").label, "task");
    });
}

#[test]
fn what_a_factory_has_made_is_shown_as_what_it_is() {
    check(|context| async move {
        context.node().register_factory("plain", Arc::new(|_: &Node, _: &ProcessSpec| Ok(Plain::body(()))));
        let (kind, target) = ("plain".to_owned(), "one".to_owned());
        let spec = ProcessSpec { kind, target, digest: None, args: Term::empty(), grants: None };
        let options = SpawnOptions::default();
        let spawned = context.spawn_on(context.node().id(), spec, options).await.expect("there is a factory");
        let info = context.process_info(spawned.pid).await.expect("it lives");
        assert_eq!((info.label.as_str(), info.behaviour), ("one", Behaviour::Server));
        assert!(info.function.ends_with("Plain"), "{}", info.function);
    });
}

#[test]
fn who_cannot_start_says_why() {
    check(|context| async move {
        let why = ExitReason::new("no room");
        let fails = why.clone();
        let body = process_body(|context: Context| async move { context.init_fail(fails) });
        assert_eq!(context.start(SpawnOptions::default(), body).await.0, Started::Failed(why));
    });
}
