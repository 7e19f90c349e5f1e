//! Processes that one node starts on another.

use crate::support::*;
use rusm_core::{
    Association, Behaviour, ChildSpec, Context, ExitReason, Foreign, KeyRegistry, Keys, MailboxBound, Message, Node,
    NodeId, Overflow, Payload, Pid, ProcessBody, ProcessSpec, RemoteKind, RemoteSignal, RemoteTarget, SpawnOptions,
    SpawnOutcome, SpawnReply, SpawnRequest, Spawned, Started, Strategy, Supervisor, SupervisorRef, SupervisorSpec,
    Term, process_body,
};
use std::sync::Arc;
use std::time::Duration;

/// Both nodes start processes of these kinds from now on.
fn register(pair: &Pair) {
    for node in &pair.nodes {
        node.register_factory("echo", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(echo))));
        node.register_factory("idle", Arc::new(|_: &Node, _: &ProcessSpec| Ok(process_body(idle))));
        node.register_factory("starting", Arc::new(starting));
        node.register_factory("panicking", Arc::new(|_: &Node, _: &ProcessSpec| panic!("no such luck")));
    }
}

/// Starts as its target says.
fn starting(_: &Node, spec: &ProcessSpec) -> Result<ProcessBody, ExitReason> {
    let how = spec.target.clone();
    if how == "refused" {
        return Err(ExitReason::new("refused"));
    }
    Ok(process_body(move |context: Context| async move {
        match &*how {
            "up" => context.init_ack(),
            "ignored" => context.init_ignore(),
            "failed" => context.init_fail(ExitReason::new("not today")),
            _ => idle(context).await,
        }
    }))
}

fn spec(kind: &str, target: &str) -> ProcessSpec {
    ProcessSpec { kind: kind.to_owned(), target: target.to_owned(), digest: None, args: Term::empty(), grants: None }
}

fn options(link: bool, monitor: bool) -> SpawnOptions {
    SpawnOptions { link, monitor, ..SpawnOptions::default() }
}

/// The rule is the same on the other node and on one's own.
fn both(pair: &Pair) -> [NodeId; 2] {
    pair.nodes.each_ref().map(Node::id)
}

