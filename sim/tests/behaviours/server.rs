//! `gen_server`: calls, casts and what goes between them.

use crate::told::{Do, Told, ToldRef, answer, is_up, is_well, on_call, on_cast, server, start, up};
use crate::{LONG, boom, check, ms, next, none, say, tell, wait};
use rusm_core::{
    BehaviourRef, CallError, Called, ExitReason, Init, Message, Next, Payload, RequestIds, Response, SpawnOptions,
};
use std::time::Duration;

#[test]
fn gs_call_timeout() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        let late = answer(1).taking(ms(80));
        assert_eq!(server.call(&context, late, ms(10)).await, Err(CallError::Timeout));
        context.sleep(ms(150)).await;
        none(&context).await;
        is_well(&context, &server).await;
    });
}

#[test]
fn gs_late_reply_dropped_delayed() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        let late = on_call(|context, from| {
            context.spawn(|context| async move {
                context.sleep(ms(60)).await;
                from.reply(&context, 1);
            });
            Called::NoReply(Next::Receive)
        });
        assert_eq!(server.call(&context, late, ms(10)).await, Err(CallError::Timeout));
        context.sleep(ms(120)).await;
        none(&context).await;
    });
}

#[test]
fn gs_call_noproc() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        server.stop(&context, ExitReason::NORMAL, LONG).await.expect("it was there");
        assert_eq!(next(&context).await, "terminated normal");
        let noproc = Err(CallError::Down(ExitReason::NOPROC));
        assert_eq!(server.call(&context, answer(1), LONG).await, noproc);
        let nobody = ToldRef::from("no_such_name");
        assert!(matches!(nobody.call(&context, answer(1), LONG).await, Err(CallError::Badarg(_))));
    });
}

#[test]
fn gs_call_self() {
    check(|context| async move {
        let myself = ToldRef::from(context.pid());
        assert_eq!(myself.call(&context, answer(1), LONG).await, Err(CallError::CallingSelf));
    });
}

#[test]
fn gs_call_server_dies() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        let dies = on_call(|_, _| Called::NoReply(Next::Stop(boom())));
        assert_eq!(server.call(&context, dies, LONG).await, Err(CallError::Down(boom())));
        assert_eq!(next(&context).await, "terminated boom");
    });
}

/// A callback may leave from anywhere with what it returns: Rust has `return` for that.
#[test]
fn gs_throw_is_return() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        let leaves = on_call(|context, _| {
            for number in 0.. {
                if number == 3 && context.pid().index > 0 {
                    return Called::Reply(number, Next::Receive);
                }
            }
            Called::NoReply(Next::Stop(boom()))
        });
        assert_eq!(server.call(&context, leaves, LONG).await, Ok(3));
        is_well(&context, &server).await;
    });
}

/// What a callback returns the compiler has checked; what is left is a client that takes the server for another.
#[test]
fn gs_bad_return() {
    check(|context| async move {
        let (pid, server) = server(&context).await;
        let mistaken = BehaviourRef::<Do<Called<Told>>, String, ()>::from(pid);
        let answer = mistaken.call(&context, answer(1), LONG).await;
        assert!(matches!(answer, Err(CallError::Badarg(_))), "{answer:?}");
        mistaken.cast(&context, ());
        assert_eq!(next(&context).await, "info plain");
        is_well(&context, &server).await;
    });
}

#[test]
fn gs_cast_never_fails() {
    check(|context| async move {
        let dead = context.spawn(|_| async {});
        ToldRef::from("no_such").cast(&context, on_cast(|_| Next::Receive));
        ToldRef::from(dead).cast(&context, on_cast(|_| Next::Receive));
        none(&context).await;
    });
}

#[test]
fn gs_continue_first() {
    check(|context| async move {
        let started = start(&context, SpawnOptions::default(), |context, to| {
            tell(context, context.pid(), "queued");
            let Init::Up(state, _) = up(context, to) else { unreachable!() };
            let todo = on_cast(move |context| {
                tell(context, to, "continued");
                Next::Receive
            });
            Init::Up(state, Next::Continue(todo))
        });
        let (_, server) = is_up(started.await);
        assert_eq!(next(&context).await, "continued");
        assert_eq!(next(&context).await, "info queued");
        is_well(&context, &server).await;
    });
}

