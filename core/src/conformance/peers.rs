use super::run;
use crate::{CallError, Context, Destination, Encoding, ExitReason, Message, Node, Payload, Pid, Term};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;

const SENDERS: u32 = 5;
const MESSAGES: u32 = 200;

/// Which messages are as long as one may be.
const LONG_EVERY: u32 = 50;

/// Longer than any implementation takes for an answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Asserts what [`Peers`](crate::seam::Peers) promises, of two nodes that an implementation connects, or is about to. No message is
/// longer than `message_len_max`. `lose` ends the association between the two nodes, from outside, and lets them find each other again
/// afterwards.
pub async fn peers(a: &Node, b: &Node, message_len_max: usize, lose: impl AsyncFnOnce()) {
    let ends = [(a, b), (b, a)].map(|(from, to)| (from.clone(), to.clone(), echo(to)));
    for (from, _, echo) in &ends {
        until_it_answers(from, *echo).await;
    }
    nobody_knows_a_stranger(a).await;
    for (from, to, _) in &ends {
        messages_of_one_sender_stay_in_order_however_addressed(from, to, message_len_max).await;
        one_byte_too_many_is_refused(from, to, message_len_max).await;
        an_exit_signal_comes_behind_the_messages_before_it(from, to).await;
        a_down_comes_behind_the_last_message(from, to).await;
    }
    the_end_of_an_association_loses_a_tail_and_is_one_noconnection_for_each(a, b, lose).await;
    for (from, _, echo) in &ends {
        until_it_answers(from, *echo).await;
    }
}

fn echo(node: &Node) -> Pid {
    node.spawn(answer)
}

async fn answer(context: Context) {
    loop {
        if let Message::Call { from, payload: Payload::Term(term) } = context.receive().await {
            context.reply(from, term);
        }
    }
}

/// That nodes do not reach each other is no death: the same pid answers over the next association.
async fn until_it_answers(node: &Node, echo: Pid) {
    run(node, move |context: Context| async move {
        loop {
            match context.call(echo, numbered(0, 7, 0), PATIENCE).await {
                Ok(Payload::Term(term)) => return assert_eq!(read(&term), (0, 7), "another answer"),
                Err(CallError::Down(reason)) if reason == ExitReason::NOCONNECTION => {
                    context.sleep(Duration::from_millis(1)).await;
                }
                other => panic!("neither an answer nor noconnection: {other:?}"),
            }
        }
    })
    .await;
}

/// Who sends, and which of its messages it is; padded to `len`.
fn numbered(sender: u32, number: u32, len: usize) -> Term {
    let mut bytes = [sender.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.resize(len.max(bytes.len()), 7);
    Term::new(Encoding::Raw, bytes)
}

fn read(term: &Term) -> (u32, u32) {
    let word = |at: usize| u32::from_le_bytes(term.bytes[at..at + 4].try_into().expect("four bytes"));
    (word(0), word(4))
}

fn message(message: &Message) -> Option<(u32, u32)> {
    let Message::Plain(Payload::Term(term)) = message else { return None };
    Some(read(term))
}

/// Starts a process that does this until it has what it says; a panic in it is the suite's.
fn start<Fut: Future<Output = ()> + Send + 'static>(
    node: &Node,
    body: impl FnOnce(Context) -> Fut + Send + 'static,
) -> (Pid, oneshot::Receiver<()>) {
    let (done, is_done) = oneshot::channel();
    let pid = node.spawn(move |context| async move {
        body(context).await;
        let _ = done.send(());
    });
    (pid, is_done)
}

async fn nobody_knows_a_stranger(node: &Node) {
    run(node, |context: Context| async move {
        let nobody = Pid { node: crate::NodeId::of_name("nobody is called so"), ..context.pid() };
        let monitor = context.monitor(nobody);
        let heard = context.receive().await;
        let Message::Down { monitor: of, reason, .. } = heard else { panic!("no DOWN but {heard:?}") };
        assert_eq!((of, reason), (monitor, ExitReason::NOCONNECTION));
    })
    .await;
}

async fn messages_of_one_sender_stay_in_order_however_addressed(from: &Node, to: &Node, message_len_max: usize) {
    let (receiver, is_done) = start(to, |context: Context| async move {
        let mut next: BTreeMap<u32, u32> = BTreeMap::new();
        for _ in 0..SENDERS * MESSAGES {
            let heard = context.receive().await;
            let (sender, number) = message(&heard).unwrap_or_else(|| panic!("not a message: {heard:?}"));
            let expected = next.entry(sender).or_default();
            assert_eq!(number, *expected, "a message of sender {sender} is lost, doubled or overtaken");
            *expected += 1;
        }
        context.sleep(Duration::from_millis(1)).await;
        assert!(context.try_receive(|_| true).is_none(), "a message arrived twice");
    });
    to.register("conformance", receiver).expect("it is free");
    let node = to.id();
    for sender in 0..SENDERS {
        from.spawn(move |context: Context| async move {
            for number in 0..MESSAGES {
                let by_name = Destination::NameAt { name: "conformance".to_owned(), node };
                let to = if number % 3 == 0 { by_name } else { Destination::Pid(receiver) };
                let len = if number % LONG_EVERY == 0 { message_len_max } else { 0 };
                context.send(to, numbered(sender, number, len)).expect("a term that is short enough");
            }
        });
    }
    is_done.await.expect("the receiver hears what it expects");
}

