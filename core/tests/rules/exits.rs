use super::{agent, boom, check, dead, ended, ends_with, mailbox, say, tell};
use rusm_core::{Context, ExitReason};

/// Waits for ever.
async fn idle(context: Context) {
    context.receive_match(|_| false).await;
}

/// A process that traps exits or does not, gets this exit signal: how it ends.
async fn hit(context: &Context, traps: bool, reason: ExitReason) -> ExitReason {
    ends_with(context, move |context| async move {
        context.trap_exit(traps);
        let own = context.pid();
        context.spawn(move |other| async move { other.exit_signal(own, reason) });
        match context.receive().await {
            rusm_core::Message::Exit { reason, .. } => ExitReason::new("trapped").with_detail(reason.to_string()),
            _ => ExitReason::NORMAL,
        }
    })
    .await
}

#[test]
fn normal_from_another_is_ignored_and_from_oneself_it_ends() {
    check(|context| async move {
        let other = agent(&context);
        context.exit_signal(other, ExitReason::NORMAL);
        assert!(context.is_alive(other).await);
        let reason = ends_with(&context, |context| async move {
            context.exit_signal(context.pid(), ExitReason::NORMAL);
            idle(context).await;
            boom()
        });
        assert_eq!(reason.await, ExitReason::NORMAL);
    });
}

#[test]
fn kill_cannot_be_trapped_and_becomes_killed() {
    check(|context| async move {
        for traps in [false, true] {
            assert_eq!(hit(&context, traps, ExitReason::KILL).await, ExitReason::KILLED);
        }
        let reason = ends_with(&context, |context| async move {
            context.trap_exit(true);
            context.exit_signal(context.pid(), ExitReason::KILL);
            idle(context).await;
        });
        assert_eq!(reason.await, ExitReason::KILLED);
    });
}

#[test]
fn to_end_oneself_with_kill_is_an_ordinary_reason_over_a_link() {
    check(|context| async move {
        context.trap_exit(true);
        let child = context.spawn_link(|context| async move {
            match context.exit(ExitReason::KILL).await {}
            #[expect(unreachable_code, reason = "says what the body returns")]
            ExitReason::NORMAL
        });
        ended(&context, child).await;
        assert_eq!(mailbox(&context), ["exit(kill)"]);
        let reason = ends_with(&context, |context| async move {
            context.spawn_link(|_| async { ExitReason::KILL });
            idle(context).await;
        });
        assert_eq!(reason.await, ExitReason::KILL);
    });
}

#[test]
fn an_exit_signal_to_a_process_that_traps_is_a_message_normal_and_ones_own_included() {
    check(|context| async move {
        context.trap_exit(true);
        for reason in [ExitReason::NORMAL, ExitReason::SHUTDOWN, boom()] {
            let trapped = ExitReason::new("trapped").with_detail(reason.to_string());
            assert_eq!(hit(&context, true, reason.clone()).await, trapped);
            context.exit_signal(context.pid(), reason);
        }
        assert_eq!(mailbox(&context), ["exit(normal)", "exit(shutdown)", "exit(boom)"]);
        assert_eq!(hit(&context, false, boom()).await, boom());
    });
}

#[test]
fn over_a_link_normal_does_nothing_unless_trapped_and_anything_else_ends_alike() {
    check(|context| async move {
        let linked_to = |reason: ExitReason| {
            ends_with(&context, move |context| async move {
                let child = context.spawn_link(|_| async { reason });
                while context.is_alive(child).await {}
                ExitReason::new("survived")
            })
        };
        assert_eq!(linked_to(ExitReason::NORMAL).await, ExitReason::new("survived"));
        for reason in [boom(), ExitReason::SHUTDOWN, ExitReason::KILLED, ExitReason::NOPROC] {
            assert_eq!(linked_to(reason.clone()).await, reason);
        }
        context.trap_exit(true);
        let child = context.spawn_link(|_| async {});
        ended(&context, child).await;
        assert_eq!(mailbox(&context), ["exit(normal)"]);
    });
}

