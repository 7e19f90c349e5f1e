//! Every call that takes a pid, with one of another node: docs/cluster.md lists them.

use crate::support::*;
use rusm_core::{
    AliasMode, Association, BehaviourRef, CallError, ExitReason, Message, Payload, Pid, SupervisorRef, TimerFired, sys,
};
use std::time::Duration;
use tokio::sync::oneshot;

#[test]
fn the_outside_reaches_processes_of_other_nodes_as_processes_do() {
    check(|context, pair, ends| async move {
        let node = context.node().clone();
        let there = pair.spawn_there(echo);
        let end = awaited(&pair, there).await;
        let answer = node.call(there, text("hello"), SOON).await.expect("an answer");
        assert_eq!(read(&answer), "hello");
        node.send(there, text("done")).expect("a term");
        assert_eq!(end.await.expect("it waits").word(), "done");
        assert_eq!(node.await_exit(there).await, ExitReason::NOPROC);
        let victim = pair.spawn_there(idle);
        let end = awaited(&pair, victim).await;
        node.exit_signal(victim, ExitReason::KILL);
        assert_eq!(end.await.expect("it waits"), ExitReason::KILLED);
        assert!(node.send(victim, Payload::local(1)).is_err(), "no term");
        while ends.iter().any(|end| end.relations() > 0) {
            tokio::task::yield_now().await;
        }
    });
}

/// Waits for the end of a process of the second node; it is watched when this returns.
async fn awaited(pair: &Pair, there: Pid) -> oneshot::Receiver<ExitReason> {
    let node = pair.nodes[0].clone();
    let (tell, end) = oneshot::channel();
    node.seams().executor.clone().spawn(Box::pin(async move { drop(tell.send(node.await_exit(there).await)) }));
    while pair.nodes[1].process_info(there).expect("it lives").monitored_by == 0 {
        tokio::task::yield_now().await;
    }
    end
}

#[test]
fn the_alias_of_a_monitor_takes_the_reply_of_another_node() {
    check(|context, pair, ends| async move {
        let there = pair.spawn_there(idle);
        let alias = context.monitor_alias(there, AliasMode::Reply);
        pair.nodes[1].send(alias, text("first")).expect("a term");
        pair.nodes[1].send(alias, text("late")).expect("a term");
        assert_eq!(read_plain(&context).await, "first");
        context.exit_signal(there, ExitReason::KILL);
        while context.is_alive(there).await {}
        assert!(context.try_receive(|_| true).is_none(), "the first took the monitor away, and the alias");
        // A timer of the other node, too.
        let alias = context.alias();
        pair.spawn_there(move |context: rusm_core::Context| async move {
            context.start_timer(Duration::from_millis(1), alias, text("rings"));
            idle(context).await;
        });
        let Message::Plain(payload) = context.receive().await else { panic!("a message") };
        assert_eq!(read(&payload.downcast::<TimerFired>().expect("of a timer").payload), "rings");
        assert_eq!(ends.each_ref().map(Association::relations), [0, 0]);
    });
}

#[test]
fn what_a_behaviour_is_asked_is_typed_and_does_not_leave_the_node() {
    check(|context, pair, _| async move {
        let there = pair.spawn_there(echo);
        let behaviour = BehaviourRef::<u32, u32, u32>::from(there);
        assert!(matches!(behaviour.send_request(&context, 1), Err(CallError::Badarg(_))));
        assert!(matches!(behaviour.call(&context, 1, SOON).await, Err(CallError::Badarg(_))));
        // The log says that it is dropped.
        behaviour.cast(&context, 1);
        assert!(context.is_alive(there).await);
    });
}

#[test]
fn what_only_knows_its_own_node_says_so() {
    check(|context, pair, _| async move {
        let there = pair.spawn_there(idle);
        assert!(context.process_info(there).await.is_none() && context.node().process_info(there).is_none());
        assert!(context.register("there", there).is_err(), "a local name is of a process of this node");
        assert!(sys::status(&context, there, SOON).await.is_err());
        assert!(sys::suspend(&context, there, SOON).await.is_err());
        assert!(SupervisorRef::from(there).which_children(&context).await.is_err());
        context.node().release(there);
        assert!(context.is_alive(there).await, "none of that did it any harm");
    });
}
