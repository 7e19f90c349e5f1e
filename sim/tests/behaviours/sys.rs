//! `sys`: live processes looked into and held.

use crate::told::{Told, is_up, is_well, on_call, parent, server, start, times_out, up, up_trapping};
use crate::{LONG, boom, check, ms, next, none, tell};
use rusm_core::{
    Behaviour, CallError, Called, ChildSpec, Context, ExitReason, Next, SpawnOptions, Started, Strategy, Supervisor,
    SupervisorRef, SupervisorSpec, sys,
};

#[test]
fn gs_sys_suspend() {
    check(|context| async move {
        let (pid, server) = server(&context).await;
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        times_out(&context, &server).await;
        tell(&context, pid, "waits");
        none(&context).await;
        assert!(sys::status(&context, pid, LONG).await.expect("a status").suspended);
        sys::resume(&context, pid, LONG).await.expect("resumed");
        assert_eq!(next(&context).await, "info waits");
        is_well(&context, &server).await;
        assert!(!sys::status(&context, pid, LONG).await.expect("a status").suspended);
    });
}

#[test]
fn gs_sys_replace_state() {
    check(|context| async move {
        let (pid, server) = server(&context).await;
        let other = context.spawn(|context: Context| async move { drop(context.receive_match(|_| false).await) });
        sys::replace_state(&context, pid, LONG, move |told: &mut Told| told.turn_to(other)).await.expect("replaced");
        let status = sys::status(&context, pid, LONG).await.expect("a status");
        assert_eq!(status.state, format!("tells {other}"));
        tell(&context, pid, "hey");
        none(&context).await;
        // One that asks for another type, and one that panics, change nothing.
        let wrong = sys::state(&context, pid, LONG, |_: &u32| ()).await;
        assert!(matches!(wrong, Err(sys::SysError::OtherState { expected: "u32", .. })), "{wrong:?}");
        let panicked: Result<(), _> = sys::replace_state(&context, pid, LONG, |_: &mut Told| panic!("no")).await;
        assert_eq!(panicked, Err(sys::SysError::Panicked("no".to_owned())));
        is_well(&context, &server).await;
    });
}

#[test]
fn a_suspended_server_still_ends_with_its_parent_and_terminates() {
    check(|context| async move {
        let (parent, pid) = parent(&context, up_trapping, boom()).await;
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        sys::suspend(&context, pid, LONG).await.expect("and again");
        tell(&context, parent, "end");
        assert_eq!(next(&context).await, "terminated boom");
        let (pid, _) = server(&context).await;
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        context.monitor(pid);
        sys::terminate(&context, pid, ExitReason::new("enough"), LONG).await.expect("terminated");
        assert_eq!(next(&context).await, "terminated enough");
        assert_eq!(next(&context).await, "down enough");
        assert_eq!(sys::resume(&context, pid, LONG).await, Err(CallError::Down(ExitReason::NOPROC).into()));
    });
}

#[test]
fn a_system_request_is_no_message_to_the_server() {
    check(|context| async move {
        let (pid, server) = server(&context).await;
        let waits = on_call(|_, _| Called::Reply(1, Next::Timeout(ms(50))));
        server.call(&context, waits, LONG).await.expect("an answer");
        context.sleep(ms(30)).await;
        sys::status(&context, pid, LONG).await.expect("a status");
        // The wait begins again, as in OTP, and ends.
        assert_eq!(next(&context).await, "timeout");
    });
}

#[test]
fn a_plain_process_says_that_it_is_one() {
    check(|context| async move {
        let pid = context.spawn(|context: Context| async move { drop(context.receive().await) });
        let Err(sys::SysError::Plain { pid: named, function }) = sys::suspend(&context, pid, LONG).await else {
            panic!("a plain process answered");
        };
        assert!(named == pid && function.contains("a_plain_process_says_that_it_is_one"), "{function}");
        context.register("plain", pid).expect("a free name");
        assert!(matches!(sys::status(&context, "plain", LONG).await, Err(sys::SysError::Plain { .. })));
        assert_eq!(
            sys::status(&context, "nobody", LONG).await.err().map(|error| error.to_string()).as_deref(),
            Some("bad argument: nobody has the name \"nobody\"")
        );
        // The runtime knows of any process.
        let info = context.process_info(pid).await.expect("it lives");
        assert_eq!((info.behaviour, info.mailbox_len), (Behaviour::Plain, 0));
    });
}

#[test]
fn process_info_knows_ancestors_function_and_memory() {
    check(|context| async move {
        let (parent, pid) = parent(&context, up, boom()).await;
        let info = context.process_info(pid).await.expect("it lives");
        assert_eq!(info.behaviour, Behaviour::Server);
        assert!(info.function.ends_with("told::Told"), "{}", info.function);
        assert_eq!(info.ancestors[..2], [parent, context.pid()]);
        assert_eq!(info.parent, Some(parent));
        let before = info.memory_bytes;
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        for _ in 0..100 {
            tell(&context, pid, "waits");
        }
        let info = context.process_info(pid).await.expect("it lives");
        assert_eq!(info.mailbox_len, 100);
        assert!(info.memory_bytes > before + 100 * 50, "{} after {before}", info.memory_bytes);
    });
}

#[test]
fn a_suspended_supervisor_restarts_nobody_until_it_is_resumed() {
    check(|context| async move {
        let idle = |context: Context, _| async move { drop(context.receive_match(|_| false).await) };
        let spec = SupervisorSpec::new(Strategy::OneForOne).child(ChildSpec::worker("child", idle).name("child"));
        let Started::Up(pid) = Supervisor::start_link(&context, spec).await else { panic!("not up") };
        let child = context.whereis("child").expect("it runs");
        let status = sys::status(&context, pid, LONG).await.expect("a status");
        assert_eq!(status.info.behaviour, Behaviour::Supervisor);
        assert_eq!(status.state, format!("OneForOne, 0 of 1 restarts in 5s: child={child}"));
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        context.exit_signal(child, boom());
        context.sleep(ms(100)).await;
        assert_eq!(context.whereis("child"), None);
        assert_eq!(sys::state(&context, pid, LONG, |_: &u32| ()).await, Err(sys::SysError::Hidden));
        sys::resume(&context, pid, LONG).await.expect("resumed");
        let children = SupervisorRef::from(pid).which_children(&context).await.expect("children");
        assert_eq!(children[0].restarts, 1);
        context.trap_exit(true);
        sys::suspend(&context, pid, LONG).await.expect("suspended");
        sys::terminate(&context, pid, ExitReason::SHUTDOWN, LONG).await.expect("terminated");
        assert_eq!(next(&context).await, "exit shutdown");
        assert_eq!(context.whereis("child"), None);
    });
}

#[test]
fn a_hibernating_server_is_shown_and_wakes_for_a_system_request() {
    check(|context| async move {
        let started = start(&context, SpawnOptions::default(), |context, to| match up(context, to) {
            rusm_core::Init::Up(state, _) => rusm_core::Init::Up(state, Next::Hibernate),
            other => other,
        });
        let (pid, server) = is_up(started.await);
        assert_eq!(sys::status(&context, pid, LONG).await.expect("a status").info.status, "running");
        is_well(&context, &server).await;
    });
}
