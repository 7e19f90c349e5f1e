//! Facts of timers.

use super::{check, ms, next, none, say};
use rusm_core::{Context, ExitReason, Message, TimerFired};

#[test]
fn tmr_cancel_returns_left() {
    check(|context| async move {
        let timer = context.send_after(ms(5000), context.pid(), say("x"));
        assert!(context.cancel_timer(timer).is_some_and(|left| left <= ms(5000) && left > ms(4000)));
        assert_eq!(context.cancel_timer(timer), None);
        none(&context).await;
    });
}

#[test]
fn tmr_fired_cancel_false() {
    check(|context| async move {
        let timer = context.start_timer(ms(1), context.pid(), say("m"));
        context.sleep(ms(30)).await;
        assert_eq!(context.cancel_timer(timer), None);
        let Some(Message::Plain(payload)) = context.try_receive(|_| true) else { panic!("it has not fired") };
        let fired: TimerFired = payload.downcast().expect("what start_timer sends");
        assert_eq!(fired.timer, timer);
    });
}

#[test]
fn tmr_read() {
    check(|context| async move {
        let timer = context.send_after(ms(5000), context.pid(), say("x"));
        context.sleep(ms(1000)).await;
        assert!(context.read_timer(timer).is_some_and(|left| left <= ms(4000) && left > ms(3000)));
        assert!(context.cancel_timer(timer).is_some());
        assert_eq!(context.read_timer(timer), None);
    });
}

#[test]
fn tmr_dies_with_pid() {
    check(|context| async move {
        let other = context.spawn(|context: Context| async move { drop(context.receive().await) });
        let timer = context.send_after(ms(60_000), other, say("hi"));
        context.exit_signal(other, ExitReason::KILL);
        context.sleep(ms(50)).await;
        assert_eq!(context.read_timer(timer), None);
    });
}

#[test]
fn tmr_name_at_fire_time() {
    check(|context| async move {
        context.send_after(ms(80), "facts_tmr", say("hi"));
        context.register("facts_tmr", context.pid()).expect("a free name");
        assert_eq!(next(&context).await, "hi");
    });
}

/// Ours differs: to cancel is to know; there is no answer to wait for.
#[test]
fn tmr_cancel_async_info() {
    check(|context| async move {
        let timer = context.send_after(ms(5000), context.pid(), say("x"));
        assert!(context.cancel_timer(timer).is_some());
        none(&context).await;
    });
}

#[test]
fn tmr_from_any_process() {
    check(|context| async move {
        let own = context.pid();
        let timer = context.send_after(ms(5000), own, say("x"));
        context.spawn(move |context: Context| async move {
            let left = context.cancel_timer(timer).map_or("nothing", |_| "some");
            context.send(own, say(left)).expect("a pid");
        });
        assert_eq!(next(&context).await, "some");
    });
}
