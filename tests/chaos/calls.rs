//! Callers with deadlines, servers that are late, and mailboxes full of other things: a call has one answer, its own, in time
//! or not at all, and leaves nothing behind.

use crate::support::{below, idle, micros};
use rusm_core::{
    CallError, Caller, ChildSpec, Context, Destination, ExitReason, Message, Node, Payload, Pid, Strategy, Supervisor,
    SupervisorSpec,
};
use rusm_sim::SimHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NAME: &str = "server";
const CALLERS: usize = 4;
const CALLS: u64 = 25;

/// What a deadline may be missed by: signals take a little time, and so does every turn.
const SLACK: Duration = Duration::from_millis(5);

#[rusm_sim::test(
    seeds = 150,
    sometimes = ["answered", "too late", "the server died of a call", "a call was given up", "nobody had the name"]
)]
async fn a_call_has_its_own_answer_in_time_or_none(sim: SimHandle) {
    let node = Node::start(sim.node_options("a"));
    let serves = sim.clone();
    let server = ChildSpec::worker(NAME, move |context, _| serve(context, serves.clone())).name(NAME);
    let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(1_000_000, Duration::from_secs(1)).child(server);
    Supervisor::start(&node, spec).await;
    let done = Arc::new(AtomicUsize::new(0));
    let callers: Vec<Pid> = (0..CALLERS)
        .map(|number| {
            let (sim, done) = (sim.clone(), done.clone());
            node.spawn(move |context| async move {
                call(&context, &sim, number).await;
                done.fetch_add(1, Ordering::Relaxed);
                idle(context).await;
            })
        })
        .collect();
    sim.sleep(Duration::from_secs(30)).await;
    assert_eq!(done.load(Ordering::Relaxed), CALLERS, "a caller still waits");
    let server = node.whereis(NAME).expect("the supervisor starts it again");
    for pid in callers.into_iter().chain([server]) {
        let info = node.process_info(pid).expect("it lives");
        assert_eq!((info.monitors.len(), info.monitored_by, info.mailbox_len), (0, 0, 0), "{pid} has something left");
    }
}

/// Answers some at once and some later, in any order, and dies of some.
async fn serve(context: Context, sim: SimHandle) -> ExitReason {
    let mut rng = sim.random(&format!("server {}", context.pid().serial));
    let mut waiting: Vec<(Caller, u64)> = Vec::new();
    let info = || context.node().process_info(context.pid()).expect("it lives");
    loop {
        let patience = if waiting.is_empty() { Duration::MAX } else { micros(&mut rng, 400) };
        if let Some(Message::Call { from, payload }) = context.receive_timeout(patience, |_| true).await {
            let number: u64 = payload.downcast().expect("a number");
            match below(&mut rng, 8) {
                0 => {
                    sim.sometimes("the server died of a call");
                    return ExitReason::new("enough");
                }
                1..4 => {
                    context.reply(from, Payload::local(number));
                    // Whoever has an answer hears nothing of its server's end any more.
                    if waiting.is_empty() && info().mailbox_len == 0 {
                        assert_eq!(info().monitored_by, 0, "an answered call still watches");
                    }
                }
                _ => waiting.push((from, number)),
            }
        }
        if !waiting.is_empty() && below(&mut rng, 2) == 0 {
            let (from, number) = waiting.swap_remove(below(&mut rng, waiting.len() as u64) as usize);
            context.reply(from, Payload::local(number));
        }
    }
}

async fn call(context: &Context, sim: &SimHandle, caller: usize) {
    let mut rng = sim.random(&format!("caller {caller}"));
    let junk = below(&mut rng, 300);
    for number in 0..junk {
        context.send(context.pid(), Payload::local(number)).expect("itself");
    }
    for call in 0..CALLS {
        let number = caller as u64 * CALLS + call;
        let (timeout, begun) = (micros(&mut rng, 2_000), context.now());
        let to: Destination = match context.whereis(NAME) {
            Some(pid) if below(&mut rng, 2) == 0 => pid.into(),
            _ => NAME.into(),
        };
        if below(&mut rng, 6) == 0 {
            tokio::select! {
                biased;
                _ = context.call(to, Payload::local(number), timeout) => {}
                () = context.sleep(timeout / 4) => sim.sometimes("a call was given up"),
            }
            continue;
        }
        let answer = context.call(to, Payload::local(number), timeout).await;
        let took = context.now().since(begun);
        assert!(took <= timeout + SLACK, "a call with {timeout:?} took {took:?}");
        match answer {
            Ok(answer) => {
                sim.sometimes("answered");
                assert_eq!(answer.downcast::<u64>().ok(), Some(number), "the answer to another call");
            }
            Err(CallError::Timeout) => {
                sim.sometimes("too late");
                assert!(took >= timeout, "a call with {timeout:?} had no answer after {took:?}");
            }
            Err(CallError::Down(reason)) => assert!(["enough", "noproc"].contains(&reason.word()), "{reason}"),
            Err(CallError::Badarg(_)) => sim.sometimes("nobody had the name"),
            Err(other) => panic!("{other}"),
        }
    }
    // Longer than any answer is late by.
    context.sleep(Duration::from_secs(1)).await;
    let left = std::iter::from_fn(|| context.try_receive(|_| true));
    let left: Vec<u64> = left.map(number_of).collect();
    assert!(left.into_iter().eq(0..junk), "what lay in the mailbox before, and nothing else");
}

fn number_of(message: Message) -> u64 {
    match message {
        Message::Plain(payload) => payload.downcast().expect("a number"),
        other => panic!("nobody sent {other:?}"),
    }
}
