//! Mailboxes with a bound: as many messages as it says lie in one, and one more ends its process or goes back.

use crate::support::{below, clear};
use rusm_core::{
    CallError, Context, Destination, ExitReason, MailboxBound, Message, Node, Overflow, Payload, Pid, Returned,
    SpawnOptions, TraceEvent, process_body,
};
use rusm_sim::check::always;
use rusm_sim::{SeenEvent, SimHandle, Test};
use std::time::Duration;

/// A process with such a mailbox that reads nothing.
fn bounded(node: &Node, messages: usize, overflow: Overflow) -> Pid {
    let options = SpawnOptions { mailbox: Some(MailboxBound { messages, overflow }), ..SpawnOptions::default() };
    let body = process_body(|context: Context| async move {
        context.receive_match(|_| false).await;
    });
    node.spawn_with(options, body).pid
}

/// Sends so many from one process: how many come back, and how a call behind them ends.
async fn fill(context: Context, to: Pid, messages: u64) -> ExitReason {
    for number in 0..messages {
        context.send(to, Payload::local(number)).expect("a pid takes everything");
    }
    let called = context.call(to, Payload::local(messages), Duration::from_secs(5)).await;
    let mut back = Vec::new();
    while let Some(message) = context.receive_timeout(Duration::from_secs(1), |_| true).await {
        let Message::Plain(payload) = message else { panic!("{message:?}") };
        let returned = payload.downcast::<Returned>().expect("only what it sent comes back");
        assert_eq!(returned.to, to);
        back.push(returned.payload.downcast::<u64>().expect("a number"));
    }
    let called = match called {
        Err(CallError::Down(reason)) => reason.word().to_owned(),
        Err(CallError::Timeout) => "timeout".to_owned(),
        other => panic!("nobody answers: {other:?}"),
    };
    ExitReason::NORMAL.with_detail(format!("{called}, back {back:?}"))
}

#[rusm_sim::test(seeds = 100)]
fn a_full_mailbox_ends_its_process_or_sends_back(test: &mut Test) {
    // What comes from outside of all processes has nowhere to go back to.
    test.watch(always("nothing goes back to nobody", |seen| match seen.event {
        SeenEvent::Node(TraceEvent::Sent { from, to, kind: "message" }) if to.index == u32::MAX => {
            Err(format!("{from} sends a message to whoever is outside"))
        }
        _ => Ok(()),
    }));
    test.script("outside", full);
}

async fn full(sim: SimHandle) {
    let mut rng = sim.random("sizes");
    let node = Node::start(sim.node_options("a"));
    let (bound, sent) = (1 + below(&mut rng, 6), below(&mut rng, 9));
    let sends = |to: Pid| node.spawn(move |context| fill(context, to, sent));

    let returning = bounded(&node, bound as usize, Overflow::Return);
    let told = node.await_exit(sends(returning)).await;
    let back: Vec<u64> = (bound.min(sent)..sent).collect();
    let called = if sent < bound { "timeout" } else { "mailbox_full" };
    assert_eq!(told.detail(), Some(format!("{called}, back {back:?}").as_str()), "{sent} to a bound of {bound}");
    // The call has a place of its own in a mailbox that is not full.
    let lies = bound.min(sent + 1) as usize;
    assert_eq!(node.process_info(returning).map(|info| info.mailbox_len), Some(lies));
    assert_eq!(node.process_info(returning).map(|info| info.monitored_by), Some(0));
    // From outside there is nowhere to go back to.
    for _ in 0..10 {
        node.send(Destination::Pid(returning), Payload::local(0_u64)).expect("a pid takes everything");
    }
    sim.sleep(Duration::from_secs(1)).await;
    assert_eq!(node.process_info(returning).map(|info| info.mailbox_len), Some(bound as usize));

    let ending = bounded(&node, bound as usize, Overflow::End);
    let told = node.await_exit(sends(ending)).await;
    // The call is one message more.
    let called = if sent < bound { "timeout" } else { "mailbox_full" };
    let called =
        if sent > bound && told.detail().is_some_and(|told| told.starts_with("noproc")) { "noproc" } else { called };
    assert_eq!(told.detail(), Some(format!("{called}, back []").as_str()), "{sent} to a bound of {bound}");
    assert_eq!(node.process_info(ending).is_none(), sent + 1 > bound, "{sent} and a call to a bound of {bound}");
    clear(&sim, &node).await;
}

/// What a process sends itself before it waits for the first time counts too, also when it waits for no message.
#[rusm_sim::test(seeds = 30)]
async fn whoever_floods_itself_ends_before_anything_else_happens(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let floods = |messages: u64| {
        let options = SpawnOptions {
            mailbox: Some(MailboxBound { messages: 3, overflow: Overflow::End }),
            ..SpawnOptions::default()
        };
        let body = process_body(move |context: Context| async move {
            for number in 0..messages {
                context.send(context.pid(), Payload::local(number)).expect("itself");
            }
            context.sleep(Duration::from_secs(3_600)).await;
        });
        node.spawn_with(options, body).pid
    };
    let [lives, ends] = [floods(3), floods(4)];
    sim.sleep(Duration::from_secs(1)).await;
    assert_eq!(node.processes(), [lives], "{ends} has one message too many");
    clear(&sim, &node).await;
}
