//! What crosses between nodes, signal by signal.

use crate::support::*;
use rusm_core::{
    Association, CallError, Context, Destination, ExitReason, Foreign, Message, Monitored, NodeEvent, NodeId, NodeInfo,
    NodeReason, NodeStatus, Payload, Pid, RemoteKind, RemoteSignal, RemoteTarget, Term,
};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[test]
fn a_process_of_another_node_is_called_and_sent_to_by_pid_and_by_name() {
    check(|context, pair, _| async move {
        let there = pair.spawn_there(echo);
        let node = pair.nodes[1].id();
        pair.nodes[1].register("echo", there).expect("free");
        let named = Destination::NameAt { name: "echo".to_owned(), node };
        for to in [Destination::Pid(there), named.clone()] {
            let answer = context.call(to, text("hello"), SOON).await.expect("an answer");
            assert_eq!(read(&answer), "hello");
        }
        let nobody = Destination::NameAt { name: "nobody".to_owned(), node };
        assert_eq!(context.send(nobody.clone(), text("lost")), Ok(()), "that nobody has the name is no error");
        let error = context.call(nobody, text("hello"), SOON).await.expect_err("nobody");
        assert_eq!(error, CallError::Down(ExitReason::NOPROC));
        assert!(context.is_alive(there).await);
        let monitor = context.monitor(there);
        context.send(named, text("done")).expect("sent");
        assert_eq!(down(&context, monitor).await, ExitReason::new("done"));
        assert!(!context.is_alive(there).await);
    });
}

#[test]
fn only_a_term_leaves_the_node_and_whoever_tries_something_else_is_told() {
    check(|context, pair, _| async move {
        let there = pair.spawn_there(|context: Context| async move {
            let Message::Call { from, .. } = context.receive().await else { return };
            context.reply(from, Payload::local(5));
        });
        assert!(context.send(there, Payload::local(5)).is_err());
        assert!(matches!(context.call(there, Payload::local(5), SOON).await, Err(CallError::Badarg(_))));
        let error = context.call(there, text("what"), SOON).await.expect_err("the reply is no term");
        assert!(matches!(&error, CallError::Down(reason) if reason.word() == "badarg"), "{error}");
        assert!(context.send(there, text(&"x".repeat(1000))).is_ok());
        assert!(context.send(there, text(&"x".repeat(1001))).is_err(), "above the limit");
    });
}

#[test]
fn a_link_carries_the_reason_both_ways() {
    check(|context, pair, ends| async move {
        context.trap_exit(true);
        let there = pair.spawn_there(echo);
        context.link(there);
        context.send(there, text("boom")).expect("a pid");
        assert_eq!(exit_of(&context, there).await, ExitReason::new("boom"));
        context.link(there);
        assert_eq!(exit_of(&context, there).await, ExitReason::NOPROC);
        let killed = pair.spawn_there(idle);
        context.link(killed);
        context.exit_signal(killed, ExitReason::KILL);
        assert_eq!(exit_of(&context, killed).await, ExitReason::KILLED);
        // And the other way: who is linked from here dies with it.
        let victim = pair.spawn_there(idle);
        let monitor = context.monitor(victim);
        context.spawn(move |context: Context| async move {
            context.link(victim);
            settle(&context, victim).await;
            ExitReason::new("bang")
        });
        assert_eq!(down(&context, monitor).await, ExitReason::new("bang"));
        assert_eq!(ends.each_ref().map(Association::relations), [0, 0], "nothing is left of it");
    });
}

#[test]
fn an_unlink_takes_the_link_away_on_both_nodes() {
    check(|context, pair, ends| async move {
        context.trap_exit(true);
        let there = pair.spawn_there(echo);
        for _ in 0..3 {
            context.link(there);
            context.unlink(there);
        }
        settle(&context, there).await;
        assert_eq!(ends.each_ref().map(Association::relations), [0, 0]);
        assert_eq!(pair.nodes[1].process_info(there).expect("alive").links, []);
        let monitor = context.monitor(there);
        context.send(there, text("boom")).expect("a pid");
        assert_eq!(down(&context, monitor).await, ExitReason::new("boom"));
        assert!(context.try_receive(|_| true).is_none(), "no exit signal");
    });
}

