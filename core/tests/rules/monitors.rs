use super::{agent, boom, check, dead, down, mailbox, settled, tell};
use rusm_core::{Context, ExitReason, Message, Monitored, NodeId, Pid};

fn monitors(context: &Context) -> Vec<Monitored> {
    context.node().process_info(context.pid()).map(|info| info.monitors).unwrap_or_default()
}

#[test]
fn down_carries_the_reason_and_fires_once() {
    check(|context| async move {
        let target = agent(&context);
        let monitor = context.monitor(target);
        context.exit_signal(target, boom());
        let message = context.receive().await;
        let Message::Down { monitor: of, object, reason } = message else { panic!("not a DOWN: {message:?}") };
        assert_eq!((of, object, reason), (monitor, Monitored::Pid(target), boom()));
        context.exit_signal(target, boom());
        settled(&context, &[target]).await;
        assert!(mailbox(&context).is_empty());
        assert!(monitors(&context).is_empty());
    });
}

#[test]
fn two_monitors_of_one_process_are_two() {
    check(|context| async move {
        let target = agent(&context);
        context.monitor(target);
        context.monitor(target);
        context.exit_signal(target, boom());
        settled(&context, &[target]).await;
        assert_eq!(mailbox(&context), ["down(boom)", "down(boom)"]);
    });
}

#[test]
fn of_the_dead_and_of_an_unregistered_name_down_says_noproc_and_of_another_node_noconnection() {
    check(|context| async move {
        let pid = dead(&context).await;
        let monitor = context.monitor(pid);
        assert_eq!(down(&context, monitor).await, ExitReason::NOPROC);
        let monitor = context.monitor("nobody");
        let message = context.receive().await;
        let Message::Down { monitor: of, object, reason } = message else { panic!("not a DOWN: {message:?}") };
        assert_eq!((of, object, reason), (monitor, Monitored::Name("nobody".into()), ExitReason::NOPROC));
        let elsewhere = Pid { node: NodeId::of_name("elsewhere"), ..pid };
        let monitor = context.monitor(elsewhere);
        assert_eq!(down(&context, monitor).await, ExitReason::NOCONNECTION);
        let earlier = Pid { incarnation: 0, ..context.pid() };
        let monitor = context.monitor(earlier);
        assert_eq!(down(&context, monitor).await, ExitReason::NOPROC);
    });
}

#[test]
fn after_demonitor_no_down_arrives() {
    check(|context| async move {
        for _ in 0..100 {
            let target = agent(&context);
            let monitor = context.monitor(target);
            context.exit_signal(target, boom());
            context.demonitor(monitor);
            let at_demonitor = mailbox(&context);
            settled(&context, &[target]).await;
            assert_eq!(mailbox(&context), at_demonitor);
            while context.try_receive(|_| true).is_some() {}
        }
    });
}

#[test]
fn after_demonitor_the_watched_process_has_forgotten_the_monitor() {
    check(|context| async move {
        let target = agent(&context);
        let monitors = [context.monitor(target), context.monitor(target)];
        let watched = async || context.process_info(target).await.expect("it lives").monitored_by;
        let before = watched().await;
        context.demonitor(monitors[0]);
        assert_eq!(watched().await, before - 1);
        context.demonitor_flush(monitors[1]);
        assert_eq!(watched().await, before - 2);
    });
}

#[test]
fn demonitor_says_whether_the_monitor_was_active_and_flush_takes_its_down_out() {
    check(|context| async move {
        let target = agent(&context);
        let monitor = context.monitor(target);
        assert!(context.demonitor(monitor));
        assert!(!context.demonitor(monitor));
        let (first, second) = (context.monitor(target), context.monitor(target));
        context.exit_signal(target, boom());
        settled(&context, &[target]).await;
        assert!(!context.demonitor(first));
        assert_eq!(mailbox(&context).len(), 2);
        assert!(!context.demonitor_flush(first));
        assert_eq!(down(&context, second).await, boom());
        assert!(mailbox(&context).is_empty());
    });
}

#[test]
fn a_monitor_by_name_watches_the_process_that_had_the_name_then() {
    check(|context| async move {
        let (target, other) = (agent(&context), agent(&context));
        context.register("watched", target).expect("a free name");
        let monitor = context.monitor("watched");
        settled(&context, &[target]).await;
        context.unregister("watched").expect("somebody has it");
        context.register("watched", other).expect("free again");
        context.exit_signal(other, boom());
        settled(&context, &[other, target]).await;
        assert!(mailbox(&context).is_empty());
        context.exit_signal(target, ExitReason::new("late"));
        assert_eq!(down(&context, monitor).await, ExitReason::new("late"));
    });
}

#[test]
fn a_monitor_of_oneself_is_a_reference_and_no_monitor() {
    check(|context| async move {
        let monitor = context.monitor(context.pid());
        assert!(monitors(&context).is_empty());
        assert!(!context.demonitor(monitor));
    });
}

#[test]
fn spawn_monitor_is_one_step() {
    check(|context| async move {
        for _ in 0..100 {
            let (_, monitor) = context.spawn_monitor(|_| async { boom() });
            assert_eq!(down(&context, monitor).await, boom());
        }
    });
}

#[test]
fn the_death_of_the_watcher_ends_its_monitors() {
    check(|context| async move {
        let (target, watcher) = (agent(&context), agent(&context));
        tell(&context, watcher, move |watcher| {
            watcher.monitor(target);
        })
        .await;
        context.exit_signal(watcher, boom());
        settled(&context, &[watcher]).await;
        context.exit_signal(target, boom());
        assert!(!context.is_alive(target).await);
    });
}