#[test]
fn the_first_reason_counts() {
    check(|context| async move {
        let (pid, monitor) = context.spawn_monitor(idle);
        for reason in [boom(), ExitReason::new("later"), ExitReason::KILL] {
            context.exit_signal(pid, reason);
        }
        assert_eq!(super::down(&context, monitor).await, boom());
        let reason = ends_with(&context, |context| async move {
            context.exit_signal(context.pid(), boom());
            match context.exit(ExitReason::new("later")).await {}
            #[expect(unreachable_code, reason = "says what the body returns")]
            ExitReason::NORMAL
        });
        assert_eq!(reason.await, boom());
        // Also within one turn, in which the process goes on until it waits.
        let reason = ends_with(&context, |context| async move {
            context.exit_signal(context.pid(), boom());
            context.exit_signal(context.pid(), ExitReason::new("later"));
            context.trap_exit(true);
            context.receive().await;
        });
        assert_eq!(reason.await, boom());
    });
}

#[test]
fn a_body_that_returns_after_the_signal_that_ends_it_ends_with_the_signals_reason() {
    check(|context| async move {
        let reason = ends_with(&context, |context| async move {
            context.node().exit_signal(context.pid(), boom());
            // Handles the signal; the body goes on to its own end in the same turn.
            assert!(context.try_receive(|_| true).is_none());
        });
        assert_eq!(reason.await, boom());
    });
}

#[test]
fn an_exit_signal_that_came_before_trapping_was_switched_on_ends() {
    check(|context| async move {
        let reason = ends_with(&context, |context| async move {
            context.node().exit_signal(context.pid(), boom());
            assert!(!context.trap_exit(true));
            context.receive().await;
        });
        assert_eq!(reason.await, boom());
    });
}

#[test]
fn trap_exit_is_looked_at_when_the_signal_arrives_and_switching_it_off_leaves_exits() {
    check(|context| async move {
        let (own, other) = (context.pid(), agent(&context));
        context.trap_exit(true);
        tell(&context, other, move |other| other.exit_signal(own, boom())).await;
        // It has arrived, and this process has not looked at it yet.
        context.node().exit_signal(own, boom());
        assert!(context.trap_exit(false));
        assert_eq!(mailbox(&context), ["exit(boom)", "exit(boom)"]);
        let reason = ends_with(&context, |context| async move {
            context.trap_exit(true);
            context.trap_exit(false);
            context.exit_signal(context.pid(), boom());
            idle(context).await;
        });
        assert_eq!(reason.await, boom());
    });
}

/// Divergence: OTP's reason is `{E, Stack}`; here it is `panic` with the message as its detail.
#[test]
fn a_panic_is_an_exit_reason_with_its_message() {
    check(|context| async move {
        for eager in [false, true] {
            let reason = ends_with(&context, move |_| {
                assert!(!eager, "oh {}", "no");
                async move { assert!(eager, "oh {}", "no") }
            });
            assert_eq!(reason.await, ExitReason::PANIC.with_detail("oh no"));
        }
    });
}

#[test]
fn sending_to_the_dead_is_no_error() {
    check(|context| async move {
        let pid = dead(&context).await;
        assert_eq!(context.send(pid, say("anybody?")), Ok(()));
        assert_eq!(context.send(context.make_reference(), say("anybody?")), Ok(()));
        assert!(context.send("nobody", say("anybody?")).is_err());
        context.exit_signal(pid, boom());
        context.unlink(pid);
        assert!(!context.is_alive(pid).await);
    });
}

#[test]
fn a_destructor_that_sends_or_panics_harms_nobody() {
    struct Last(Context, rusm_core::Pid);
    impl Drop for Last {
        fn drop(&mut self) {
            let _ = self.0.send(self.1, say("last words"));
            if !std::thread::panicking() {
                panic!("in a destructor");
            }
        }
    }
    check(|context| async move {
        let own = context.pid();
        let (pid, monitor) = context.spawn_monitor(move |context| async move {
            let last = Last(context, own);
            last.0.receive_match(|_| false).await;
        });
        assert!(context.is_alive(pid).await);
        context.exit_signal(pid, boom());
        assert_eq!(super::down(&context, monitor).await, boom());
        assert_eq!(mailbox(&context), ["last words"]);
    });
}
