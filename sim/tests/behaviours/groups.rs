//! `pg`, and Elixir's `Registry`.

use crate::{LONG, boom, check, ms, none, wait};
use rusm_core::{
    CallError, ClusterNameError, ClusterNames, Context, ExitReason, GroupChange, GroupEvent, GroupsRef, KeyRegistry,
    KeyRegistryRef, Keys, LeaveError, Message, NodeId, Pid, ProcessGroups, RegistryError, Started, sys,
};

/// A process that does nothing.
fn idle(context: &Context) -> Pid {
    context.spawn(|context: Context| async move { drop(context.receive_match(|_| false).await) })
}

async fn scope(context: &Context) -> GroupsRef {
    let started = ProcessGroups::start_link(context, "facts").await;
    assert!(matches!(started, Started::Up(_)), "{started:?}");
    "facts".into()
}

async fn event(context: &Context) -> GroupEvent {
    match context.receive_timeout(LONG, |_| true).await {
        Some(Message::Plain(payload)) => payload.downcast().expect("a group event"),
        other => panic!("not a group event: {other:?}"),
    }
}

#[test]
fn pg_join_twice_counts() {
    check(|context| async move {
        let (scope, own) = (scope(&context).await, context.pid());
        scope.join(&context, "g", &[own]).await.expect("joined");
        scope.join(&context, "g", &[own]).await.expect("joined");
        assert_eq!(scope.members(&context, "g").await, Ok(vec![own, own]));
        assert_eq!(scope.leave(&context, "g", &[own]).await, Ok(()));
        assert_eq!(scope.members(&context, "g").await, Ok(vec![own]));
        assert_eq!(scope.leave(&context, "g", &[own]).await, Ok(()));
        assert_eq!(scope.leave(&context, "g", &[own]).await, Err(LeaveError::NotJoined));
        // Whoever has left everywhere is watched no more.
        let pid = context.whereis("facts").expect("it runs");
        assert_eq!(context.process_info(pid).await.map(|info| info.monitors), Some(vec![]));
    });
}

#[test]
fn pg_death_leaves() {
    check(|context| async move {
        let scope = scope(&context).await;
        let pid = idle(&context);
        for group in ["g", "h"] {
            scope.join(&context, group, &[pid, pid]).await.expect("joined");
        }
        context.exit_signal(pid, ExitReason::KILL);
        while scope.members(&context, "g").await != Ok(vec![]) {
            context.sleep(ms(1)).await;
        }
        assert_eq!(scope.which_groups(&context).await, Ok(vec![]));
        // One that was dead before leaves as well.
        scope.join(&context, "g", &[pid]).await.expect("joined");
        while scope.members(&context, "g").await != Ok(vec![]) {
            context.sleep(ms(1)).await;
        }
    });
}

#[test]
fn a_process_is_in_a_group_at_most_so_often() {
    check(|context| async move {
        let (scope, pid) = (scope(&context).await, idle(&context));
        let too_often = Err("bad argument: a process joins a group at most 65535 times".to_owned());
        let join = async |times| scope.join(&context, "g", &vec![pid; times]).await.map_err(|error| error.to_string());
        assert_eq!(join(65_537).await, too_often);
        assert_eq!(join(65_535).await, Ok(()));
        assert_eq!(join(1).await, too_often);
        assert_eq!(scope.members(&context, "g").await.map(|members| members.len()), Ok(65_535));
        scope.join(&context, "other", &[pid]).await.expect("that is another group");
    });
}

#[test]
fn pg_monitor() {
    check(|context| async move {
        let scope = scope(&context).await;
        let (monitor, members) = scope.monitor(&context, "g").await.expect("a monitor");
        assert_eq!(members, []);
        let pid = idle(&context);
        scope.join(&context, "g", &[pid]).await.expect("joined");
        scope.join(&context, "other", &[pid]).await.expect("joined");
        let expected = GroupEvent { monitor, group: "g".to_owned(), change: GroupChange::Join, members: vec![pid] };
        assert_eq!(event(&context).await, expected);
        context.exit_signal(pid, ExitReason::KILL);
        assert_eq!(event(&context).await, GroupEvent { change: GroupChange::Leave, ..expected });
        none(&context).await;
    });
}

