//! What two nodes do to each other.

use crate::support::{BOUND, Member, authority, text_term, within};
use rusm_core::{Context, Destination, ExitReason, Message, Monitored, NodeId, Payload};
use std::sync::Arc;
use tokio::sync::oneshot;

#[tokio::test(flavor = "multi_thread")]
async fn members_call_each_other_whoever_joined_whom() {
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "hello").await, "hello");
    // Nobody has told `a` where `b` is: `b` came from there.
    assert_eq!(a.ask_until_answered("b", "and back").await, "and back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_member_is_unknown_until_it_is_joined() {
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    assert!(b.ask("c", "hello").await.is_err(), "nobody knows c");
    let c = Member::start(&authority, "c", &[a.address(), b.address()]);
    assert_eq!(c.ask_until_answered("a", "one").await, "one");
    assert_eq!(c.ask_until_answered("b", "two").await, "two");
    assert_eq!(b.ask_until_answered("c", "three").await, "three");
}

/// Counts upwards as far as its messages do, and says where they did not.
async fn counting(context: Context, total: u64, done: oneshot::Sender<Result<(), String>>) {
    for expected in 0..total {
        let Message::Plain(Payload::Term(term)) = context.receive().await else { continue };
        let text = String::from_utf8_lossy(&term.bytes);
        let number = text.split(' ').next().unwrap_or_default();
        if number != expected.to_string() {
            let _ = done.send(Err(format!("{number} instead of {expected}")));
            return;
        }
    }
    let _ = done.send(Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_messages_of_all_sizes_arrive_once_and_in_order() {
    const TOTAL: u64 = 10_000;
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    b.ask_until_answered("a", "up").await;
    let (done, counted) = oneshot::channel();
    let counter = a.node.spawn(move |context| counting(context, TOTAL, done));
    a.node.register("counter", counter).expect("the name is free");
    b.node.spawn(move |context| async move {
        for number in 0..TOTAL {
            // By pid and by name; some larger than what fits into one piece.
            let filler = if number % 1_000 == 0 { 300_000 } else { (number % 100) as usize };
            let message = text_term(&format!("{number} {}", "x".repeat(filler)));
            let to = match number % 2 {
                0 => Destination::Pid(counter),
                _ => Destination::NameAt { name: "counter".to_owned(), node: NodeId::of_name("a") },
            };
            context.send(to, message).expect("a pid or a name of another node can always be sent to");
        }
    });
    assert_eq!(within(counted).await.expect("it counts"), Ok(()));
}

/// Monitors a name of another node, and says why it is down.
pub(crate) fn watch(member: &Member, node: &'static str) -> oneshot::Receiver<ExitReason> {
    let (down, heard) = oneshot::channel();
    member.node.spawn(move |context| async move {
        context.monitor(Monitored::NameAt { name: "echo".to_owned(), node: NodeId::of_name(node) });
        if let Message::Down { reason, .. } = context.receive().await {
            let _ = down.send(reason);
        }
    });
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_is_down_for_its_watchers_elsewhere() {
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    b.ask_until_answered("a", "up").await;
    let down = watch(&b, "a");
    // A call behind the monitor: once it is answered, the monitor is there.
    assert_eq!(b.ask("a", "watched").await.as_deref(), Ok("watched"));
    let echo = a.node.whereis("echo").expect("it is registered");
    a.node.exit_signal(echo, ExitReason::new("enough"));
    let reason = within(down).await.expect("a DOWN");
    // Other senders' signals are not ordered with the monitor: it may have come behind the end.
    assert!(["enough", "noproc"].contains(&reason.word()), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_stops_is_gone_at_once_and_comes_back_as_another() {
    let authority = authority();
    let a = Member::start(&authority, "a", &[]);
    let b = Member::start(&authority, "b", &[a.address()]);
    b.ask_until_answered("a", "up").await;
    let down = watch(&a, "b");
    assert_eq!(a.ask_until_answered("b", "watched").await, "watched");
    within(b.member.stop()).await;
    assert_eq!(within(down).await.expect("a DOWN"), ExitReason::NOCONNECTION);
    assert!(a.ask("b", "gone").await.is_err());
    let again = Member::start(&authority, "b", &[a.address()]);
    assert_eq!(again.ask_until_answered("a", "back").await, "back");
    assert_eq!(a.ask_until_answered("b", "welcome").await, "welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_call_at_once() {
    let authority = authority();
    let a = Arc::new(Member::start(&authority, "a", &[]));
    let b = Arc::new(Member::start(&authority, "b", &[a.address()]));
    b.ask_until_answered("a", "up").await;
    let asking = (0..200).map(|number| {
        let (a, b) = (a.clone(), b.clone());
        tokio::spawn(async move {
            let (from, to) = if number % 2 == 0 { (&a, "b") } else { (&b, "a") };
            from.ask(to, &number.to_string()).await.map(|answer| answer == number.to_string())
        })
    });
    for asked in asking.collect::<Vec<_>>() {
        assert_eq!(tokio::time::timeout(BOUND, asked).await.expect("in time").expect("no panic"), Ok(true));
    }
}