#[test]
fn gs_timeout_cancelled_by_message() {
    check(|context| async move {
        let (pid, server) = server(&context).await;
        let waits = |time| on_call(move |_, _| Called::Reply(1, Next::Timeout(time)));
        server.call(&context, waits(ms(50)), LONG).await.expect("an answer");
        tell(&context, pid, "hey");
        assert_eq!(next(&context).await, "info hey");
        context.sleep(ms(100)).await;
        none(&context).await;
        server.call(&context, waits(ms(10)), LONG).await.expect("an answer");
        assert_eq!(next(&context).await, "timeout");
    });
}

#[test]
fn gs_timeout_zero_after_queue() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        server.cast(
            &context,
            on_cast(|context| {
                tell(context, context.pid(), "one");
                Next::Timeout(Duration::ZERO)
            }),
        );
        assert_eq!(next(&context).await, "info one");
        none(&context).await;
    });
}

#[test]
fn gs_hibernate() {
    check(|context| async move {
        let (pid, server) = server(&context).await;
        let flood = on_call(|context, _| {
            for _ in 0..40 {
                tell(context, context.pid(), "flood");
            }
            Called::Reply(1, Next::Receive)
        });
        server.call(&context, flood, LONG).await.expect("an answer");
        for _ in 0..40 {
            assert_eq!(next(&context).await, "info flood");
        }
        let info = || context.node().process_info(pid).expect("it lives");
        let before = info().memory_bytes;
        let hibernates = on_call(|_, _| Called::Reply(1, Next::Hibernate));
        server.call(&context, hibernates, LONG).await.expect("an answer");
        wait(&context, || info().status == "hibernating").await;
        assert!(info().memory_bytes + 1000 < before, "{} of {before} bytes", info().memory_bytes);
        is_well(&context, &server).await;
        assert_eq!(info().status, "waiting");
    });
}

#[test]
fn gs_reqids() {
    check(|context| async move {
        let (_, first) = server(&context).await;
        let (_, second) = server(&context).await;
        let mut requests = RequestIds::new();
        requests.add(first.send_request(&context, answer(1).taking(ms(20))).expect("sent"), "slow");
        requests.add(second.send_request(&context, answer(2)).expect("sent"), "fast");
        requests
            .add(second.send_request(&context, on_call(|_, _| Called::NoReply(Next::Receive))).expect("sent"), "never");
        assert_eq!(requests.len(), 3);
        assert_eq!(requests.receive_response(&context, LONG).await, Response::Answer(Ok(2), "fast"));
        assert_eq!(requests.receive_response(&context, LONG).await, Response::Answer(Ok(1), "slow"));
        assert_eq!(requests.wait_response(&context, ms(10)).await, Response::Timeout);
        assert_eq!(requests.len(), 1);
        second.stop(&context, boom(), LONG).await.expect("it was there");
        let died = Response::Answer(Err(CallError::Down(boom())), "never");
        assert_eq!(requests.receive_response(&context, LONG).await, died);
        assert_eq!(requests.len(), 0);
        assert_eq!(requests.receive_response(&context, LONG).await, Response::NoRequest);
    });
}

#[test]
fn requests_that_time_out_are_ended() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        let request = server.send_request(&context, answer(1).taking(ms(50))).expect("sent");
        let Err(request) = request.wait_response(&context, ms(10)).await else { panic!("it cannot be answered yet") };
        assert_eq!(request.receive_response(&context, ms(10)).await, Err(CallError::Timeout));
        let mut requests = RequestIds::new();
        requests.add(server.send_request(&context, answer(2).taking(ms(50))).expect("sent"), ());
        assert_eq!(requests.receive_response(&context, ms(10)).await, Response::Timeout);
        assert!(requests.is_empty());
        context.sleep(ms(200)).await;
        none(&context).await;
    });
}

