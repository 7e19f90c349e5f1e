use super::{agent, boom, check, dead, down, settled};
use rusm_core::{Context, ExitReason, SpawnOptions, Started, process_body};

#[test]
fn register_refuses_a_name_in_use_a_dead_process_and_a_second_name() {
    check(|context| async move {
        let (first, second) = (agent(&context), agent(&context));
        assert!(context.register("a", first).is_ok());
        assert_eq!(context.whereis("a"), Some(first));
        assert!(context.register("a", second).is_err());
        assert!(context.register("a", first).is_err());
        assert!(context.register("b", first).is_err());
        assert!(context.register("b", dead(&context).await).is_err());
        assert_eq!(context.whereis("b"), None);
        assert!(context.unregister("b").is_err());
        assert!(context.unregister("a").is_ok());
        assert!(context.unregister("a").is_err());
        assert!(context.register("b", first).is_ok());
    });
}

#[test]
fn a_dead_process_has_lost_its_name_before_its_death_is_seen() {
    check(|context| async move {
        context.trap_exit(true);
        for _ in 0..100 {
            let target = agent(&context);
            let monitor = context.monitor(target);
            context.register("a", target).expect("free again");
            context.exit_signal(target, boom());
            down(&context, monitor).await;
            assert_eq!(context.whereis("a"), None);
            let target = agent(&context);
            context.register("a", target).expect("free again");
            context.link(target);
            context.exit_signal(target, boom());
            context.receive().await;
            assert_eq!(context.whereis("a"), None);
        }
    });
}

#[test]
fn the_name_exists_before_init_and_is_free_again_when_a_start_has_failed() {
    check(|context| async move {
        context.trap_exit(true);
        let named = || SpawnOptions { name: Some("a".to_owned()), ..SpawnOptions::default() };
        for _ in 0..100 {
            let failing = process_body(|child: Context| async move {
                assert_eq!(child.whereis("a"), Some(child.pid()));
                child.init_fail(boom());
                tokio::task::yield_now().await;
                ExitReason::NORMAL
            });
            assert_eq!(context.start_link(named(), failing).await, Started::Failed(boom()));
            assert_eq!(context.whereis("a"), None);
            let ignoring = process_body(|child: Context| async move { child.init_ignore() });
            assert_eq!(context.start_link(named(), ignoring).await, Started::Ignored);
            assert_eq!(context.whereis("a"), None);
        }
        let up = agent(&context);
        settled(&context, &[up]).await;
        assert!(context.try_receive(|_| true).is_none(), "no EXIT of what did not start");
    });
}
