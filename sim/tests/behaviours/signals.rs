//! Facts of signals.

use super::{boom, check, next, none, tell};
use rusm_core::{Context, ExitReason, Message, SpawnOptions, process_body};

/// A process that ends when it is told anything, with that as its reason.
fn waits(context: &Context) -> rusm_core::Pid {
    context.spawn(|context: Context| async move { ExitReason::new(next(&context).await) })
}

#[test]
fn sig_is_alive_ordered() {
    check(|context| async move {
        let other = waits(&context);
        assert!(context.is_alive(other).await);
        context.exit_signal(other, boom());
        assert!(!context.is_alive(other).await);
    });
}

#[test]
fn sig_unlink_no_exit_after() {
    check(|context| async move {
        context.trap_exit(true);
        let other = waits(&context);
        context.link(other);
        tell(&context, other, "boom");
        context.unlink(other);
        context.try_receive(|message| matches!(message, Message::Exit { from, .. } if *from == other));
        none(&context).await;
    });
}

/// Ours differs: the reason is the word `panic`, with what the panic said; OTP's is the error and its stack.
#[test]
fn sig_error_reason_has_stack() {
    check(|context| async move {
        let (_, monitor) = context.spawn_monitor(|_| async { assert_eq!(1, 2, "an error") });
        let message = context.receive().await;
        let Message::Down { monitor: of, reason, .. } = message else { panic!("not a DOWN: {message:?}") };
        assert_eq!((of, reason.word()), (monitor, "panic"));
        assert!(reason.detail().is_some_and(|detail| detail.contains("an error")), "{reason}");
    });
}

#[test]
fn sig_receive_after_0_polls() {
    check(|context| async move {
        tell(&context, context.pid(), "a");
        let plain = |message: &Message, wanted| super::text(message) == wanted;
        assert!(context.try_receive(|message| plain(message, "b")).is_none());
        assert!(context.try_receive(|message| plain(message, "a")).is_some());
    });
}

#[test]
fn sig_selective_order() {
    check(|context| async move {
        for text in ["1", "2", "3"] {
            tell(&context, context.pid(), text);
        }
        context.receive_match(|message| super::text(message) == "3").await;
        assert_eq!([next(&context).await, next(&context).await], ["1", "2"]);
    });
}

/// Ours differs: a DOWN has no tag of one's own; its reference tells it from any other.
#[test]
fn sig_monitor_tag_option() {
    check(|context| async move {
        let other = waits(&context);
        let (mine, another) = (context.monitor(other), context.monitor(other));
        tell(&context, other, "boom");
        let is_mine = |message: &Message| matches!(message, Message::Down { monitor, .. } if *monitor == mine);
        context.receive_match(is_mine).await;
        let is_another = |message: &Message| matches!(message, Message::Down { monitor, .. } if *monitor == another);
        context.receive_match(is_another).await;
    });
}

/// Ours differs: a spawn is done when it returns, and says the pid and the monitor; there is no answer to wait for.
#[test]
fn sig_spawn_request() {
    check(|context| async move {
        let options = SpawnOptions { monitor: true, ..SpawnOptions::default() };
        let spawned = context.spawn_with(options, process_body(|_| async { boom() }));
        let message = context.receive().await;
        let Message::Down { monitor, reason, .. } = message else { panic!("not a DOWN: {message:?}") };
        assert_eq!((Some(monitor), reason), (spawned.monitor, boom()));
        assert!(!context.is_alive(spawned.pid).await);
    });
}

/// Ours differs: there are no group leaders; what a process inherits is its ancestors.
#[test]
fn sig_group_leader_inherited() {
    check(|context| async move {
        let own = context.node().process_info(context.pid()).expect("it lives").ancestors;
        let child = waits(&context);
        let ancestors = context.process_info(child).await.expect("it lives").ancestors;
        assert_eq!(ancestors, [vec![context.pid()], own].concat());
    });
}

#[test]
fn sig_registered_name_freed_before_down() {
    check(|context| async move {
        let other = waits(&context);
        context.register("facts", other).expect("a free name");
        context.monitor(other);
        tell(&context, other, "boom");
        assert_eq!(next(&context).await, "down boom");
        assert_eq!(context.whereis("facts"), None);
    });
}

/// Ours differs: OTP ends the process within the call, here it ends with what it awaits next, or when it returns.
#[test]
fn an_exit_signal_to_oneself_counts_whatever_comes_behind_it() {
    check(|context| async move {
        context.spawn_monitor(|context: Context| async move {
            context.exit_signal(context.pid(), boom());
            ExitReason::NORMAL
        });
        assert_eq!(next(&context).await, "down boom");
        context.spawn_monitor(|context: Context| async move {
            context.exit_signal(context.pid(), boom());
            context.exit_signal(context.pid(), ExitReason::new("too late"));
        });
        assert_eq!(next(&context).await, "down boom");
    });
}

#[test]
fn whoever_ends_reads_nothing_more_not_even_what_is_there() {
    check(|context| async move {
        let own = context.pid();
        context.spawn_monitor(move |context: Context| async move {
            tell(&context, context.pid(), "there");
            context.exit_signal(context.pid(), boom());
            assert!(context.try_receive(|_| true).is_none());
            let read = next(&context).await;
            tell(&context, own, format!("went on with {read}"));
        });
        assert_eq!(next(&context).await, "down boom");
        none(&context).await;
    });
}

#[test]
fn a_link_that_is_made_while_an_unlink_is_under_way_is_a_link() {
    check(|context| async move {
        context.trap_exit(true);
        let links = || context.node().process_info(context.pid()).expect("it lives").links;
        let other = waits(&context);
        context.link(other);
        context.unlink(other);
        assert_eq!(links(), []);
        context.link(other);
        assert_eq!(links(), [other]);
        tell(&context, other, "boom");
        assert_eq!(next(&context).await, "exit boom");
        none(&context).await;
    });
}