#[test]
fn a_monitor_by_the_name_on_another_node_says_which_name() {
    check(|context, pair, ends| async move {
        let there = pair.spawn_there(echo);
        pair.nodes[1].register("echo", there).expect("free");
        let object = |name: &str| Monitored::NameAt { name: name.to_owned(), node: pair.nodes[1].id() };
        let nobody = context.monitor(object("nobody"));
        assert_eq!(down(&context, nobody).await, ExitReason::NOPROC);
        let given_up = context.monitor(object("echo"));
        assert!(context.demonitor(given_up));
        let monitor = context.monitor(object("echo"));
        context.send(there, text("boom")).expect("a pid");
        let Message::Down { monitor: of, object: watched, reason } = context.receive().await else { panic!("a DOWN") };
        assert_eq!((of, watched, reason), (monitor, object("echo"), ExitReason::new("boom")));
        assert_eq!(ends.each_ref().map(Association::relations), [0, 0]);
    });
}

#[test]
fn the_end_of_an_association_is_one_noconnection_each_behind_what_has_come() {
    check(|context, pair, ends| async move {
        context.trap_exit(true);
        let own = context.pid();
        let there = pair.spawn_there(move |context: Context| async move {
            context.trap_exit(true);
            context.monitor(own);
            context.send(own, text("before")).expect("a pid");
            let monitor = context.monitor(own);
            let reasons = (exit_of(&context, own).await, down(&context, monitor).await);
            assert_eq!(reasons, (ExitReason::NOCONNECTION, ExitReason::NOCONNECTION));
            idle(context).await;
        });
        context.link(there);
        let monitor = context.monitor(there);
        let Message::Plain(_) = context.receive_match(|m| matches!(m, Message::Plain(_))).await else { panic!() };
        settle(&context, there).await;
        context.send(own, text("last")).expect("a pid");
        pair.cut(&ends);
        assert!(matches!(context.receive().await, Message::Plain(_)), "what has come is first");
        assert_eq!(exit_of(&context, there).await, ExitReason::NOCONNECTION);
        assert_eq!(down(&context, monitor).await, ExitReason::NOCONNECTION);
        ends[0].end(&pair.nodes[0]);
        assert!(!context.is_alive(there).await, "it cannot be reached");
        assert!(context.try_receive(|_| true).is_none(), "each once");
        let unreachable = context.monitor(there);
        assert_eq!(down(&context, unreachable).await, ExitReason::NOCONNECTION);
        let error = context.call(there, text("?"), SOON).await.expect_err("no connection");
        assert_eq!(error, CallError::Down(ExitReason::NOCONNECTION));
        // The same process answers over the next one, and has no link any more.
        pair.connect();
        assert!(context.is_alive(there).await);
        assert_eq!(pair.nodes[1].process_info(there).expect("alive").links, []);
        assert_eq!(pair.nodes[1].process_info(there).expect("alive").monitored_by, 0);
    });
}

#[test]
fn a_call_that_waits_hears_of_the_end() {
    check(|context, pair, ends| async move {
        let there = pair.spawn_there(idle);
        context.spawn(move |context: Context| async move {
            settle(&context, there).await;
            pair.cut(&ends);
        });
        let error = context.call(there, text("?"), Duration::MAX).await.expect_err("no connection");
        assert_eq!(error, CallError::Down(ExitReason::NOCONNECTION));
    });
}

