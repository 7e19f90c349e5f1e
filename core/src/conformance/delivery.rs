use super::run;
use crate::seam::Seams;
use crate::{Context, Message, Node, NodeOptions, Payload};
use std::collections::BTreeMap;

const SENDERS: u32 = 10;
const MESSAGES: u32 = 200;

/// Asserts what [`Delivery`](crate::seam::Delivery) promises, or the lack of one: every signal of one process to
/// another arrives once, in the order sent, whatever kinds they are.
pub async fn delivery(seams: Seams) {
    let node = Node::start(NodeOptions::new("conformance", seams));
    messages_of_one_sender_stay_in_order(&node).await;
    a_down_comes_after_the_last_message(&node).await;
    names_and_pids_share_one_order(&node).await;
}

/// What a process sent on, and which of them it was.
struct Numbered(u32, u32);

fn numbered(message: Message) -> (u32, u32) {
    let Message::Plain(payload) = message else { panic!("not a plain message: {message:?}") };
    let Numbered(sender, number) = payload.downcast().unwrap_or_else(|other| panic!("not a number: {other:?}"));
    (sender, number)
}

async fn messages_of_one_sender_stay_in_order(node: &Node) {
    run(node, |context: Context| async move {
        for sender in 0..SENDERS {
            let receiver = context.pid();
            context.spawn(move |context: Context| async move {
                for number in 0..MESSAGES {
                    let _ = context.send(receiver, Payload::local(Numbered(sender, number)));
                }
            });
        }
        let mut next = BTreeMap::new();
        for _ in 0..SENDERS * MESSAGES {
            let (sender, number) = numbered(context.receive().await);
            let expected = next.entry(sender).or_insert(0);
            assert_eq!(number, *expected, "a message of sender {sender} is lost, doubled or overtaken");
            *expected += 1;
        }
        assert!(context.try_receive(|_| true).is_none(), "a message arrived twice");
    })
    .await;
}

async fn a_down_comes_after_the_last_message(node: &Node) {
    run(node, |context: Context| async move {
        let receiver = context.pid();
        let (_, monitor) = context.spawn_monitor(move |context: Context| async move {
            for number in 0..MESSAGES {
                let _ = context.send(receiver, Payload::local(Numbered(0, number)));
            }
        });
        for expected in 0..MESSAGES {
            assert_eq!(numbered(context.receive().await).1, expected, "the DOWN overtook a message");
        }
        let message = context.receive().await;
        assert!(matches!(message, Message::Down { monitor: of, .. } if of == monitor), "no DOWN but {message:?}");
    })
    .await;
}

async fn names_and_pids_share_one_order(node: &Node) {
    run(node, |context: Context| async move {
        let receiver = context.pid();
        let alias = context.alias();
        context.register("receiver", receiver).expect("the name is free");
        context.spawn(move |context: Context| async move {
            for number in 0..MESSAGES {
                let payload = Payload::local(Numbered(0, number));
                let sent = match number % 3 {
                    0 => context.send(receiver, payload),
                    1 => context.send("receiver", payload),
                    _ => context.send(alias, payload),
                };
                sent.expect("the name is registered");
            }
        });
        for expected in 0..MESSAGES {
            assert_eq!(numbered(context.receive().await).1, expected, "an address overtook another");
        }
    })
    .await;
}
