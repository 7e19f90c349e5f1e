use super::{agent, boom, check, mailbox, say, settled, tell};
use rusm_core::seam::{Delivery, Envelope, Seams};
use rusm_core::{Context, Destination, ExitReason, Message, Node, NodeOptions, Payload};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn signals_of_one_sender_arrive_in_order_whatever_their_kind_and_however_addressed() {
    check(|context| async move {
        let receiver = agent(&context);
        context.register("receiver", receiver).expect("a free name");
        let alias = Arc::new(Mutex::new(None));
        tell(&context, receiver, {
            let alias = alias.clone();
            move |receiver| {
                receiver.trap_exit(true);
                *alias.lock().unwrap() = Some(receiver.alias());
            }
        })
        .await;
        let alias = alias.lock().unwrap().expect("an alias");
        let mut expected = Vec::new();
        for number in 0..200u32 {
            let to = match number % 4 {
                0 => Destination::Pid(receiver),
                1 => Destination::Name("receiver".to_owned()),
                2 => Destination::Alias(alias),
                _ => {
                    context.exit_signal(receiver, ExitReason::new(number.to_string()));
                    expected.push(format!("exit({number})"));
                    continue;
                }
            };
            context.send(to, Payload::local(number)).expect("somebody has the name");
            expected.push(number.to_string());
        }
        tell(&context, receiver, move |receiver| assert_eq!(mailbox(receiver), expected)).await;
    });
}

#[test]
fn a_monitor_made_before_an_exit_signal_hears_of_that_exit_first_and_one_made_behind_it_of_noproc() {
    check(|context| async move {
        context.trap_exit(true);
        let target = agent(&context);
        context.monitor(target);
        context.exit_signal(target, boom());
        context.monitor(target);
        assert!(!context.is_alive(target).await);
        assert_eq!(mailbox(&context), ["down(boom)", "down(noproc)"]);
    });
}

/// Holds a monitor back, and hands it over when the exit of the process that it is for is under way to its watcher.
#[derive(Default)]
struct MonitorInTheMiddle {
    armed: AtomicBool,
    held: Mutex<Option<Envelope>>,
}

impl Delivery for MonitorInTheMiddle {
    fn send(&self, node: &Node, envelope: Envelope) {
        let kind = envelope.signal.kind();
        if kind == "monitor" && self.armed.swap(false, Ordering::SeqCst) {
            *self.held.lock().unwrap() = Some(envelope);
            return;
        }
        let held = (kind == "exit").then(|| self.held.lock().unwrap().take()).flatten();
        held.into_iter().for_each(|monitor| node.deliver(monitor));
        node.deliver(envelope);
    }
}

#[test]
fn a_monitor_that_arrives_while_an_end_is_being_told_hears_noproc_after_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let delivery = Arc::new(MonitorInTheMiddle::default());
        let seams = Seams { delivery: Some(delivery.clone()), ..Seams::production(std::env::temp_dir()) };
        let node = Node::start(NodeOptions::new("a", seams));
        let reason = super::end_of(&node, move |context: Context| async move {
            context.trap_exit(true);
            let target = context.spawn_link(|context: Context| async move {
                context.receive().await;
                boom()
            });
            delivery.armed.store(true, Ordering::SeqCst);
            context.monitor(target);
            context.send(target, say("end")).expect("a pid");
            context.receive_match(|message| matches!(message, Message::Down { .. })).await;
            assert_eq!(mailbox(&context), ["exit(boom)"], "it was told before there was no such process");
        });
        assert_eq!(reason.await, ExitReason::NORMAL);
    });
}

#[test]
fn is_alive_and_process_info_come_behind_the_callers_own_signals() {
    check(|context| async move {
        for _ in 0..100 {
            let target = agent(&context);
            assert!(context.is_alive(target).await);
            context.exit_signal(target, boom());
            assert!(!context.is_alive(target).await);
            let target = agent(&context);
            context.link(target);
            context.send(target, say("hello")).expect("a pid");
            let info = context.process_info(target).await.expect("alive");
            assert_eq!((info.links, info.mailbox_len), (vec![context.pid()], 1));
            context.unlink(target);
            context.exit_signal(target, ExitReason::KILL);
            assert!(context.process_info(target).await.is_none());
        }
    });
}

#[test]
fn receive_takes_the_first_match_in_arrival_order_and_leaves_the_rest_in_order() {
    check(|context| async move {
        for number in 0..6u32 {
            context.send(context.pid(), Payload::local(number)).expect("a pid");
        }
        let is_odd = |message: &Message| matches!(message, Message::Plain(payload) if payload.downcast_ref::<u32>().is_some_and(|n| n % 2 == 1));
        let first = context.receive_match(is_odd).await;
        assert_eq!(super::text(&first), "1");
        assert_eq!(mailbox(&context), ["0", "2", "3", "4", "5"]);
        assert!(context.try_receive(|_| false).is_none());
        let next = context.try_receive(|_| true);
        assert_eq!(next.as_ref().map(super::text).as_deref(), Some("0"));
    });
}

#[test]
fn a_call_leaves_the_backlog_as_it_is() {
    check(|context| async move {
        let server = agent(&context);
        for number in 0..1000u32 {
            context.send(context.pid(), Payload::local(number)).expect("a pid");
        }
        tell(&context, server, |_| ()).await;
        let backlog: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        assert_eq!(mailbox(&context), backlog);
    });
}

#[test]
fn what_a_process_sends_itself_has_arrived_when_send_returns() {
    check(|context| async move {
        context.send(context.pid(), say("mine")).expect("a pid");
        assert_eq!(mailbox(&context), ["mine"]);
    });
}

#[test]
fn a_call_that_is_given_up_leaves_nothing_behind() {
    check(|context| async move {
        let deaf = context.spawn(|context| async move {
            context.receive_match(|message| matches!(message, Message::Plain(_))).await;
        });
        tokio::select! {
            biased;
            _ = context.call(deaf, say("hello?"), Duration::MAX) => panic!("the deaf one answered"),
            () = std::future::ready(()) => {}
        }
        context.exit_signal(deaf, boom());
        settled(&context, &[deaf]).await;
        assert!(mailbox(&context).is_empty());
        let info = context.node().process_info(context.pid()).expect("alive");
        assert!(info.monitors.is_empty());
    });
}