#[test]
fn a_response_is_told_from_other_messages() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        tell(&context, context.pid(), "other");
        let request = server.send_request(&context, answer(1)).expect("sent");
        let other = request.check_response(context.receive().await).expect_err("another message");
        assert_eq!(crate::text(&other), "other");
        let message = context.receive().await;
        assert_eq!(request.check_response(message).expect("the answer"), Ok(1));
        let plain = context.send_request(
            context.spawn(|context| async move {
                let Message::Call { from, payload } = context.receive().await else { panic!("not a call") };
                context.reply(from, payload);
            }),
            say("echo"),
        );
        let echo = plain.expect("sent").receive_response(&context, LONG).await.expect("an answer");
        assert_eq!(echo.downcast::<String>().expect("text"), "echo");
    });
}

#[test]
fn gs_multi_call_local() {
    #[derive(Clone)]
    struct Ask;
    check(|context| async move {
        let echo = |number: u32, silent: bool| {
            context.spawn(move |context| async move {
                while let Message::Call { from, .. } = context.receive().await {
                    if !silent {
                        context.reply(from, Payload::local(number));
                    }
                }
            })
        };
        context.register("facts_mc", echo(1, false)).expect("a free name");
        let silent = echo(0, true);
        let all = ["facts_mc".into(), silent.into(), echo(2, false).into(), "nobody".into()];
        let (answered, rest) = BehaviourRef::<Ask, u32, ()>::multi_call(&context, &all, Ask, ms(50)).await;
        assert_eq!(answered.iter().map(|(_, reply)| *reply).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(rest.iter().map(BehaviourRef::destination).collect::<Vec<_>>(), [&silent.into(), &"nobody".into()]);
    });
}

#[test]
fn a_deadline_travels_on_and_ends_what_is_called_for_it() {
    check(|context| async move {
        let deadline = context.now() + ms(40);
        let (_, last) = server(&context).await;
        let (_, first) = server(&context).await;
        let (to, behind) = (context.pid(), last.clone());
        let asks = on_call(move |context, from| {
            assert_eq!(context.deadline(), Some(deadline));
            let shows = on_call(move |context, _| {
                tell(context, to, format!("deadline {}", context.deadline() == Some(deadline)));
                Called::NoReply(Next::Receive)
            });
            let request = behind.send_request(context, shows).expect("sent");
            let own = context.deadline();
            context.spawn(move |context| async move {
                context.set_deadline(own);
                from.reply(&context, 1);
            });
            drop(request);
            Called::NoReply(Next::Receive)
        });
        assert_eq!(first.call_until(&context, asks, deadline).await, Ok(1));
        assert_eq!(next(&context).await, "deadline true");
        // A call that is not served in time is never begun.
        first.cast(&context, on_cast(|_| Next::Receive).taking(ms(100)));
        let late = on_call(move |context, _| {
            tell(context, to, "begun");
            Called::Reply(2, Next::Receive)
        });
        assert_eq!(first.call_until(&context, late, context.now() + ms(20)).await, Err(CallError::Timeout));
        // An ordinary call has no deadline, and the ones behind it have none left over.
        let free = on_call(|context, _| Called::Reply(u32::from(context.deadline().is_none()), Next::Receive));
        assert_eq!(first.call(&context, free, LONG).await, Ok(1));
        none(&context).await;
        // What is called meanwhile has the same deadline.
        let own = context.now() + ms(500);
        context.set_deadline(Some(own));
        let same = on_call(move |context, _| Called::Reply(u32::from(context.deadline() == Some(own)), Next::Receive));
        assert_eq!(first.call(&context, same, LONG).await, Ok(1));
        // Whoever works for another waits no longer than that one does.
        context.set_deadline(Some(context.now() + ms(10)));
        let never = on_call(|_, _| Called::NoReply(Next::Receive));
        let before = context.now();
        assert_eq!(last.call(&context, never, LONG).await, Err(CallError::Timeout));
        assert!(context.now().since(before) < ms(11));
    });
}