#[test]
fn an_association_that_is_over_does_not_come_back() {
    check(|context, pair, ends| async move {
        let there = pair.spawn_there(idle);
        settle(&context, there).await;
        let pipe = pair.others[0].0.lock().values().next().expect("the other").clone();
        pair.cut(&ends);
        // Somebody was about to use it.
        let late = pair.nodes[0].associate(pair.nodes[1].id(), pipe.clone());
        pair.others[0].0.lock().insert(pair.nodes[1].id(), pipe);
        let monitor = context.monitor(there);
        assert_eq!(down(&context, monitor).await, ExitReason::NOCONNECTION);
        assert_eq!(late.relations(), 0);
    });
}

#[test]
fn a_pid_of_a_life_that_is_over_reaches_nobody() {
    check(|context, pair, _| async move {
        let there = pair.spawn_there(echo);
        let before = Pid { incarnation: there.incarnation - 1, ..there };
        assert!(!context.is_alive(before).await);
        let monitor = context.monitor(before);
        assert_eq!(down(&context, monitor).await, ExitReason::NOPROC);
        context.send(before, text("boom")).expect("a pid");
        assert!(context.is_alive(there).await);
    });
}

#[test]
fn a_node_speaks_only_for_its_own_processes() {
    check(|context, pair, ends| async move {
        let (here, there) = (context.pid(), pair.spawn_there(idle));
        let third = NodeId::of_name("c");
        let reference = context.make_reference();
        let foreign = |from: Pid, to: RemoteTarget, kind: RemoteKind| {
            ends[0].receive(&pair.nodes[0], RemoteSignal { from, to, kind })
        };
        let to_here = || RemoteTarget::Pid(here);
        let exit = || RemoteKind::Exit { reason: ExitReason::KILL, linked: false };
        assert_eq!(foreign(Pid { node: third, ..there }, to_here(), exit()), Err(Foreign::Sender));
        assert_eq!(foreign(here, to_here(), exit()), Err(Foreign::Sender), "not for ours either");
        assert_eq!(foreign(there, RemoteTarget::Pid(there), exit()), Err(Foreign::Receiver));
        assert_eq!(
            foreign(there, RemoteTarget::Alias(rusm_core::Reference { node: third, ..reference }), exit()),
            Err(Foreign::Receiver)
        );
        let made = [
            RemoteKind::Monitor { monitor: reference },
            RemoteKind::Demonitor { monitor: reference },
            RemoteKind::Alive { request: reference },
            RemoteKind::Call { reference, request: Term::empty() },
            RemoteKind::Timeout { timer: reference, message: Term::empty() },
        ];
        for kind in made {
            assert_eq!(foreign(there, to_here(), kind), Err(Foreign::Sender), "a reference of ours");
        }
        // What answers nothing that was asked goes nowhere: no DOWN and no exit of a link that is not there.
        context.trap_exit(true);
        let watched = context.spawn(idle);
        let monitor = context.monitor(watched);
        assert_eq!(foreign(there, to_here(), RemoteKind::Down { monitor, reason: ExitReason::NOPROC }), Ok(()));
        let exit = RemoteKind::Exit { reason: ExitReason::new("forged"), linked: true };
        assert_eq!(foreign(there, to_here(), exit), Ok(()));
        context.exit_signal(watched, ExitReason::KILL);
        assert_eq!(down(&context, monitor).await, ExitReason::KILLED);
        assert!(context.try_receive(|_| true).is_none());
    });
}

#[test]
fn whoever_sends_too_much_waits_with_its_next_turn_and_still_takes_signals() {
    check(|context, pair, _| async move {
        let there = pair.spawn_there(idle);
        let pipe = pair.others[0].0.lock().values().next().expect("the other").clone();
        let own = context.pid();
        let flood = context.spawn(move |context: Context| async move {
            context.receive().await;
            context.send(there, text("one")).expect("a pid");
            tokio::task::yield_now().await;
            context.send(own, text("second turn")).expect("a pid");
            context.receive().await;
        });
        pipe.full.store(true, Ordering::SeqCst);
        context.send(flood, text("go")).expect("a pid");
        // It handles its signals, and its body stands.
        while context.node().process_info(flood).is_none_or(|info| info.mailbox_len > 0) {
            settle(&context, flood).await;
        }
        for _ in 0..20 {
            settle(&context, flood).await;
            assert!(context.try_receive(|_| true).is_none());
        }
        context.node().release(flood);
        assert_eq!(read_plain(&context).await, "second turn");
        // Held, it can be killed.
        let monitor = context.monitor(flood);
        context.exit_signal(flood, ExitReason::KILL);
        assert_eq!(down(&context, monitor).await, ExitReason::KILLED);
    });
}

