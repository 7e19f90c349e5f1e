//! Bounded mailboxes: what does not fit is not lost in silence.

use crate::{LONG, boom, check, ms, next, none, say, tell};
use rusm_core::{
    CallError, ChildSpec, Context, ExitReason, MailboxBound, Message, Overflow, Payload, Pid, Returned, SpawnOptions,
    Started, Strategy, Supervisor, SupervisorRef, SupervisorSpec, process_body,
};

/// A process that reads nothing until it is told to, and then says how much it had.
async fn reader(context: &Context, messages: usize, overflow: Overflow) -> Pid {
    let own = context.pid();
    let body = process_body(move |context: Context| async move {
        context.trap_exit(true);
        context.init_ack();
        context.receive_match(|message| matches!(message, Message::Exit { .. })).await;
        let mut read = 0;
        while context.try_receive(|_| true).is_some() {
            read += 1;
        }
        tell(&context, own, format!("read {read}"));
    });
    let mailbox = Some(MailboxBound { messages, overflow });
    match context.start(SpawnOptions { mailbox, ..SpawnOptions::default() }, body).await {
        (Started::Up(pid), _) => pid,
        other => panic!("not up: {other:?}"),
    }
}

#[test]
fn as_many_messages_as_the_bound_are_kept_and_one_more_ends_the_process() {
    check(|context| async move {
        let pid = reader(&context, 3, Overflow::End).await;
        context.monitor(pid);
        for _ in 0..3 {
            tell(&context, pid, "fits");
        }
        // What comes by itself always fits.
        context.exit_signal(pid, boom());
        assert_eq!(next(&context).await, "read 3");
        assert_eq!(next(&context).await, "down normal");
        let pid = reader(&context, 3, Overflow::End).await;
        context.monitor(pid);
        for _ in 0..3 {
            tell(&context, pid, "fits");
        }
        let call = context.call(pid, say("does not"), LONG).await;
        let full = ExitReason::new("mailbox_full").with_detail("more than 3 messages");
        assert_eq!(call.err(), Some(CallError::Down(full)));
        assert_eq!(next(&context).await, "down mailbox_full(more than 3 messages)");
    });
}

#[test]
fn what_does_not_fit_comes_back_to_its_sender() {
    check(|context| async move {
        let pid = reader(&context, 2, Overflow::Return).await;
        for text in ["1", "2", "3", "4"] {
            tell(&context, pid, text);
        }
        for expected in ["3", "4"] {
            let message = context.receive_timeout(LONG, |_| true).await;
            let Some(Message::Plain(payload)) = message else { panic!("not a message: {message:?}") };
            let Returned { to, payload } = payload.downcast().expect("what came back");
            assert_eq!((to, payload.downcast::<String>().expect("text").as_str()), (pid, expected));
        }
        let call = context.call(pid, say("5"), LONG).await;
        assert_eq!(call.err(), Some(CallError::Down(ExitReason::new("mailbox_full"))));
        assert_eq!(context.process_info(pid).await.expect("it lives").monitored_by, 0);
        context.node().send(pid, Payload::local(())).expect("a pid");
        context.exit_signal(pid, boom());
        assert_eq!(next(&context).await, "read 2");
        none(&context).await;
    });
}

/// Of two that are full and send each other what does not fit, nothing goes round for ever.
#[test]
fn what_came_back_does_not_go_back_again() {
    check(|context| async move {
        let mailbox = Some(MailboxBound { messages: 1, overflow: Overflow::Return });
        let floods = |to: Option<Pid>| {
            process_body(move |context: Context| async move {
                for _ in 0..5 {
                    if let Some(to) = to {
                        tell(&context, to, "flood");
                    }
                }
                context.receive_match(|_| false).await;
            })
        };
        let options = SpawnOptions { mailbox, ..SpawnOptions::default() };
        let first = context.spawn_with(options.clone(), floods(None)).pid;
        let second = context.spawn_with(options, floods(Some(first))).pid;
        tell(&context, second, "fills");
        context.sleep(ms(1000)).await;
        let mailbox_len = |pid| context.node().process_info(pid).map(|info| info.mailbox_len);
        assert_eq!(mailbox_len(first), Some(1));
        // What filled the second came before what came back to it, or found no room and is here.
        let here = mailbox_len(context.pid()).expect("this process");
        assert_eq!(mailbox_len(second).expect("it lives") + here, 5);
    });
}

#[test]
fn a_child_that_is_flooded_is_restarted() {
    check(|context| async move {
        let idle = |context: Context, _| async move { drop(context.receive_match(|_| false).await) };
        let child = ChildSpec::worker("child", idle).name("child");
        let spec = SupervisorSpec::new(Strategy::OneForOne)
            .child(child.mailbox(MailboxBound { messages: 10, overflow: Overflow::End }));
        let Started::Up(pid) = Supervisor::start_link(&context, spec).await else { panic!("not up") };
        let child = context.whereis("child").expect("it runs");
        for _ in 0..11 {
            tell(&context, child, "flood");
        }
        while context.whereis("child").is_none_or(|now| now == child) {
            context.sleep(ms(1)).await;
        }
        let children = SupervisorRef::from(pid).which_children(&context).await.expect("children");
        assert_eq!(children[0].restarts, 1);
    });
}