#[test]
fn a_monitor_of_a_scope_sees_all_groups_until_it_ends() {
    check(|context| async move {
        let scope = scope(&context).await;
        let pid = idle(&context);
        scope.join(&context, "g", &[pid]).await.expect("joined");
        let (monitor, groups) = scope.monitor_scope(&context).await.expect("a monitor");
        assert_eq!(groups.into_iter().collect::<Vec<_>>(), [("g".to_owned(), vec![pid])]);
        scope.join(&context, "h", &[pid, pid]).await.expect("joined");
        let joined = event(&context).await;
        assert_eq!((joined.monitor, joined.members.len()), (monitor, 2));
        scope.leave(&context, "h", &[pid]).await.expect("left");
        assert_eq!(event(&context).await.change, GroupChange::Leave);
        // What lies in the mailbox by then goes too, and nothing else does: as `pg:demonitor/2`.
        let (other, _) = scope.monitor(&context, "g").await.expect("a monitor");
        scope.join(&context, "g", &[pid]).await.expect("joined");
        scope.join(&context, "h", &[pid]).await.expect("joined");
        assert_eq!(scope.demonitor(&context, monitor).await, Ok(true));
        assert_eq!(event(&context).await.monitor, other);
        none(&context).await;
        assert_eq!(scope.demonitor(&context, other).await, Ok(true));
        assert_eq!(scope.demonitor(&context, monitor).await, Ok(false));
        scope.leave(&context, "h", &[pid]).await.expect("left");
        none(&context).await;
        assert_eq!(scope.local_members(&context, "g").await, Ok(vec![pid, pid]));
    });
}

/// Whoever watches and whoever is watched come and go at once: what a watcher was told adds up to what there is.
#[test]
fn what_a_monitor_is_told_adds_up_to_the_members() {
    check(|context| async move {
        let scope = scope(&context).await;
        for _ in 0..3 {
            let scope = scope.clone();
            context.spawn(|context: Context| async move {
                for _ in 0..10 {
                    let pid = idle(&context);
                    scope.join(&context, "g", &[pid]).await.expect("joined");
                    if context.random().is_multiple_of(2) {
                        context.exit_signal(pid, boom());
                    }
                }
            });
        }
        context.sleep(std::time::Duration::from_micros(context.random() % 500)).await;
        let (_, mut members) = scope.monitor(&context, "g").await.expect("a monitor");
        while let Some(Message::Plain(payload)) = context.receive_timeout(ms(1000), |_| true).await {
            let event: GroupEvent = payload.downcast().expect("a group event");
            for member in event.members {
                match event.change {
                    GroupChange::Join => members.push(member),
                    GroupChange::Leave => {
                        let place = members.iter().position(|known| *known == member);
                        members.swap_remove(place.expect("only a member leaves"));
                    }
                }
            }
        }
        members.sort();
        assert_eq!(scope.members(&context, "g").await, Ok(members));
    });
}

#[test]
fn a_watcher_that_ends_is_forgotten() {
    check(|context| async move {
        let scope = scope(&context).await;
        let watcher = scope.clone();
        context.spawn(|context: Context| async move {
            watcher.monitor(&context, "g").await.expect("a monitor");
        });
        context.sleep(ms(100)).await;
        let status = sys::status(&context, "facts", LONG).await.expect("a status");
        assert_eq!(status.state, "members {}, 0 monitors");
        assert!(status.info.monitors.is_empty());
    });
}