#[test]
fn dead_watchers_are_forgotten_here_and_there() {
    check(|context, pair, ends| async move {
        let there = pair.spawn_there(idle);
        let here = context.spawn(idle);
        for _ in 0..50 {
            let (_, end) = context.spawn_monitor(move |context: Context| async move {
                context.monitor(there);
                context.monitor(here);
            });
            down(&context, end).await;
        }
        settle(&context, there).await;
        settle(&context, here).await;
        // Signals of different senders are not ordered: the last ones may be under way.
        while ends.iter().any(|end| end.relations() > 0) {
            settle(&context, there).await;
        }
        let watchers = |node: usize, pid| pair.nodes[node].process_info(pid).expect("alive").monitored_by;
        assert_eq!(watchers(0, here), 0);
        while watchers(1, there) > 0 {
            settle(&context, there).await;
        }
    });
}

fn node_b(status: NodeStatus, reason: NodeReason) -> NodeInfo {
    let (id, name) = (NodeId::of_name("b"), "b".to_owned());
    NodeInfo { id, name, incarnation: 7, status, reason, member: None }
}

async fn node_event(context: &Context) -> NodeEvent {
    match context.receive_match(|message| matches!(message, Message::Plain(_))).await {
        Message::Plain(payload) => payload.downcast().expect("an event"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_monitors_nodes_hears_of_each_change_behind_the_noconnections() {
    check(|context, pair, ends| async move {
        let node = context.node().clone();
        let (up, gone) =
            (node_b(NodeStatus::Up, NodeReason::Heard), node_b(NodeStatus::Unreachable, NodeReason::ConnectionClosed));
        let (monitor, known) = context.monitor_nodes();
        assert_eq!((known, node.nodes()), (vec![], vec![]));
        node.node_changed(up.clone());
        node.node_changed(up.clone());
        let event = node_event(&context).await;
        assert_eq!(event, NodeEvent { monitor, before: None, node: up.clone() });
        assert!(event.is_nodeup() && !event.is_nodedown());
        assert_eq!(node.nodes(), std::slice::from_ref(&up));
        // A second one begins with what is known.
        let (second, known) = context.monitor_nodes();
        assert_eq!(known, [up]);
        assert!(context.demonitor_nodes(second) && !context.demonitor_nodes(second));

        let there = pair.spawn_there(idle);
        let watched = context.monitor(there);
        settle(&context, there).await;
        pair.cut(&ends);
        node.node_changed(gone.clone());
        let first = context.receive().await;
        assert!(matches!(&first, Message::Down { monitor, .. } if *monitor == watched), "{first:?}");
        let event = node_event(&context).await;
        assert_eq!(event, NodeEvent { monitor, before: Some(NodeStatus::Up), node: gone.clone() });
        assert!(event.is_nodedown() && !event.is_nodeup());
        assert_eq!((node.nodes(), node.known_nodes()), (vec![], vec![gone]));
        node.node_forgotten(NodeId::of_name("b"));
        assert_eq!(node.known_nodes(), []);
        // Another process cannot end it, and it ends with this one.
        let (_, other) = context.spawn_monitor(move |context: Context| async move {
            assert!(!context.demonitor_nodes(monitor));
            context.monitor_nodes();
        });
        assert_eq!(down(&context, other).await, ExitReason::NORMAL);
        node.node_changed(node_b(NodeStatus::Down, NodeReason::Shutdown));
        assert_eq!(node_event(&context).await.monitor, monitor);
        assert!(context.try_receive(|_| true).is_none());
    });
}