async fn one_byte_too_many_is_refused(from: &Node, to: &Node, message_len_max: usize) {
    let receiver = echo(to);
    run(from, move |context: Context| async move {
        let sent = context.send(receiver, numbered(0, 0, message_len_max + 1));
        assert!(sent.is_err(), "a message of {} bytes was taken", message_len_max + 1);
    })
    .await;
}

async fn an_exit_signal_comes_behind_the_messages_before_it(from: &Node, to: &Node) {
    let (ready, is_ready) = oneshot::channel();
    let (receiver, is_done) = start(to, |context: Context| async move {
        context.trap_exit(true);
        let _ = ready.send(());
        for expected in 0..MESSAGES {
            let heard = context.receive().await;
            assert_eq!(message(&heard), Some((0, expected)), "the exit signal overtook a message: {heard:?}");
        }
        let heard = context.receive().await;
        assert!(matches!(&heard, Message::Exit { reason, .. } if reason.word() == "enough"), "{heard:?}");
    });
    is_ready.await.expect("it traps exits");
    from.spawn(move |context: Context| async move {
        for number in 0..MESSAGES {
            context.send(receiver, numbered(0, number, 0)).expect("a term");
        }
        context.exit_signal(receiver, ExitReason::new("enough"));
    });
    is_done.await.expect("the receiver hears what it expects");
}

async fn a_down_comes_behind_the_last_message(from: &Node, to: &Node) {
    let (monitored, is_monitored) = oneshot::channel();
    let sender = from.spawn(|context: Context| async move {
        let heard = context.receive().await;
        let Message::Call { from: watcher, .. } = heard else { panic!("not a call: {heard:?}") };
        for number in 0..MESSAGES {
            context.send(watcher.pid, numbered(0, number, 0)).expect("a term");
        }
        // It answers by its end, which says so too.
    });
    let (_, is_done) = start(to, move |context: Context| async move {
        let monitor = context.monitor(sender);
        let _ = monitored.send(());
        let answer = context.call(sender, Term::empty(), PATIENCE).await;
        assert!(matches!(answer, Err(CallError::Down(_))), "{answer:?}");
        for expected in 0..MESSAGES {
            let heard = context.receive().await;
            assert_eq!(message(&heard), Some((0, expected)), "the DOWN overtook a message: {heard:?}");
        }
        let heard = context.receive().await;
        assert!(matches!(heard, Message::Down { monitor: of, .. } if of == monitor), "no DOWN but {heard:?}");
    });
    is_monitored.await.expect("it is monitored");
    is_done.await.expect("the watcher hears what it expects");
}

async fn the_end_of_an_association_loses_a_tail_and_is_one_noconnection_for_each(
    a: &Node,
    b: &Node,
    lose: impl AsyncFnOnce(),
) {
    let (under_way, is_under_way) = oneshot::channel();
    let (tell, told) = oneshot::channel();
    let (sender, has_sent) = start(a, |context: Context| async move {
        let receiver: Pid = told.await.expect("there is a receiver");
        let monitor = context.monitor(receiver);
        let down = |message: &Message| matches!(message, Message::Down { .. });
        let lost = 'sending: {
            for number in 0.. {
                context.send(receiver, numbered(0, number, 0)).expect("a term");
                context.sleep(Duration::from_micros(100)).await;
                if let Some(lost) = context.try_receive(down) {
                    break 'sending lost;
                }
            }
            unreachable!("numbers do not end");
        };
        let Message::Down { monitor: of, reason, .. } = lost else { panic!("no DOWN but {lost:?}") };
        assert_eq!((of, reason), (monitor, ExitReason::NOCONNECTION));
        context.sleep(Duration::from_millis(1)).await;
        assert!(context.try_receive(down).is_none(), "a second DOWN of one monitor");
    });
    let (receiver, has_heard) = start(b, move |context: Context| async move {
        let monitor = context.monitor(sender);
        let (mut expected, mut under_way) = (0, Some(under_way));
        let lost = loop {
            let heard = context.receive().await;
            match message(&heard) {
                Some((_, number)) => assert_eq!(number, expected, "a message is missing in the middle"),
                None => break heard,
            }
            expected += 1;
            if expected == MESSAGES {
                let _ = under_way.take().map(|under_way| under_way.send(()));
            }
        };
        let Message::Down { monitor: of, reason, .. } = lost else { panic!("no DOWN but {lost:?}") };
        assert_eq!((of, reason), (monitor, ExitReason::NOCONNECTION));
        context.sleep(Duration::from_millis(1)).await;
        let second = context.try_receive(|message| matches!(message, Message::Down { .. }));
        assert!(second.is_none(), "a second DOWN of one monitor");
    });
    let _ = tell.send(receiver);
    is_under_way.await.expect("messages come");
    lose().await;
    has_sent.await.expect("the sender hears of the loss");
    has_heard.await.expect("the receiver hears of the loss");
}