#[test]
fn a_registry_has_one_process_or_many_under_a_key() {
    check(|context| async move {
        KeyRegistry::<u32>::start(context.node(), "many", Keys::Duplicate).await;
        KeyRegistry::<u32>::start(context.node(), "one", Keys::Unique).await;
        let (many, one) = (KeyRegistryRef::<u32>::from("many"), KeyRegistryRef::<u32>::from("one"));
        let (own, other) = (context.pid(), {
            let (many, one) = (many.clone(), one.clone());
            context.spawn(|context: Context| async move {
                many.register(&context, "key", 1).await.expect("registered");
                one.register(&context, "key", 1).await.expect("registered");
                context.receive().await;
            })
        });
        wait(&context, || context.node().process_info(other).is_some_and(|info| info.status == "waiting")).await;
        context.sleep(ms(100)).await;
        assert_eq!(one.register(&context, "key", 2).await, Err(RegistryError::AlreadyRegistered(other)));
        many.register(&context, "key", 2).await.expect("registered");
        many.register(&context, "key", 3).await.expect("registered");
        many.register(&context, "more", 4).await.expect("registered");
        assert_eq!(many.lookup(&context, "key").await, Ok(vec![(own, 2), (own, 3), (other, 1)]));
        assert_eq!(many.keys(&context, own).await, Ok(vec!["key".to_owned(), "more".to_owned()]));
        many.unregister(&context, "key").await.expect("unregistered");
        assert_eq!(many.lookup(&context, "key").await, Ok(vec![(other, 1)]));
        context.exit_signal(other, boom());
        while one.register(&context, "key", 2).await != Ok(()) {
            context.sleep(ms(1)).await;
        }
        while many.lookup(&context, "key").await != Ok(vec![]) {
            context.sleep(ms(1)).await;
        }
        let gone: KeyRegistryRef<u32> = "gone".into();
        assert!(matches!(gone.lookup(&context, "key").await, Err(CallError::Badarg(_))));
    });
}

#[test]
fn global_register_unique() {
    check(|context| async move {
        assert!(matches!(ClusterNames::start_link(&context).await, Started::Up(_)));
        let node = context.node().clone();
        let pid = idle(&context);
        assert_eq!(ClusterNames::whereis(&node, "facts_g"), None);
        assert_eq!(ClusterNames::register(&context, "facts_g", pid).await, Ok(()));
        let again = ClusterNames::register(&context, "facts_g", context.pid()).await;
        assert_eq!(again, Err(ClusterNameError::Taken(pid)));
        assert_eq!(ClusterNames::whereis(&node, "facts_g"), Some(pid));
        context.exit_signal(pid, ExitReason::KILL);
        wait(&context, || ClusterNames::whereis(&node, "facts_g").is_none()).await;
        assert_eq!(ClusterNames::register(&context, "facts_g", context.pid()).await, Ok(()));
    });
}

#[test]
fn a_cluster_name_is_given_back_and_outlives_the_process_that_keeps_it() {
    check(|context| async move {
        context.trap_exit(true);
        let Started::Up(names) = ClusterNames::start_link(&context).await else { panic!("it starts") };
        let (node, own) = (context.node().clone(), context.pid());
        for name in ["one", "two"] {
            ClusterNames::register(&context, name, own).await.expect("a free name");
        }
        assert_eq!(ClusterNames::unregister(&context, "one").await, Ok(()));
        assert_eq!(ClusterNames::unregister(&context, "one").await, Err(ClusterNameError::NotRegistered));
        context.exit_signal(names, ExitReason::KILL);
        context.receive().await;
        assert!(matches!(ClusterNames::start_link(&context).await, Started::Up(_)));
        assert_eq!(ClusterNames::registered_names(&node), ["two"]);
        assert_eq!(ClusterNames::whereis(&node, "two"), Some(own));
        // A name has a limit, and a process is registered where it lives.
        let long = "n".repeat(256);
        assert!(matches!(ClusterNames::register(&context, &long, own).await, Err(ClusterNameError::Call(_))));
        assert_eq!(ClusterNames::register(&context, &long[..255], own).await, Ok(()));
        let elsewhere = Pid { node: NodeId::of_name("elsewhere"), ..own };
        assert_eq!(ClusterNames::register(&context, "x", elsewhere).await, Err(ClusterNameError::NotLocal));
    });
}
