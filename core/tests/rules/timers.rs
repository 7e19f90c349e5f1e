use super::{agent, boom, check, dead, mailbox, say, settled, tell};
use rusm_core::{Message, TimerFired};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_secs(3600);

#[test]
fn send_after_sends_the_message_and_start_timer_wraps_it_with_its_reference() {
    check(|context| async move {
        context.send_after(SOON, context.pid(), say("plain"));
        assert_eq!(super::text(&context.receive().await), "plain");
        let timer = context.start_timer(SOON, context.pid(), say("wrapped"));
        let message = context.receive().await;
        let Message::Plain(payload) = message else { panic!("not a message: {message:?}") };
        let fired: TimerFired = payload.downcast().expect("a fired timer");
        assert_eq!(fired.timer, timer);
        assert_eq!(fired.payload.downcast_ref::<&str>(), Some(&"wrapped"));
    });
}

#[test]
fn a_timer_never_fires_early() {
    check(|context| async move {
        let start = context.now();
        for ms in [1, 3, 10] {
            context.send_after(Duration::from_millis(ms), context.pid(), say("now"));
        }
        for ms in [1, 3, 10] {
            context.receive().await;
            assert!(context.now().since(start) >= Duration::from_millis(ms));
        }
    });
}

#[test]
fn cancel_gives_the_time_left_from_any_process_and_nothing_once_fired() {
    check(|context| async move {
        let other = agent(&context);
        let timer = context.send_after(LATE, context.pid(), say("never"));
        let left = Arc::new(Mutex::new(None));
        tell(&context, other, {
            let left = left.clone();
            move |other| *left.lock().unwrap() = other.cancel_timer(timer)
        })
        .await;
        let left = left.lock().unwrap().take().expect("not fired");
        assert!(left <= LATE && left > LATE / 2);
        assert_eq!(context.cancel_timer(timer), None);
        let timer = context.send_after(Duration::ZERO, context.pid(), say("now"));
        context.receive().await;
        assert_eq!(context.cancel_timer(timer), None);
        assert_eq!(context.cancel_timer(context.make_reference()), None);
        assert!(mailbox(&context).is_empty());
    });
}

#[test]
fn a_timer_to_a_pid_dies_with_it_and_to_the_dead_there_is_none() {
    check(|context| async move {
        let target = agent(&context);
        let timer = context.send_after(LATE, target, say("never"));
        context.exit_signal(target, boom());
        settled(&context, &[target]).await;
        assert_eq!(context.cancel_timer(timer), None);
        let timer = context.send_after(LATE, dead(&context).await, say("never"));
        assert_eq!(context.cancel_timer(timer), None);
    });
}

#[test]
fn a_sleep_is_never_short() {
    check(|context| async move {
        let start = context.now();
        context.sleep(SOON).await;
        assert!(context.now().since(start) >= SOON);
    });
}

#[test]
fn a_timer_to_a_name_is_resolved_when_it_fires() {
    check(|context| async move {
        context.send_after(SOON, "later", say("found"));
        context.register("later", context.pid()).expect("a free name");
        assert_eq!(super::text(&context.receive().await), "found");
        context.send_after(SOON, "nobody", say("lost"));
        context.send_after(SOON * 2, context.pid(), say("after it"));
        assert_eq!(super::text(&context.receive().await), "after it");
    });
}
