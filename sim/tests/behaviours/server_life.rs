//! `gen_server`: how it starts and ends.

use crate::told::{Told, answer, is_up, is_well, named, on_call, on_cast, parent, server, start, up, up_trapping};
use crate::{LONG, boom, check, ms, next, none, tell};
use rusm_core::{CallError, Called, ExitReason, Init, Next, Server, SpawnOptions, Started, StopError};

#[test]
fn gs_stop_normal_reply_then_exit() {
    check(|context| async move {
        let (pid, server) = server(&context).await;
        let monitor = context.monitor(pid);
        let stops = on_call(|_, _| Called::Reply(1, Next::Stop(ExitReason::NORMAL)));
        assert_eq!(server.call(&context, stops, LONG).await, Ok(1));
        let terminated = context.try_receive(|_| true);
        assert_eq!(terminated.as_ref().map(crate::text).as_deref(), Some("terminated normal"));
        assert_eq!(next(&context).await, "down normal");
        assert!(!context.demonitor(monitor));
    });
}

#[test]
fn gs_stop_api() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        let why = ExitReason::new("why");
        assert_eq!(server.stop(&context, why, LONG).await, Ok(()));
        assert_eq!(next(&context).await, "terminated why");
        let noproc = StopError::Call(CallError::Down(ExitReason::NOPROC));
        assert_eq!(server.stop(&context, ExitReason::NORMAL, LONG).await, Err(noproc));
    });
}

#[test]
fn a_stop_says_when_the_server_ended_otherwise() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        server.cast(&context, on_cast(|_| Next::Stop(boom())).taking(ms(20)));
        assert_eq!(server.stop(&context, ExitReason::NORMAL, LONG).await, Err(StopError::Ended(boom())));
    });
}

#[test]
fn gs_stop_timeout() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        server.cast(&context, on_cast(|_| Next::Receive).taking(ms(300)));
        let stopped = server.stop(&context, ExitReason::NORMAL, ms(20)).await;
        assert_eq!(stopped, Err(StopError::Call(CallError::Timeout)));
    });
}

#[test]
fn gs_terminate_on_raise() {
    check(|context| async move {
        let (_, server) = server(&context).await;
        server.cast(&context, on_cast(|_| panic!("oops")));
        assert_eq!(next(&context).await, "terminated panic(oops)");
    });
}

#[test]
fn gs_no_terminate_untrapped() {
    check(|context| async move {
        let (pid, _) = server(&context).await;
        context.monitor(pid);
        context.exit_signal(pid, boom());
        assert_eq!(next(&context).await, "down boom");
        none(&context).await;
    });
}

#[test]
fn gs_no_terminate_kill() {
    check(|context| async move {
        let (pid, _) = is_up(start(&context, SpawnOptions::default(), up_trapping).await);
        context.monitor(pid);
        context.exit_signal(pid, ExitReason::KILL);
        assert_eq!(next(&context).await, "down killed");
        none(&context).await;
    });
}

#[test]
fn gs_parent_exit_terminates() {
    check(|context| async move {
        let (parent, pid) = parent(&context, up_trapping, ExitReason::new("why")).await;
        context.monitor(pid);
        assert!(context.is_alive(pid).await, "the monitor has arrived");
        tell(&context, parent, "end");
        assert_eq!(next(&context).await, "terminated why");
        assert_eq!(next(&context).await, "down why");
        none(&context).await;
    });
}

#[test]
fn gs_parent_normal_exit_terminates() {
    check(|context| async move {
        let (parent, pid) = parent(&context, up_trapping, ExitReason::NORMAL).await;
        context.monitor(pid);
        assert!(context.is_alive(pid).await, "the monitor has arrived");
        tell(&context, parent, "end");
        assert_eq!(next(&context).await, "terminated normal");
        assert_eq!(next(&context).await, "down normal");
    });
}

#[test]
fn gs_other_exit_is_info() {
    check(|context| async move {
        // Its parent is another process than the one that sends the signal.
        let (_, pid) = parent(&context, up_trapping, boom()).await;
        context.exit_signal(pid, boom());
        assert_eq!(next(&context).await, "info exit boom");
        is_well(&context, &pid.into()).await;
    });
}

#[test]
fn gs_init_stop() {
    check(|context| async move {
        context.trap_exit(true);
        let nope = ExitReason::new("nope");
        let options = SpawnOptions { link: true, ..SpawnOptions::default() };
        let started = start(&context, options, |_, _| Init::Stop(ExitReason::new("nope"))).await;
        assert_eq!(started, Started::Failed(nope));
    });
}

/// As OTP 26 and later: up to 25 an EXIT was left for a caller that traps exits.
#[test]
fn gs_init_stop_exit_message_25() {
    check(|context| async move {
        context.trap_exit(true);
        let options = SpawnOptions { link: true, ..SpawnOptions::default() };
        start(&context, options, |_, _| Init::Stop(ExitReason::new("nope"))).await;
        none(&context).await;
    });
}

#[test]
fn gs_init_ignore() {
    check(|context| async move {
        assert_eq!(start(&context, SpawnOptions::default(), |_, _| Init::Ignore).await, Started::Ignored);
    });
}

#[test]
fn gs_init_raise() {
    check(|context| async move {
        let started = start(&context, SpawnOptions::default(), |_, _| panic!("bad")).await;
        assert_eq!(started, Started::Failed(ExitReason::PANIC.with_detail("bad")));
    });
}

#[test]
fn gs_init_timeout() {
    check(|context| async move {
        context.trap_exit(true);
        for link in [false, true] {
            let options = SpawnOptions { start_timeout: Some(ms(30)), link, monitor: true, ..named("slow") };
            let before = context.now();
            let body = rusm_core::process_body(|context| async move {
                context.trap_exit(true);
                context.sleep(ms(2000)).await;
                context.init_ack();
            });
            let (started, monitor) = context.start(options.clone(), body).await;
            assert_eq!((started, monitor), (Started::Failed(ExitReason::new("timeout")), None));
            assert!(context.now().since(before) < ms(100));
            assert_eq!(context.whereis("slow"), None, "the name is free again");
            none(&context).await;
            // One that is in time is not harmed.
            let body = Told::body((context.pid(), Box::new(up)));
            let (_, server) = is_up(context.start(options, body).await.0);
            context.sleep(ms(100)).await;
            is_well(&context, &server).await;
            server.stop(&context, ExitReason::NORMAL, LONG).await.expect("it was there");
            while context.try_receive(|_| true).is_some() {}
        }
    });
}

#[test]
fn gs_already_started() {
    check(|context| async move {
        let (pid, server) = is_up(start(&context, named("facts_gs"), up).await);
        let Started::Failed(reason) = start(&context, named("facts_gs"), up).await else { panic!("a second one") };
        assert_eq!(reason.word(), "already_started");
        assert!(reason.detail().is_some_and(|detail| detail.contains(&pid.to_string())), "{reason}");
        is_well(&context, &server).await;
    });
}

#[test]
fn gs_name_before_init() {
    check(|context| async move {
        let started = start(&context, named("facts_gs2"), |context, to| {
            tell(context, to, format!("{}", context.whereis("facts_gs2") == Some(context.pid())));
            up(context, to)
        });
        let (_, server) = is_up(started.await);
        assert_eq!(next(&context).await, "true");
        assert_eq!(server.call(&context, answer(3), LONG).await, Ok(3));
    });
}
