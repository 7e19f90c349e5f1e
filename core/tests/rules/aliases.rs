use super::{agent, boom, check, mailbox, say, settled, tell};
use rusm_core::{AliasMode, Context, Monitored, Pid, Reference};
use std::sync::{Arc, Mutex};

/// Another process sends to an alias of this one.
async fn send_from(context: &Context, other: Pid, alias: Reference) {
    tell(context, other, move |other| {
        // Whether it is active is the receiver's business.
        let _ = other.send(alias, say("hello"));
    })
    .await;
}

fn is_monitoring(context: &Context, pid: Pid) -> bool {
    let info = context.node().process_info(context.pid()).expect("alive");
    info.monitors.contains(&Monitored::Pid(pid))
}

#[test]
fn an_alias_is_active_until_its_owner_takes_it_back() {
    check(|context| async move {
        let other = agent(&context);
        let alias = context.alias();
        send_from(&context, other, alias).await;
        assert_eq!(mailbox(&context), ["hello"]);
        tell(&context, other, move |other| assert!(!other.unalias(alias))).await;
        send_from(&context, other, alias).await;
        assert_eq!(mailbox(&context), ["hello", "hello"]);
        assert!(context.unalias(alias));
        assert!(!context.unalias(alias));
        send_from(&context, other, alias).await;
        assert_eq!(mailbox(&context), ["hello", "hello"]);
    });
}

#[test]
fn the_alias_of_a_dead_process_reaches_nobody() {
    check(|context| async move {
        let owner = agent(&context);
        let alias = Arc::new(Mutex::new(None));
        tell(&context, owner, {
            let alias = alias.clone();
            move |owner| *alias.lock().unwrap() = Some(owner.alias())
        })
        .await;
        let alias = alias.lock().unwrap().expect("an alias");
        context.exit_signal(owner, boom());
        settled(&context, &[owner]).await;
        // Whoever has its slot in the process table now knows nothing of it.
        let next = agent(&context);
        assert_eq!(context.send(alias, say("hello")), Ok(()));
        tell(&context, next, |next| assert!(mailbox(next).is_empty())).await;
    });
}

/// After each event: whether the alias still takes messages, and whether the monitor still watches.
async fn after(context: &Context, mode: AliasMode, event: Event) -> (bool, bool) {
    let (target, other) = (agent(context), agent(context));
    let alias = context.monitor_alias(target, mode);
    match event {
        Event::Down => {
            context.exit_signal(target, boom());
            settled(context, &[target]).await;
        }
        Event::Demonitor => drop(context.demonitor(alias)),
        Event::Unalias => assert!(context.unalias(alias)),
        Event::Message => {
            send_from(context, other, alias).await;
            assert_eq!(mailbox(context), ["hello"]);
        }
    }
    while context.try_receive(|_| true).is_some() {}
    let monitors = is_monitoring(context, target);
    send_from(context, other, alias).await;
    let takes = context.try_receive(|_| true).is_some();
    (takes, monitors)
}

enum Event {
    Down,
    Demonitor,
    Unalias,
    Message,
}

#[test]
fn an_explicit_alias_survives_down_and_demonitor() {
    check(|context| async move {
        assert_eq!(after(&context, AliasMode::Explicit, Event::Down).await, (true, false));
        assert_eq!(after(&context, AliasMode::Explicit, Event::Demonitor).await, (true, false));
        assert_eq!(after(&context, AliasMode::Explicit, Event::Message).await, (true, true));
    });
}

#[test]
fn a_demonitor_alias_ends_with_the_monitor() {
    check(|context| async move {
        assert_eq!(after(&context, AliasMode::Demonitor, Event::Down).await, (false, false));
        assert_eq!(after(&context, AliasMode::Demonitor, Event::Demonitor).await, (false, false));
        assert_eq!(after(&context, AliasMode::Demonitor, Event::Message).await, (true, true));
    });
}

#[test]
fn a_reply_alias_ends_with_the_first_message_and_takes_the_monitor_away() {
    check(|context| async move {
        assert_eq!(after(&context, AliasMode::Reply, Event::Down).await, (false, false));
        assert_eq!(after(&context, AliasMode::Reply, Event::Demonitor).await, (false, false));
        assert_eq!(after(&context, AliasMode::Reply, Event::Message).await, (false, false));
    });
}

#[test]
fn unalias_leaves_the_monitor() {
    check(|context| async move {
        for mode in [AliasMode::Explicit, AliasMode::Demonitor, AliasMode::Reply] {
            assert_eq!(after(&context, mode, Event::Unalias).await, (false, true));
        }
    });
}
