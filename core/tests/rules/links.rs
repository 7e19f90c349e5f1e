use super::{agent, boom, check, dead, ended, ends_with, mailbox, settled, tell};
use rusm_core::{Context, ExitReason, Pid};

/// Links both ways, as the process table shows them.
fn links(context: &Context, pid: Pid) -> Vec<Pid> {
    context.node().process_info(pid).map(|info| info.links).unwrap_or_default()
}

#[test]
fn a_link_is_symmetric_and_linking_twice_is_one_link() {
    check(|context| async move {
        context.trap_exit(true);
        let other = agent(&context);
        context.link(other);
        context.link(other);
        settled(&context, &[other]).await;
        assert_eq!(links(&context, context.pid()), [other]);
        assert_eq!(links(&context, other), [context.pid()]);
        let own = context.pid();
        tell(&context, other, move |other| other.link(own)).await;
        context.unlink(other);
        settled(&context, &[other]).await;
        assert!(links(&context, other).is_empty());
        context.exit_signal(other, boom());
        settled(&context, &[other]).await;
        assert!(mailbox(&context).is_empty());
    });
}

#[test]
fn a_death_clears_both_halves_and_gives_one_exit() {
    check(|context| async move {
        context.trap_exit(true);
        let other = agent(&context);
        context.link(other);
        context.link(other);
        context.exit_signal(other, boom());
        settled(&context, &[other]).await;
        assert_eq!(mailbox(&context), ["exit(boom)"]);
        assert!(links(&context, context.pid()).is_empty());
    });
}

#[test]
fn after_unlink_no_exit_arrives_and_one_in_the_mailbox_stays() {
    check(|context| async move {
        context.trap_exit(true);
        for _ in 0..100 {
            let other = agent(&context);
            context.link(other);
            context.exit_signal(other, boom());
            context.unlink(other);
            let at_unlink = mailbox(&context);
            settled(&context, &[other]).await;
            assert_eq!(mailbox(&context), at_unlink);
            while context.try_receive(|_| true).is_some() {}
        }
    });
}

#[test]
fn either_side_can_unlink() {
    check(|context| async move {
        context.trap_exit(true);
        let (own, other) = (context.pid(), agent(&context));
        context.link(other);
        tell(&context, other, move |other| other.unlink(own)).await;
        context.exit_signal(other, boom());
        settled(&context, &[other]).await;
        assert!(mailbox(&context).is_empty());
    });
}

#[test]
fn a_link_made_behind_an_unlink_is_a_new_one() {
    check(|context| async move {
        context.trap_exit(true);
        let other = agent(&context);
        context.link(other);
        context.unlink(other);
        context.link(other);
        context.exit_signal(other, boom());
        settled(&context, &[other]).await;
        assert_eq!(mailbox(&context), ["exit(boom)"]);
    });
}

#[test]
fn a_link_to_the_dead_gives_the_exit_signal_noproc() {
    check(|context| async move {
        let pid = dead(&context).await;
        let reason = ends_with(&context, move |context| async move {
            context.link(pid);
            context.receive().await;
        });
        assert_eq!(reason.await, ExitReason::NOPROC);
        context.trap_exit(true);
        context.link(pid);
        settled(&context, &[pid]).await;
        assert_eq!(mailbox(&context), ["exit(noproc)"]);
    });
}

#[test]
fn a_link_to_oneself_is_none() {
    check(|context| async move {
        context.link(context.pid());
        assert!(links(&context, context.pid()).is_empty());
        context.unlink(context.pid());
    });
}

#[test]
fn spawn_link_is_one_step() {
    check(|context| async move {
        context.trap_exit(true);
        for _ in 0..100 {
            let child = context.spawn_link(|_| async { boom() });
            ended(&context, child).await;
            assert_eq!(mailbox(&context), ["exit(boom)"]);
            context.receive().await;
        }
    });
}