async fn reply(context: &Context) -> SpawnReply {
    match context.receive().await {
        Message::Plain(payload) => payload.downcast().expect("a spawn reply"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_process_is_started_linked_and_monitored_in_one_step() {
    check(|context, pair, ends| async move {
        register(&pair);
        context.trap_exit(true);
        for node in both(&pair) {
            let options = SpawnOptions { name: Some("echo".to_owned()), ..options(true, true) };
            let Spawned { pid, monitor } =
                context.spawn_on(node, spec("echo", "one"), options).await.expect("it starts");
            let there = if node == pair.nodes[0].id() { &pair.nodes[0] } else { &pair.nodes[1] };
            let info = there.process_info(pid).expect("it lives");
            assert_eq!((info.name.as_deref(), &*info.label, info.parent), (Some("echo"), "one", Some(context.pid())));
            assert_eq!((info.links, info.monitored_by), (vec![context.pid()], 1));
            let own = context.process_info(context.pid()).await.expect("alive");
            assert!(own.links.contains(&pid) && own.monitors.contains(&pid.into()));
            assert_eq!(read(&context.call(pid, text("hello"), SOON).await.expect("an answer")), "hello");
            context.send(pid, text("boom")).expect("a pid");
            assert_eq!(exit_of(&context, pid).await, ExitReason::new("boom"));
            assert_eq!(down(&context, monitor.expect("one was asked for")).await, ExitReason::new("boom"));
            assert!(context.try_receive(|_| true).is_none(), "each once");
        }
        assert_eq!(ends.each_ref().map(Association::relations), [0, 0], "nothing is left of it");
    });
}

#[test]
fn a_request_is_answered_by_a_message_before_anything_that_the_process_sends() {
    check(|context, pair, _| async move {
        let own = context.pid();
        for node in &pair.nodes {
            let greeting = move |_: &Node, _: &ProcessSpec| {
                Ok(process_body(move |context: Context| async move {
                    context.send(own, text("hello")).expect("a pid");
                    idle(context).await;
                }))
            };
            node.register_factory("greeting", Arc::new(greeting));
            let request = context.spawn_request(node.id(), spec("greeting", ""), options(false, false));
            let SpawnReply { request: of, outcome } = reply(&context).await;
            assert_eq!((of, outcome.expect("it starts").node), (request, node.id()));
            assert_eq!(read_plain(&context).await, "hello");
            assert!(!context.spawn_request_abandon(request), "it was answered");
        }
    });
}

#[test]
fn who_cannot_be_started_says_why() {
    check(|context, pair, ends| async move {
        register(&pair);
        for node in both(&pair) {
            for (spec, word) in [
                (spec("no such kind", ""), "undef"),
                (spec("starting", "refused"), "refused"),
                (spec("panicking", ""), "panic"),
            ] {
                let refused = context.spawn_on(node, spec.clone(), options(true, true)).await.expect_err("no process");
                assert_eq!(refused.word(), word);
                let (started, monitor) = context.start_on(node, spec, options(true, true)).await;
                assert_eq!((started, monitor), (Started::Failed(refused), None));
            }
        }
        let long = ProcessSpec { args: Term::new(rusm_core::Encoding::Raw, vec![0; 1001]), ..spec("echo", "") };
        let refused = context.spawn_on(pair.nodes[1].id(), long, options(true, true)).await.expect_err("too long");
        assert_eq!(refused.word(), "badarg");
        let nowhere = context.spawn_on(NodeId::of_name("c"), spec("echo", ""), options(true, true)).await;
        assert_eq!(nowhere, Err(ExitReason::NOCONNECTION));
        let name = SpawnOptions { name: Some("taken".to_owned()), ..options(false, true) };
        context.spawn_on(pair.nodes[1].id(), spec("echo", ""), name.clone()).await.expect("it starts");
        let second = context.spawn_on(pair.nodes[1].id(), spec("echo", ""), name).await.expect("it starts and ends");
        assert_eq!(down(&context, second.monitor.expect("one")).await.word(), "already_started");
        assert_eq!(context.process_info(context.pid()).await.expect("alive").links, []);
        assert!(context.try_receive(|_| true).is_none());
        assert_eq!(ends[0].relations(), 1, "the monitor of the first");
    });
}

#[test]
fn a_start_waits_until_the_process_says_how_it_went() {
    check(|context, pair, ends| async move {
        register(&pair);
        context.trap_exit(true);
        for node in both(&pair) {
            let (started, monitor) = context.start_on(node, spec("starting", "up"), options(true, true)).await;
            let Started::Up(pid) = started else { panic!("{started:?}") };
            assert_eq!(exit_of(&context, pid).await, ExitReason::NORMAL, "it says that it is up and ends");
            assert_eq!(down(&context, monitor.expect("one")).await, ExitReason::NORMAL);
            for (how, expected) in
                [("ignored", Started::Ignored), ("failed", Started::Failed(ExitReason::new("not today")))]
            {
                let (started, monitor) = context.start_on(node, spec("starting", how), options(true, true)).await;
                assert_eq!((started, monitor), (expected, None));
            }
            let slow = SpawnOptions { start_timeout: Some(Duration::from_millis(20)), ..options(true, true) };
            let (started, _) = context.start_on(node, spec("starting", "never"), slow).await;
            assert_eq!(started, Started::Failed(ExitReason::new("timeout")));
            settle(&context, Pid { node, ..context.pid() }).await;
            assert!(
                context.try_receive(|_| true).is_none(),
                "a start that came to nothing leaves neither EXIT nor DOWN"
            );
        }
        assert_eq!(ends.each_ref().map(Association::relations), [0, 0]);
        assert_eq!(pair.nodes[1].process_count(), 0, "nobody lives on");
    });
}

#[test]
fn when_the_association_ends_before_the_answer_it_is_noconnection_and_no_linked_process_lives_on() {
    check(|context, pair, ends| async move {
        register(&pair);
        context.trap_exit(true);
        let node = pair.nodes[1].id();
        let before = context.spawn_on(node, spec("idle", ""), options(true, false)).await.expect("it starts");
        // The request arrives, the answer does not.
        pair.mute_towards(0);
        let request = context.spawn_request(node, spec("idle", ""), options(true, true));
        let abandoned = context.spawn_request(node, spec("idle", ""), options(true, true));
        while pair.nodes[1].process_count() < 3 {
            tokio::task::yield_now().await;
        }
        assert!(context.spawn_request_abandon(abandoned) && !context.spawn_request_abandon(abandoned));
        pair.cut(&ends);
        let SpawnReply { request: of, outcome } = reply(&context).await;
        assert_eq!((of, outcome), (request, Err(ExitReason::NOCONNECTION)));
        assert_eq!(exit_of(&context, before.pid).await, ExitReason::NOCONNECTION);
        // That they are gone is known before it is said why.
        while pair.exits.0.lock().len() < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(*pair.exits.0.lock(), vec![ExitReason::NOCONNECTION; 3]);
        assert_eq!(pair.nodes[1].process_count(), 0, "none lives on");
        assert!(context.try_receive(|_| true).is_none(), "one answer, and no EXIT of a process that was never known");
    });
}

#[test]
fn who_asked_and_ended_before_the_answer_takes_the_linked_process_along() {
    check(|context, pair, ends| async move {
        register(&pair);
        let node = pair.nodes[1].id();
        let held = pair.hold().await;
        let (_, end) = context.spawn_monitor(move |context: Context| async move {
            context.spawn_request(node, spec("idle", ""), options(true, true));
            ExitReason::new("boom")
        });
        assert_eq!(down(&context, end).await, ExitReason::new("boom"));
        drop(held);
        while pair.exits.0.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(*pair.exits.0.lock(), [ExitReason::new("boom")], "as if it had been linked");
        while ends.iter().any(|end| end.relations() > 0) {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_request_that_is_given_up_leaves_no_linked_process() {
    check(|context, pair, ends| async move {
        register(&pair);
        let node = pair.nodes[1].id();
        let held = pair.hold().await;
        let request = context.spawn_request(node, spec("idle", ""), options(true, true));
        assert!(context.spawn_request_abandon(request));
        {
            let waits = context.spawn_on(node, spec("idle", ""), options(true, true));
            let mut waits = std::pin::pin!(waits);
            tokio::select! {
                biased;
                answer = waits.as_mut() => panic!("{answer:?}"),
                () = std::future::ready(()) => {}
            }
        }
        drop(held);
        while pair.exits.0.lock().len() < 2 {
            settle(&context, Pid { node, ..context.pid() }).await;
        }
        assert_eq!(*pair.exits.0.lock(), [ExitReason::ABANDONED, ExitReason::ABANDONED]);
        assert!(context.try_receive(|_| true).is_none(), "no answer comes");
        assert_eq!(ends.each_ref().map(Association::relations), [0, 0]);
    });
}

#[test]
fn a_node_answers_only_what_was_asked_of_it() {
    check(|context, pair, ends| async move {
        register(&pair);
        let (here, there) = (context.pid(), pair.spawn_there(idle));
        let receive = |from: Pid, to: RemoteTarget, kind: RemoteKind| {
            ends[0].receive(&pair.nodes[0], RemoteSignal { from, to, kind })
        };
        let request = context.make_reference();
        let forged = RemoteKind::SpawnReply { request, outcome: SpawnOutcome::Spawned };
        assert_eq!(receive(there, RemoteTarget::Pid(here), forged.clone()), Ok(()));
        assert_eq!(
            receive(Pid { node: NodeId::of_name("c"), ..there }, RemoteTarget::Pid(here), forged),
            Err(Foreign::Sender)
        );
        let spawn = SpawnRequest {
            request,
            spec: spec("echo", ""),
            link: true,
            monitor: true,
            init: false,
            name: None,
            mailbox: None,
        };
        let kind = RemoteKind::Spawn(Box::new(spawn));
        assert_eq!(receive(there, RemoteTarget::Node, kind), Err(Foreign::Sender), "a reference of ours");
        settle(&context, there).await;
        assert!(context.try_receive(|_| true).is_none());
        assert_eq!(context.process_info(here).await.expect("alive").links, []);
    });
}

#[test]
fn a_node_that_cannot_be_asked_is_a_clear_error() {
    check(|context, pair, ends| async move {
        let held = pair.hold().await;
        let request = context.spawn_request(pair.nodes[1].id(), spec("echo", ""), options(true, true));
        // What the transport says of a neighbour of an older version.
        let asked = pair.sent().expect("the request");
        ends[0].unsupported(&pair.nodes[0], &asked);
        let SpawnReply { request: of, outcome } = reply(&context).await;
        assert_eq!((of, outcome.expect_err("not there").word()), (request, "notsup"));
        assert_eq!(ends[0].relations(), 0);
        drop(held);
    });
}

#[test]
fn the_node_of_a_key_starts_what_is_wanted_for_it() {
    check(|context, pair, _| async move {
        register(&pair);
        let nodes = both(&pair);
        for key in ["red", "green", "blue", "grey"] {
            let spawned = context.spawn_by_key(key, &nodes, spec("echo", key), options(false, false)).await;
            assert_eq!(Some(spawned.expect("it starts").pid.node), NodeId::of_key(key, &nodes));
        }
        let nobody = context.spawn_by_key("red", &[], spec("echo", ""), options(false, false)).await;
        assert_eq!(nobody.expect_err("no node").word(), "badarg");
    });
}

#[test]
fn a_process_on_another_node_is_known_by_its_behaviour_and_has_the_bound_it_was_given() {
    check(|context, pair, _| async move {
        for node in &pair.nodes {
            let registry = |_: &Node, _: &ProcessSpec| Ok(KeyRegistry::<u32>::body(Keys::Unique));
            node.register_factory("registry", Arc::new(registry));
            let deaf = |_: &Node, _: &ProcessSpec| {
                Ok(process_body(|context: Context| async move { drop(context.receive_match(|_| false).await) }))
            };
            node.register_factory("deaf", Arc::new(deaf));
            let options = SpawnOptions::default();
            let Spawned { pid, .. } =
                context.spawn_on(node.id(), spec("registry", ""), options).await.expect("it starts");
            let info = node.process_info(pid).expect("it lives");
            assert_eq!(info.behaviour, Behaviour::Server);
            assert!(info.function.contains("Entries"), "{}", info.function);

            let mailbox = Some(MailboxBound { messages: 2, overflow: Overflow::End });
            let options = SpawnOptions { mailbox, monitor: true, ..SpawnOptions::default() };
            let full = context.spawn_on(node.id(), spec("deaf", ""), options).await.expect("it starts");
            for _ in 0..3 {
                context.send(full.pid, text("hello")).expect("a pid");
            }
            assert_eq!(down(&context, full.monitor.expect("one was asked for")).await.word(), "mailbox_full");
        }
    });
}

#[test]
fn a_supervisor_keeps_a_child_on_another_node() {
    check(|context, pair, ends| async move {
        for node in &pair.nodes {
            let child = |_: &Node, _: &ProcessSpec| {
                Ok(process_body(|context: Context| async move {
                    context.init_ack();
                    echo(context).await
                }))
            };
            node.register_factory("child", Arc::new(child));
        }
        context.trap_exit(true);
        let bound = MailboxBound { messages: 100, overflow: Overflow::End };
        let child = ChildSpec::process_on("far", pair.nodes[1].id(), spec("child", "far")).name("far").mailbox(bound);
        let tree = SupervisorSpec::new(Strategy::OneForOne).intensity(1_000_000, Duration::from_secs(60)).child(child);
        let Started::Up(supervisor) = Supervisor::start_link(&context, tree).await else { panic!("it starts") };
        let Some(RemoteSignal { kind: RemoteKind::Spawn(asked), .. }) = pair.sent() else { panic!("it was asked for") };
        assert_eq!((asked.link, asked.init, asked.mailbox), (true, true, Some(bound)));
        let reference = SupervisorRef::from(supervisor);
        let current =
            async |reference: &SupervisorRef| reference.which_children(&context).await.expect("it lives").remove(0).pid;
        let first = current(&reference).await.expect("it runs");
        assert_eq!((first.node, pair.nodes[1].whereis("far")), (pair.nodes[1].id(), Some(first)));
        // It dies, and is started again there.
        let watch = context.monitor(first);
        context.send(first, text("boom")).expect("a pid");
        assert_eq!(down(&context, watch).await, ExitReason::new("boom"));
        let mut second = current(&reference).await;
        while second.is_none_or(|pid| pid == first) {
            second = current(&reference).await;
        }
        // The connection is lost: the child ends there, and a new one is started when there is a connection again.
        pair.cut(&ends);
        pair.connect();
        let mut third = current(&reference).await;
        while third.is_none() || third == second {
            third = current(&reference).await;
        }
        let third = third.expect("it runs");
        while pair.nodes[1].process_count() > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(read(&context.call(third, text("hello"), SOON).await.expect("an answer")), "hello");
        reference.stop(&context, ExitReason::SHUTDOWN).await.expect("it stops");
        while pair.nodes[1].process_count() > 0 {
            settle(&context, third).await;
        }
    });
}

#[test]
fn a_timer_to_a_process_of_another_node_delivers() {
    check(|context, pair, _| async move {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let there = pair.spawn_there(move |context: Context| async move {
            for _ in 0..4 {
                let Message::Plain(payload) = context.receive().await else { panic!("a message") };
                let _ = tell.send(payload);
            }
        });
        pair.nodes[1].register("there", there).expect("free");
        let soon = Duration::from_millis(1);
        let named = rusm_core::Destination::NameAt { name: "there".to_owned(), node: pair.nodes[1].id() };
        context.send_after(soon, there, text("plain"));
        assert_eq!(read(&told.recv().await.expect("it arrives")), "plain");
        for to in [there.into(), named] {
            let timer = context.start_timer(soon, to, text("wrapped"));
            let fired: rusm_core::TimerFired = told.recv().await.expect("it arrives").downcast().expect("of a timer");
            assert_eq!((fired.timer, read(&fired.payload)), (timer, "wrapped".to_owned()));
        }
        // What is no term does not leave the node; the log says so.
        context.start_timer(soon, there, Payload::local(5));
        context.send_after(soon * 2, there, text("last"));
        assert_eq!(read(&told.recv().await.expect("it arrives")), "last");
    });
}
